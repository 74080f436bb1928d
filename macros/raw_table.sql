{#-
    What a model reads a raw table from: the table itself where there is a catalog. DuckDB reads the files of the one
    partition that was chosen: of a pattern over all partitions it would open the first file too, which is the oldest.
-#}
{% macro raw_table(relation, partition=none) -%}
    {{ return(adapter.dispatch('raw_table', 'matched_ids')(relation, partition)) }}
{%- endmacro %}


{% macro default__raw_table(relation, partition) -%}
    {{ return(relation) }}
{%- endmacro %}


{% macro duckdb__raw_table(relation, partition) -%}
    {#- In a unit test the relation is the rows that the test gives. -#}
    {%- if not execute or relation.is_cte -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- if has_metadata(raw_path(relation)) -%}
        {%- set question = 'rows' if partition is none
            else 'rows/' ~ partition_column_list() | join(',') ~ '/' ~ partition.name | urlencode -%}
        {%- set rows = '(' ~ ask_raw_table(relation, question).sql ~ ')' -%}
    {%- else -%}
        {%- set rows = rows_of_folders(relation, partition) -%}
    {%- endif -%}
    {{ return('(select * from ' ~ rows ~ ' limit 0)' if relation.limit == 0 else rows) }}
{%- endmacro %}


{% macro rows_of_folders(relation, partition) -%}
    {%- set root = raw_folder(relation) -%}
    {%- set folders = [] -%}
    {%- if partition is none -%}
        {%- do folders.append(root) -%}
    {%- else -%}
        {%- set columns = partition_column_list() -%}
        {#- The first look is cheap, and with thousands of partitions leaves one for the second. -#}
        {%- for name in partition_names(relation, columns) if '%' in name or partition.level_values[-1] in name -%}
            {%- set levels = partition_levels(name) -%}
            {%- set values = [] -%}
            {%- for column in columns -%}
                {%- do values.append(levels.get(column)) -%}
            {%- endfor -%}
            {%- if partition_struct(columns, values).name == partition.name -%}
                {%- do folders.append(root ~ '/' ~ name) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if not folders -%}
            {%- do exceptions.raise_compiler_error(
                'raw_table: there is no partition ' ~ partition.name ~ ' in ' ~ root
                ~ '. Pin one that is there with the setting pinned_partition, or unset it.') -%}
        {%- endif -%}
    {%- endif -%}
    {%- set files = data_files(root, folders) -%}
    {%- if not files -%}
        {%- do exceptions.raise_compiler_error(
            'raw_table: there is no data in ' ~ folders | join(', ') ~ '. The folder is missing, or all its files are'
            ~ ' empty or hidden (a name that begins with _ or a dot). Check that the load ran to its end, and the'
            ~ ' setting ' ~ raw_source_name(relation) ~ '_path.') -%}
    {%- endif -%}
    {#- Partition values stay the texts that the folders are named with, as on Spark: 2025-1-5 is no date. -#}
    {{ return("read_parquet(['" ~ files | join("', '") ~ "'], hive_partitioning="
        ~ ('false' if partition is none else 'true') ~ ', hive_types_autocast=false, binary_as_string=true)') }}
{%- endmacro %}


{#-
    The files that hold data, as Spark and the publisher see it: at any depth, none that is empty, and none that is
    hidden or in a hidden folder. Nothing is opened: DuckDB takes names and sizes from the listing.
-#}
{% macro data_files(root, folders) -%}
    {%- set patterns = [] -%}
    {%- for folder in folders -%}
        {%- do require_no_wildcards(folder) -%}
        {%- do patterns.append(folder ~ '/**/[!._]*') -%}
    {%- endfor -%}
    {%- set listed = run_query(
        "select filename, size from read_blob(['" ~ patterns | join("', '") ~ "']) order by filename") -%}
    {%- set files = [] -%}
    {%- for row in listed.rows if row[1] and not modules.re.search('/[._]', row[0][root | length:]) -%}
        {%- do require_no_wildcards(row[0]) -%}
        {%- do files.append(row[0]) -%}
    {%- endfor -%}
    {{ return(files) }}
{%- endmacro %}
