{% macro refuse_view(table) -%}
    {%- do exceptions.raise_compiler_error(
        'latest_partition: ' ~ table.render() ~ ' is a view, which has no partitions. Set'
        ~ ' MATCHED_IDS_RECORDS_SCHEMA and MATCHED_IDS_RECORDS_TABLE to the table behind it.') -%}
{%- endmacro %}
