{% macro require_partitioned_by(relation, columns, partitioned_by) -%}
    {%- for column in columns if column not in partitioned_by -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: ' ~ relation.render() ~ ' is not partitioned by ' ~ column
            ~ ('; its partition columns are ' ~ partitioned_by | join(', ') ~ '. Set partition_columns to them.'
               if partitioned_by else '; it has no partitions. Read a table that has one for each load.')) -%}
    {%- endfor -%}
{%- endmacro %}
