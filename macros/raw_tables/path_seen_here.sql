{#- Where the reader of raw tables finds a table whose files this machine sees; none where only the engine does. -#}
{% macro path_seen_here(relation) -%}
    {{ return(adapter.dispatch('path_seen_here', 'matched_ids')(relation)) }}
{%- endmacro %}


{% macro default__path_seen_here(relation) -%}
    {{ return(none) }}
{%- endmacro %}


{% macro duckdb__path_seen_here(relation) -%}
    {{ return(matched_ids.raw_path(matched_ids.raw_source(relation))) }}
{%- endmacro %}


{% macro spark__path_seen_here(relation) -%}
    {%- if not matched_ids.python().is_spark_here() -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set table = api.Relation.create(schema=relation.schema, identifier=relation.identifier) -%}
    {%- set described = matched_ids.spark_table_description(table) -%}
    {%- set is_seen = described.is_parquet and matched_ids.python().is_here(described.location) -%}
    {{ return(described.location if is_seen else none) }}
{%- endmacro %}
