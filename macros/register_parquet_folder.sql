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


{#-
    By the one reader of raw tables. The columns are those of one file of the newest partition: Spark would take those of
    the oldest, and cannot read a file of another type.
-#}
{% macro register_folder_seen_here(relation, location, partitioned, names, described, partition_columns=none) -%}
    {%- set keys = matched_ids.partition_levels(names[0]) | list if names else [] -%}
    {%- set columns, partition = [], none -%}
    {%- if partitioned -%}
        {%- set columns = matched_ids.partition_column_list(partition_columns) -%}
        {%- if not names -%}
            {#- Says why: missing, empty, or not partitioned. -#}
            {%- do matched_ids.python().partition_names(location, columns) -%}
        {%- endif -%}
        {%- set partition = matched_ids.partition_struct(columns, matched_ids.chosen_values(names, columns, relation)) -%}
    {%- endif -%}
    {#- Of another table than A and B it is not known which columns are read; the models that do look at them. -#}
    {%- set source = 'records' if partitioned else 'cpfs' -%}
    {%- set wanted = matched_ids.raw_columns(source) if matched_ids.is_own_source(relation, source) else [] -%}
    {%- set found = matched_ids.python().scan(location, columns, partition, wanted) -%}
    {%- set schema = matched_ids.spark_columns(found.sample, keys) if found.sample else described.columns -%}
    {%- if not schema -%}
        {%- do exceptions.raise_compiler_error(
            'register_raw_tables: no file of ' ~ location ~ ' has a row, so its columns are not known.') -%}
    {%- endif -%}
    {%- for key in keys -%}
        {%- do schema.append([key, 'string']) -%}
    {%- endfor -%}
    {#- A table that is what the folder is stays, because all its partitions would have to be registered anew. -#}
    {%- if described.location != location or described.provider != 'parquet' or described.partitioned_by != keys
        or described.columns != schema -%}
        {%- set declared = [] -%}
        {%- for name, type in schema -%}
            {%- do declared.append(adapter.quote(name) ~ ' ' ~ type) -%}
        {%- endfor -%}
        {%- call statement('drop_raw_table') -%} drop table if exists {{ relation.render() }} {%- endcall -%}
        {%- call statement('create_raw_table') -%}
            create table {{ relation.render() }} ({{ declared | join(', ') }}) using parquet
            {%- if keys %} partitioned by ({% for key in keys %}{{ adapter.quote(key) }}{{ ', ' if not loop.last }}{% endfor %}){% endif %}
            location '{{ location }}'
        {%- endcall -%}
    {%- else -%}
        {#- A session that lives longer than a run remembers which files there were. -#}
        {%- call statement('refresh_raw_table') -%} refresh table {{ relation.render() }} {%- endcall -%}
    {%- endif -%}
    {%- if keys -%}
        {%- do matched_ids.register_partitions(relation, location, keys, names) -%}
    {%- endif -%}
{%- endmacro %}


{#- The values of the partition that the models will read: pinned, or the newest. -#}
{% macro chosen_values(names, columns, relation) -%}
    {%- set pinned = matched_ids.pin_of(relation) -%}
    {%- if pinned -%}
        {{ return(matched_ids.pinned_partition_values(pinned, columns)) }}
    {%- endif -%}
    {{ return(matched_ids.newest_partition(names, columns, relation).level_values) }}
{%- endmacro %}


{#- Adds the partitions that came, and drops those that went, each with the folder that it is. -#}
{% macro register_partitions(relation, location, keys, names) -%}
    {%- set folders = {} -%}
    {%- for name in names -%}
        {%- set levels = matched_ids.partition_levels(name) -%}
        {%- set values = levels.values() | list -%}
        {%- for value in values -%}
            {%- do matched_ids.require_safe_partition_value(value, relation.render()) -%}
        {%- endfor -%}
        {%- if '' not in values -%} {#- which a metastore refuses, and no model reads -#}
            {%- do folders.update({values | tojson: [values, name]}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set registered = {} -%}
    {%- for name in run_query('show partitions ' ~ relation.render()).columns[0].values() -%}
        {%- set values = matched_ids.partition_levels(name).values() | list -%}
        {%- do registered.update({values | tojson: [values, name]}) -%}
    {%- endfor -%}
    {%- set gone, come = [], [] -%}
    {%- for key, found in registered.items() if key not in folders -%}
        {%- do gone.append('partition (' ~ matched_ids.partition_spec(keys, found[0]) ~ ')') -%}
    {%- endfor -%}
    {%- for key, found in folders.items() if key not in registered -%}
        {%- do come.append(
            'partition (' ~ matched_ids.partition_spec(keys, found[0]) ~ ") location '" ~ location ~ '/' ~ found[1] ~ "'") -%}
    {%- endfor -%}
    {%- for some in gone | batch(500) -%}
        {%- call statement('drop_partitions') -%}
            alter table {{ relation.render() }} drop if exists {{ some | join(', ') }}
        {%- endcall -%}
    {%- endfor -%}
    {%- for some in come | batch(500) -%}
        {%- call statement('add_partitions') -%}
            alter table {{ relation.render() }} add if not exists {{ some | join(' ') }}
        {%- endcall -%}
    {%- endfor -%}
{%- endmacro %}


{% macro partition_spec(keys, values) -%}
    {%- set parts = [] -%}
    {%- for key in keys -%}
        {%- do parts.append(adapter.quote(key) ~ "='" ~ values[loop.index0] ~ "'") -%}
    {%- endfor -%}
    {{ return(parts | join(', ')) }}
{%- endmacro %}


{#- By Spark itself, in whose metastore the table is then made of the folder. -#}
{% macro register_folder_of_cluster(relation, location, partitioned, described) -%}
    {%- if described.location != location or described.provider != 'parquet'
        or (described.partitioned_by | length > 0) != partitioned
        or described.columns != matched_ids.spark_columns(location) -%}
        {%- call statement('drop_raw_table') -%} drop table if exists {{ relation.render() }} {%- endcall -%}
        {%- call statement('create_raw_table') -%}
            create table {{ relation.render() }} using parquet location '{{ location }}'
        {%- endcall -%}
        {%- if partitioned and not matched_ids.describe_spark_table(relation).partitioned_by -%}
            {%- do exceptions.raise_compiler_error(
                'register_raw_tables: ' ~ location ~ ' has no partitions: no folder in it is named column=value, or its'
                ~ ' files hold a column of that name themselves.') -%}
        {%- endif -%}
    {%- else -%}
        {%- call statement('refresh_raw_table') -%} refresh table {{ relation.render() }} {%- endcall -%}
    {%- endif -%}
    {%- if partitioned -%}
        {%- call statement('register_partitions') -%}
            msck repair table {{ relation.render() }} sync partitions
        {%- endcall -%}
        {{ return(run_query('show partitions ' ~ relation.render()) | length) }}
    {%- endif -%}
    {{ return(0) }}
{%- endmacro %}


{#-
    The columns of a Parquet file or folder as Spark reads them, without those that its folders name. A name with a comma
    is left out, as no metastore takes it.
-#}
{% macro spark_columns(location, without=[]) -%}
    {%- set columns = [] -%}
    {%- for row in run_query('describe query select * from parquet.`' ~ location ~ '`').rows
        if row[0] | lower not in without and ',' not in row[0] -%}
        {%- do columns.append([row[0], row[1]]) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}
