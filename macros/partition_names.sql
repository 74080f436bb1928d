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
    {%- set described = spark_table_description(table) -%}
    {%- do require_partitioned_by(table, columns, described.partitioned_by) -%}
    {%- if described.provider == 'iceberg' -%}
        {{ return(iceberg_partition_names(table, columns)) }}
    {%- endif -%}
    {{ return(default__partition_names(table, columns)) }}
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
        {%- do exceptions.raise_compiler_error(
            'latest_partition: ' ~ table.render() ~ ' is a view, which has no partitions. Set'
            ~ ' MATCHED_IDS_RECORDS_SCHEMA and MATCHED_IDS_RECORDS_TABLE to the table behind it.') -%}
    {%- endif -%}
    {%- if table_type == 'iceberg_table' -%}
        {{ return(iceberg_partition_names(table, columns)) }}
    {%- endif -%}
    {{ return(default__partition_names(table, columns)) }}
{%- endmacro %}


{#-
    DuckDB has no catalog of its own here. Where the setting names a table's metadata, that tells its partitions. Else the
    names are those of folders, listed level by level until all columns are there: where a pattern ends with a slash,
    DuckDB matches folders and does not look at the files in them.
-#}
{% macro duckdb__partition_names(relation, columns) -%}
    {%- if has_metadata(raw_path(relation)) -%}
        {{ return(ask_raw_table(relation, 'partitions/' ~ columns | join(',')).names) }}
    {%- endif -%}
    {%- set root = raw_folder(relation) -%}
    {#- Two macros ask for them in one run. -#}
    {%- set listed = graph.setdefault('matched_ids_partition_names', {}) -%}
    {%- set key = root ~ ' by ' ~ columns | join(', ') -%}
    {%- if key not in listed -%}
        {%- set found = namespace(names=[], complete=false) -%}
        {%- for depth in range(1, 17) if not found.complete -%}
            {%- set folders = run_query("select file from glob('" ~ root ~ '/[!._]*=*' * depth ~ "/')") -%}
            {%- if not folders | length -%}
                {%- set found.complete = true -%}
            {%- else -%}
                {%- set found.names = [] -%}
                {%- for folder in folders.columns[0].values() -%}
                    {%- do found.names.append(folder[root | length + 1:].rstrip('/')) -%}
                {%- endfor -%}
                {%- set levels = partition_levels(found.names[0]) -%}
                {%- set found.complete = columns | reject('in', levels) | list | length == 0 -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if not found.names -%}
            {%- set anything = run_query(
                "select file from glob('" ~ root ~ "/*') union all select file from glob('" ~ root ~ "/*/') limit 1") -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: ' ~ root ~ (' has no partitions: no folder in it is named as ' ~ columns[0] ~ '=….'
                if anything | length else ' is missing or empty.') ~ ' Check the setting '
                ~ raw_source_name(relation) ~ '_path, and that the load ran.') -%}
        {%- endif -%}
        {%- do listed.update({key: found.names}) -%}
    {%- endif -%}
    {{ return(listed[key]) }}
{%- endmacro %}


{#- An Iceberg table's own list of its partitions. No backslash and no triple quote: dbt-glue sends SQL as Python. -#}
{% macro iceberg_partition_names(relation, columns) -%}
    {%- set levels = [] -%}
    {%- for column in columns -%}
        {#- As Hive escapes in its names, which latest_partition reads: the sign of the escapes first. -#}
        {%- set value = namespace(sql='cast(partition.' ~ column ~ ' as string)') -%}
        {%- for sign, escaped in [('%', '%25'), ('/', '%2F'), ('=', '%3D')] -%}
            {%- set value.sql = 'replace(' ~ value.sql ~ ", '" ~ sign ~ "', '" ~ escaped ~ "')" -%}
        {%- endfor -%}
        {%- do levels.append("'" ~ column ~ "=', coalesce(" ~ value.sql ~ ", '__HIVE_DEFAULT_PARTITION__')") -%}
    {%- endfor -%}
    {%- set names = run_query(
        'select concat(' ~ levels | join(", '/', ") ~ ') as partition_name from ' ~ relation.render() ~ '.partitions') -%}
    {{ return(names.columns[0].values() | list) }}
{%- endmacro %}


{% macro spark_table_description(relation) -%}
    {%- set found = namespace(section='', provider='', location='') -%}
    {%- set columns, partitioned_by = [], [] -%}
    {%- for row in run_query('describe extended ' ~ relation.render()).rows -%}
        {%- set name, value = row[0] or '', row[1] or '' -%}
        {%- if name.startswith('#') and name != '# col_name' or not name -%}
            {%- set found.section = name or '-' -%}
        {%- elif not found.section -%}
            {%- do columns.append([name, value]) -%}
        {%- elif found.section == '# Partition Information' and name != '# col_name' -%}
            {%- do partitioned_by.append(name | lower) -%}
        {%- elif found.section == '# Partitioning' -%}
            {#- So described when a partition of an Iceberg table is computed: Part 0 is ano_mes_dia, Part 1 is
                bucket(8, id). -#}
            {%- do partitioned_by.append(value | lower) -%}
        {%- elif found.section == '# Detailed Table Information' and name == 'Provider' -%}
            {%- set found.provider = value | lower -%}
        {%- elif found.section == '# Detailed Table Information' and name == 'Location' -%}
            {%- set found.location = modules.re.sub('^file:/*', '/', value) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({'provider': found.provider, 'location': found.location, 'columns': columns, 'partitioned_by': partitioned_by}) }}
{%- endmacro %}


{% macro require_partitioned_by(relation, columns, partitioned_by) -%}
    {%- for column in columns if column not in partitioned_by -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: ' ~ relation.render() ~ ' is not partitioned by ' ~ column
            ~ ('; its partition columns are ' ~ partitioned_by | join(', ') ~ '. Set partition_columns to them.'
               if partitioned_by else '; it has no partitions. Read a table that has one for each load.')) -%}
    {%- endfor -%}
{%- endmacro %}
