{#- Registers a source of the project, under the name that the settings give it. -#}
{% macro register_raw_table(source, path) -%}
    {%- set name = 'MATCHED_IDS_' ~ source | upper -%}
    {%- do matched_ids.register_parquet_folder(
        var(source ~ '_schema', env_var(name ~ '_SCHEMA', 'raw')),
        var(source ~ '_table', env_var(name ~ '_TABLE', source)), path, source == 'records') -%}
{%- endmacro %}
