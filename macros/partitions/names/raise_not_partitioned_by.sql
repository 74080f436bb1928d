{% macro raise_not_partitioned_by(column, known, table) -%}
    {%- do exceptions.raise_compiler_error(
        'latest_partition: ' ~ table ~ ' is not partitioned by ' ~ column ~ '; its partition columns are '
        ~ (known | join(', ') or 'none') ~ '. Set partition_columns to them.') -%}
{%- endmacro %}
