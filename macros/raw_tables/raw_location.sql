{#- Where a raw table is, from the path that a person gave. A relative one starts at the project. -#}
{% macro raw_location(path, table) -%}
    {%- if modules.re.search('[\'"`\\\\\x00-\x1f]', path) -%}
        {%- do exceptions.raise_compiler_error(
            'raw_location: the path of ' ~ table ~ ' has a quote, a backslash or a control character: '
            ~ path | tojson ~ '. Move the data to a folder without one.') -%}
    {%- endif -%}
    {%- if path.startswith('iceberg:') or path.startswith('glue:') -%}
        {%- do exceptions.raise_compiler_error(
            'raw_location: ' ~ path ~ ' is no folder of Parquet; only the target duckdb reads such a table by its path. Here'
            ~ ' a table of a catalog is named by schema and table (MATCHED_IDS_RECORDS_SCHEMA, MATCHED_IDS_RECORDS_TABLE).') -%}
    {%- endif -%}
    {%- set is_whole = path.startswith('/') or '://' in path or path.startswith('file:') -%}
    {%- set location = path if is_whole else invocation_args_dict.project_dir ~ '/' ~ path -%}
    {%- if not location.startswith('/') and '://' not in location and not location.startswith('file:') -%}
        {%- do exceptions.raise_compiler_error(
            'raw_location: give the path of ' ~ table ~ ' from the root: ' ~ path ~ ' is relative.') -%}
    {%- endif -%}
    {{ return(location) }}
{%- endmacro %}
