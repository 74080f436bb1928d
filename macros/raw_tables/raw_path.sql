{#-
    Where a raw table is on DuckDB, which has no catalog of its own here: a folder of this machine or in S3, or metadata
    that tells its files (`iceberg:…`, `glue:database.table`).
-#}
{% macro raw_path(source) -%}
    {%- if not source.path -%}
        {%- do exceptions.raise_compiler_error(
            'raw_path: on the target ' ~ target.name ~ ' there is no catalog, and it is not known where the raw table '
            ~ source.name ~ ' is. Set ' ~ ('MATCHED_IDS_' ~ source.setting | upper if ' ' not in source.setting
            else source.setting) ~ ': a folder of this machine, or s3://bucket/folder. Or iceberg:… or'
            ~ ' glue:database.table.') -%}
    {%- endif -%}
    {%- if source.path.startswith('glue:') -%}
        {{ return(source.path) }}
    {%- elif source.path.startswith('iceberg:') -%}
        {{ return('iceberg:' ~ matched_ids.raw_location(source.path[8:], source.name)) }}
    {%- endif -%}
    {{ return(matched_ids.raw_location(source.path, source.name)) }}
{%- endmacro %}
