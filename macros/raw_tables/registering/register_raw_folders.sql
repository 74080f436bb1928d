{#-
    Before every run on `local`: its metastore is this project's own, so that what the settings cpfs_path, records_path
    and suppressed_path say is registered anew, in the session that the models run in. Elsewhere a catalog is told by the load.
-#}
{% macro register_raw_folders() -%}
    {#- Python is asked last: a project that has this one installed, and uses a macro of it, has none of these settings. -#}
    {%- for source in ['cpfs', 'records', 'suppressed'] if execute and target.type == 'spark' and matched_ids.setting(source ~ '_path') -%}
        {%- if matched_ids.python().is_spark_here() -%}
            {%- do matched_ids.register_raw_table(source, matched_ids.setting(source ~ '_path')) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
