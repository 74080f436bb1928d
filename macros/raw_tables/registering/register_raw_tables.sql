{#-
    Registers folders of Parquet as the raw tables of a local (or own) metastore. The data stays where it is
    and is never written. Running it again reads the schemas anew and registers partitions that came or went.
-#}
{% macro register_raw_tables(cpfs, records, suppressed=none) -%}
    {%- do matched_ids.register_raw_table('cpfs', cpfs) -%}
    {%- do matched_ids.register_raw_table('records', records) -%}
    {%- if suppressed -%}
        {%- do matched_ids.register_raw_table('suppressed', suppressed) -%}
    {%- endif -%}
{%- endmacro %}
