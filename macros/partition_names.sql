{#- The partition names of a table as `column=value/column=value`, from the catalog, without opening a data file. -#}
{% macro partition_names(relation) -%}
    {{ return(adapter.dispatch('partition_names', 'matched_ids')(relation)) }}
{%- endmacro %}


{% macro default__partition_names(relation) -%}
    {{ return(run_query('show partitions ' ~ relation.render()).columns[0].values() | list) }}
{%- endmacro %}


{% macro spark__partition_names(relation) -%}
    {#- Two cheap look-ups first, so that a missing table is an advice and not Spark's parse tree. Not
        `load_relation`: dbt-spark would describe every table of the schema. -#}
    {%- set schema_found = run_query("show schemas like '" ~ relation.schema ~ "'") | length -%}
    {%- if not schema_found or not run_query("show tables in " ~ relation.without_identifier().render() ~ " like '" ~ relation.identifier ~ "'") | length -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: the table ' ~ relation.render() ~ ' does not exist in this catalog. On the local target'
            ~ ' register it first: dbt run-operation register_raw_tables --args \'{cpfs: PATH, records: PATH}\'.'
            ~ ' Elsewhere check MATCHED_IDS_RECORDS_SCHEMA and MATCHED_IDS_RECORDS_TABLE.') -%}
    {%- endif -%}
    {{ return(default__partition_names(relation)) }}
{%- endmacro %}
