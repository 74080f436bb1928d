{#-
    The format of the models' tables, parquet or iceberg. dbt_project.yml and profiles.yml read the same setting, but
    without macros, so they cannot refuse a value: this does, before a table is touched.
-#}
{% macro table_format() -%}
    {%- set format = var('table_format', env_var('MATCHED_IDS_TABLE_FORMAT', 'iceberg' if target.type == 'glue'
        or matched_ids.is_glue_job() else 'parquet')) -%}
    {%- if format not in ['parquet', 'iceberg'] -%}
        {%- do exceptions.raise_compiler_error(
            'The setting table_format is "' ~ format ~ '". Set it to parquet or iceberg, in lower case.') -%}
    {%- endif -%}
    {%- if format == 'iceberg' and target.type == 'duckdb' -%}
        {%- do exceptions.raise_compiler_error(
            'The setting table_format is "iceberg", which the target ' ~ target.name ~ ' does not write. Unset it.') -%}
    {%- endif -%}
    {{ return(format) }}
{%- endmacro %}
