{#- Registers one folder of Parquet as a table of Spark's metastore. -#}
{% macro register_parquet_folder(schema, table, path, partitioned, partition_columns=none) -%}
    {%- if target.type != 'spark' -%}
        {%- do exceptions.raise_compiler_error(
            'register_raw_tables works on the spark targets only; on ' ~ target.type ~ (
                ' there is no catalog: set MATCHED_IDS_CPFS_PATH and MATCHED_IDS_RECORDS_PATH.' if target.type == 'duckdb'
                else ' the catalog is filled by the load (a crawler, or the engine that writes the table).')) -%}
    {%- endif -%}
    {#- Spark would take a relative path as relative to the schema's warehouse folder. -#}
    {%- set location = matched_ids.raw_location(path | string | trim, table) -%}
    {%- set relation = api.Relation.create(schema=schema, identifier=table) -%}
    {%- set described = matched_ids.describe_spark_table(relation) if adapter.get_columns_in_relation(relation) else {} -%}
    {%- if described.provider == 'iceberg' -%}
        {#- To drop such a table of the target `local` is to delete its data. -#}
        {%- do exceptions.raise_compiler_error(
            'register_raw_tables: ' ~ relation.render() ~ ' is an Iceberg table, which needs no registration. To put Parquet'
            ~ ' in its place, drop it yourself, or choose another name: MATCHED_IDS_CPFS_TABLE, MATCHED_IDS_RECORDS_TABLE.') -%}
    {%- endif -%}
    {#- Partition values stay the texts that the folders are named with, as in Glue: 07 is not 7. -#}
    {%- call statement('keep_partition_texts') -%}
        set spark.sql.sources.partitionColumnTypeInference.enabled=false
    {%- endcall -%}
    {%- call statement('create_raw_schema') -%} create schema if not exists {{ schema }} {%- endcall -%}
    {#- A Thrift server may see folders that this machine does not. -#}
    {%- if matched_ids.python().is_spark_here() -%}
        {%- set names = matched_ids.python().partitions(location) if partitioned else [] -%}
        {%- do matched_ids.register_folder_seen_here(
            relation, location, partitioned, names, described, partition_columns) -%}
        {%- set found = names | length -%}
    {%- else -%}
        {%- set found = matched_ids.register_folder_of_cluster(relation, location, partitioned, described) -%}
    {%- endif -%}
    {%- do log('register_raw_tables: ' ~ relation.render() ~ ' is ' ~ location
        ~ (', ' ~ found ~ ' partitions' if partitioned else ''), info=true) -%}
{%- endmacro %}
