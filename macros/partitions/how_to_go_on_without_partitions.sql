{% macro how_to_go_on_without_partitions() -%}
    {{ return('Narrow partition_value_pattern so that it leaves them out, drop them, or pin a partition with the setting'
        ~ ' pinned_partition.') }}
{%- endmacro %}
