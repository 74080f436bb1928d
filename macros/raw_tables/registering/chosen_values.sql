{#- The values of the partition that the models will read: pinned, or the newest. -#}
{% macro chosen_values(names, columns, relation) -%}
    {%- set pinned = matched_ids.pin_of(relation) -%}
    {%- if pinned -%}
        {{ return(matched_ids.pinned_partition_values(pinned, columns)) }}
    {%- endif -%}
    {{ return(matched_ids.newest_partition(names, columns, relation).level_values) }}
{%- endmacro %}
