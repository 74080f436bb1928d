{#- The values of a partition name by their columns, which are in lower case. -#}
{% macro partition_levels(name) -%}
    {%- set levels = {} -%}
    {%- for level in name.split('/') if '=' in level -%}
        {%- set value = level.partition('=')[2] -%}
        {%- do levels.update({level.partition('=')[0] | lower: matched_ids.unescaped_partition_value(value)}) -%}
    {%- endfor -%}
    {{ return(levels) }}
{%- endmacro %}
