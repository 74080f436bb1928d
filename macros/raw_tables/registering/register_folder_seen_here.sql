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
    {%- set source = 'records' if partitioned else 'suppressed' if matched_ids.is_own_source(relation, 'suppressed')
        else 'cpfs' -%}
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
