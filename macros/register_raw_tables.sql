{#-
    Registers two folders of Parquet as the raw tables of a local (or own) metastore. The data stays where it is
    and is never written. Running it again reads the schemas anew and registers partitions that came or went.
-#}
{% macro register_raw_tables(cpfs, records) -%}
    {%- do matched_ids.register_raw_table('cpfs', cpfs) -%}
    {%- do matched_ids.register_raw_table('records', records) -%}
{%- endmacro %}


{#-
    Before every run on `local`: its metastore is this project's own, so that what the settings cpfs_path and records_path
    say is registered anew, in the session that the models run in. Elsewhere a catalog is told by the load.
-#}
{% macro register_raw_folders() -%}
    {#- Python is asked last: a project that has this one installed, and uses a macro of it, has none of these settings. -#}
    {%- for source in ['cpfs', 'records'] if execute and target.type == 'spark' and matched_ids.setting(source ~ '_path') -%}
        {%- if matched_ids.python().is_spark_here() -%}
            {%- do matched_ids.register_raw_table(source, matched_ids.setting(source ~ '_path')) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#- Registers a source of the project, under the name that the settings give it. -#}
{% macro register_raw_table(source, path) -%}
    {%- set name = 'MATCHED_IDS_' ~ source | upper -%}
    {%- do matched_ids.register_parquet_folder(
        var(source ~ '_schema', env_var(name ~ '_SCHEMA', 'raw')),
        var(source ~ '_table', env_var(name ~ '_TABLE', source)), path, source == 'records') -%}
{%- endmacro %}
