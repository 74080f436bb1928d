{#-
    The partition names of a table as `column=value/column=value`, from the catalog or the table's metadata, without
    opening a data file.
-#}
{% macro partition_names(relation, columns) -%}
    {{ return(adapter.dispatch('partition_names', 'matched_ids')(relation, columns)) }}
{%- endmacro %}


{% macro default__partition_names(relation, columns) -%}
    {{ return(run_query('show partitions ' ~ relation.render()).columns[0].values() | list) }}
{%- endmacro %}


{% macro spark__partition_names(relation, columns) -%}
    {#- One table is described, twice, because only the adapter can look for a missing one without failing. Not
        `load_relation`: dbt-spark would describe every table of the schema. Not `show tables`: Spark does not list
        the Iceberg tables of the target `local`. The relation without `render` is a subquery under --empty. -#}
    {%- set table = api.Relation.create(schema=relation.schema, identifier=relation.identifier) -%}
    {%- if not adapter.get_columns_in_relation(table) -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: the table ' ~ table.render() ~ ' does not exist in this catalog. On the local target'
            ~ ' set MATCHED_IDS_CPFS_PATH and MATCHED_IDS_RECORDS_PATH to the folders of Parquet. Elsewhere check'
            ~ ' MATCHED_IDS_RECORDS_SCHEMA and MATCHED_IDS_RECORDS_TABLE.') -%}
    {%- endif -%}
    {%- set described = matched_ids.spark_table_description(table) -%}
    {%- if described.is_view -%}
        {%- do matched_ids.refuse_view(table) -%}
    {%- elif described.is_projected -%}
        {%- do matched_ids.refuse_projection(table) -%}
    {%- endif -%}
    {%- do matched_ids.require_partitioned_by(table, columns, described.partitioned_by) -%}
    {%- if described.provider == 'iceberg' -%}
        {{ return(matched_ids.iceberg_partition_names(table, columns)) }}
    {%- endif -%}
    {{ return(matched_ids.default__partition_names(table, columns)) }}
{%- endmacro %}


{% macro glue__partition_names(relation, columns) -%}
    {#- A query takes three statements of the session, and runs twice: one, and what the catalog's own API tells
        without a session before it. `get_table_type` raises what keeps it from the table (access denied, throttled);
        `get_relation` is asked too because a table may have no type. -#}
    {%- set table = api.Relation.create(schema=relation.schema, identifier=relation.identifier) -%}
    {%- set table_type = adapter.get_table_type(table) -%}
    {%- if table_type is none
        and not adapter.get_relation(database=table.schema, schema=table.schema, identifier=table.identifier) -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: the table ' ~ table.render() ~ ' is not in the Glue Data Catalog of this account and'
            ~ ' region, or this role may not see it. Check MATCHED_IDS_RECORDS_SCHEMA, MATCHED_IDS_RECORDS_TABLE,'
            ~ ' AWS_REGION, and the permission glue:GetTable.') -%}
    {%- endif -%}
    {%- if table_type == 'view' -%}
        {%- do matched_ids.refuse_view(table) -%}
    {%- endif -%}
    {%- if matched_ids.python().glue_table(table.schema, table.identifier).is_projected -%}
        {%- do matched_ids.refuse_projection(table) -%}
    {%- endif -%}
    {%- if table_type == 'iceberg_table' -%}
        {{ return(matched_ids.iceberg_partition_names(table, columns)) }}
    {%- endif -%}
    {{ return(matched_ids.default__partition_names(table, columns)) }}
{%- endmacro %}


{#- DuckDB has no catalog of its own here: folders tell, or a table's metadata. -#}
{% macro duckdb__partition_names(relation, columns) -%}
    {{ return(matched_ids.python().partition_names(matched_ids.raw_path(matched_ids.raw_source(relation)), columns)) }}
{%- endmacro %}
