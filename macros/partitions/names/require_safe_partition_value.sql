{% macro require_safe_partition_value(value, table) -%}
    {%- if matched_ids.has_unsafe_characters(value) -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: ' ~ table ~ ' has a partition value that is unsafe inside SQL: ' ~ value | tojson
            ~ '. Quotes, backslashes, semicolons and control characters are refused. Drop that partition from the'
            ~ ' catalog, or pin a good one with the setting pinned_partition.') -%}
    {%- endif -%}
{%- endmacro %}
