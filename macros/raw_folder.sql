{#-
    The folder of a raw table on DuckDB, which has no catalog here: a setting tells it. Without a slash at its end.
-#}
{% macro raw_folder(relation) -%}
    {%- set location = raw_location(raw_path(relation), raw_source_name(relation)) -%}
    {%- set folder = modules.re.sub('^s3[an]://', 's3://', location).rstrip('/') -%}
    {%- do require_no_wildcards(folder) -%}
    {{ return(folder) }}
{%- endmacro %}


{#- What the setting says of a raw table on DuckDB: a folder, or metadata that tells its files. -#}
{% macro raw_path(relation) -%}
    {%- set name = raw_source_name(relation) -%}
    {%- set path = setting(name ~ '_path') | string | trim -%}
    {%- if not path -%}
        {%- do exceptions.raise_compiler_error(
            'raw_folder: on the target ' ~ target.name ~ ' there is no catalog, and it is not known where the raw table '
            ~ name ~ ' is. Set MATCHED_IDS_' ~ name | upper ~ '_PATH: a folder of this machine, or s3://bucket/folder.'
            ~ ' Or iceberg:… or glue:database.table.') -%}
    {%- endif -%}
    {{ return(path) }}
{%- endmacro %}


{% macro has_metadata(path) -%}
    {{ return(path.startswith('iceberg:') or path.startswith('glue:')) }}
{%- endmacro %}


{#- The name by which the project knows a raw table, whatever the table itself is called. -#}
{% macro raw_source_name(relation) -%}
    {%- for source in graph.sources.values()
        if (source.schema, source.identifier) == (relation.schema, relation.identifier) -%}
        {{ return(source.name) }}
    {%- endfor -%}
    {%- do exceptions.raise_compiler_error('raw_source_name: ' ~ relation.render() ~ ' is no source of the project.') -%}
{%- endmacro %}


{% macro require_no_wildcards(path) -%}
    {#- DuckDB knows no escape for them, and would read what they match. -#}
    {%- if modules.re.search('[*?\[\'\x00-\x1f]', path) -%}
        {%- do exceptions.raise_compiler_error(
            'require_no_wildcards: ' ~ path | tojson ~ ' has a wildcard (*, ? or [), a quote or a control character in its'
            ~ ' name. Rename it, or read another folder.') -%}
    {%- endif -%}
{%- endmacro %}
