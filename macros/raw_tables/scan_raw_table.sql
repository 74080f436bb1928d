{#-
    Looks at what a model is about to read of a raw table, without reading a row, and refuses what docs/raw-data.md says:
    other types than texts and integers, numbers where table B's documents should be, files that are not like the others.
    Where this machine sees the files, their footers tell, else the catalog does. Returns the `kinds` of the columns,
    text or integer, by their names as they were asked for.
-#}
{% macro scan_raw_table(relation, partition=none, columns=none) -%}
    {%- if not execute or relation.is_cte -%}
        {{ return({'kinds': {}}) }}
    {%- endif -%}
    {%- set source = matched_ids.raw_source(relation) -%}
    {%- set wanted = [] -%}
    {%- set named = columns.split(',') if columns is string else columns or [] -%}
    {#- Those that the partition was chosen by are there without being asked for. -#}
    {%- for column in named if column | trim | lower not in (partition.columns if partition else []) -%}
        {%- do wanted.append([column | trim, 'other']) -%}
    {%- endfor -%}
    {%- set wanted = wanted if named else source.columns -%}
    {%- if not wanted and not named -%}
        {%- do exceptions.raise_compiler_error(
            'raw_table: it is not known which columns of ' ~ source.table.render() ~ ' are read. Name them:'
            ~ " matched_ids.raw_table(source('…', '…'), partition, columns=['id', 'documento']).") -%}
    {%- endif -%}
    {{ return(adapter.dispatch('scan_raw_table', 'matched_ids')(source, partition, wanted)) }}
{%- endmacro %}


{#- On AWS Glue: the catalog's types, asked by the API and not in a session, where each query is paid for. -#}
{% macro glue__scan_raw_table(source, partition, wanted) -%}
    {%- set found = matched_ids.python().glue_table(source.table.schema, source.table.identifier) -%}
    {%- set described = found.columns -%}
    {%- if found.kind == 'link' or not described -%}
        {%- set described = [] -%}
        {%- for column in adapter.get_columns_in_relation(source.table) -%}
            {%- do described.append([column.name, column.dtype]) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return({'kinds': matched_ids.kinds_in_catalog(source.table.render(), described, found.partitioned_by, wanted)}) }}
{%- endmacro %}


{#-
    On Spark: the metastore's types. Of a Spark in this process the files are looked at too: they are what Spark will read,
    and a type that the metastore does not know of ends in a Java error, or in nulls.
-#}
{% macro spark__scan_raw_table(source, partition, wanted) -%}
    {%- set table = source.table -%}
    {%- set described = matched_ids.spark_table_description(table) -%}
    {%- set kinds = matched_ids.kinds_in_catalog(table.render(), described.columns, described.partitioned_by, wanted) -%}
    {%- if matched_ids.path_seen_here(table) is not none -%}
        {%- set columns = partition.columns if partition is not none else [] -%}
        {%- set found = matched_ids.python().scan(described.location, columns, partition, wanted) -%}
        {#- Of a column that is neither id nor document it is looked at that all files agree; Spark says what it cannot read. -#}
        {%- for name, kind in found.kinds.items() if found.files and name in kinds and kind != kinds[name] -%}
            {%- do exceptions.raise_compiler_error(
                'raw_table: the column ' ~ name ~ ' of ' ~ table.render() ~ ' is ' ~ found.types[name] | join(' and ')
                ~ ' in the files of ' ~ described.location ~ ', and ' ~ kinds[name] ~ ' in the metastore: Spark would not'
                ~ ' read it. Register the folder again (the setting of its path, or register_raw_tables), or have the files'
                ~ ' written anew.') -%}
        {%- endfor -%}
        {{ return({
            'kinds': kinds, 'sql': matched_ids.python().spark_sql(described.location, columns, partition, wanted),
        }) }}
    {%- endif -%}
    {{ return({'kinds': kinds}) }}
{%- endmacro %}


{% macro duckdb__scan_raw_table(source, partition, wanted) -%}
    {%- set columns = partition.columns if partition is not none else [] -%}
    {%- set path = matched_ids.raw_path(source) -%}
    {{ return({
        'kinds': matched_ids.python().scan(path, columns, partition, wanted).kinds,
        'sql': matched_ids.python().duckdb_sql(path, columns, partition, wanted),
    }) }}
{%- endmacro %}
