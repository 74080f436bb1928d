{#-
    The folder of a raw table on DuckDB, which has no catalog here: a setting tells it. Without a slash at its end.
-#}
{% macro raw_folder(relation) -%}
    {%- set name = raw_source_name(relation) -%}
    {%- set path = setting(name ~ '_path') | string | trim -%}
    {%- if not path -%}
        {%- do exceptions.raise_compiler_error(
            'raw_folder: on the target ' ~ target.name ~ ' the raw table ' ~ name ~ ' is a folder of Parquet, and it is not'
            ~ ' known which. Set MATCHED_IDS_' ~ name | upper ~ '_PATH: a folder of this machine, or s3://bucket/folder.') -%}
    {%- endif -%}
    {%- set folder = modules.re.sub('^s3[an]://', 's3://', raw_location(path, name)).rstrip('/') -%}
    {%- do require_no_wildcards(folder) -%}
    {{ return(folder) }}
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
