{#-
    Registers two folders of Parquet as the raw tables of a local (or own) metastore. The data stays where it is
    and is never written. Running it again reads the schemas anew and registers partitions that came or went.
-#}
{% macro register_raw_tables(cpfs, records) -%}
    {%- do register_raw_table('cpfs', cpfs) -%}
    {%- do register_raw_table('records', records) -%}
{%- endmacro %}


{#-
    Before every run on `local`: its metastore is this project's own, so that what the settings cpfs_path and records_path
    say is registered anew, in the session that the models run in. Elsewhere a catalog is told by the load.
-#}
{% macro register_raw_folders() -%}
    {%- if execute and target.name == 'local' -%}
        {%- for source in ['cpfs', 'records'] if setting(source ~ '_path') -%}
            {%- do register_raw_table(source, setting(source ~ '_path')) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}


{#- Registers a source of the project, under the name that the settings give it. -#}
{% macro register_raw_table(source, path) -%}
    {%- set name = 'MATCHED_IDS_' ~ source | upper -%}
    {%- do register_parquet_folder(
        var(source ~ '_schema', env_var(name ~ '_SCHEMA', 'raw')),
        var(source ~ '_table', env_var(name ~ '_TABLE', source)), path, source == 'records') -%}
{%- endmacro %}


{#- The names and types of a query's columns, which is not run. -#}
{% macro spark_columns(query) -%}
    {%- set columns = [] -%}
    {%- for row in run_query('describe query ' ~ query).rows -%}
        {%- do columns.append([row[0], row[1]]) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}


{% macro register_parquet_folder(schema, table, path, partitioned) -%}
    {%- if target.type != 'spark' -%}
        {%- do exceptions.raise_compiler_error(
            'register_raw_tables works on the spark targets only; on ' ~ target.type ~ (
                ' there is no catalog: set MATCHED_IDS_CPFS_PATH and MATCHED_IDS_RECORDS_PATH.' if target.type == 'duckdb'
                else ' the catalog is filled by the load (a crawler, or the engine that writes the table).')) -%}
    {%- endif -%}
    {#- Spark would take a relative path as relative to the schema's warehouse folder. -#}
    {%- set location = raw_location(path, table) -%}
    {%- set relation = schema ~ '.' ~ table -%}
    {%- set existing = api.Relation.create(schema=schema, identifier=table) -%}
    {%- set described = spark_table_description(existing) if adapter.get_columns_in_relation(existing) else {} -%}
    {%- if described.provider == 'iceberg' -%}
        {#- To drop such a table of the target `local` is to delete its data. -#}
        {%- do exceptions.raise_compiler_error(
            'register_raw_tables: ' ~ relation ~ ' is an Iceberg table, which needs no registration. To put Parquet in'
            ~ ' its place, drop it yourself, or choose another name: MATCHED_IDS_CPFS_TABLE, MATCHED_IDS_RECORDS_TABLE.') -%}
    {%- endif -%}
    {#- Partition values stay the texts that the folders are named with, as in Glue: 07 is not 7. -#}
    {%- call statement('keep_partition_texts') -%}
        set spark.sql.sources.partitionColumnTypeInference.enabled=false
    {%- endcall -%}
    {%- call statement('create_raw_schema') -%} create schema if not exists {{ schema }} {%- endcall -%}
    {#- A table that is what the folder is stays, because all its partitions would have to be registered anew. -#}
    {%- if described.location != location or described.provider != 'parquet'
        or (described.partitioned_by | length > 0) != partitioned
        or described.columns != spark_columns('select * from parquet.`' ~ location ~ '`') -%}
        {%- call statement('drop_raw_table') -%} drop table if exists {{ relation }} {%- endcall -%}
        {%- call statement('create_raw_table') -%} create table {{ relation }} using parquet location '{{ location }}' {%- endcall -%}
        {%- if partitioned and not spark_table_description(existing).partitioned_by -%}
            {%- do exceptions.raise_compiler_error(
                'register_raw_tables: ' ~ location ~ ' has no partitions: no folder in it is named column=value, or its'
                ~ ' files hold a column of that name themselves.') -%}
        {%- endif -%}
    {%- else -%}
        {#- A session that lives longer than a run remembers which files there were. -#}
        {%- call statement('refresh_raw_table') -%} refresh table {{ relation }} {%- endcall -%}
    {%- endif -%}
    {%- if partitioned -%}
        {%- call statement('register_partitions') -%} msck repair table {{ relation }} sync partitions {%- endcall -%}
        {%- set found = run_query('show partitions ' ~ relation) | length -%}
        {%- do log('register_raw_tables: ' ~ relation ~ ' is ' ~ location ~ ', ' ~ found ~ ' partitions', info=true) -%}
    {%- else -%}
        {%- do log('register_raw_tables: ' ~ relation ~ ' is ' ~ location, info=true) -%}
    {%- endif -%}
{%- endmacro %}
