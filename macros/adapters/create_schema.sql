{#-
    As dbt-spark's, with the schema's own place in a Glue job: without one Spark would write its warehouse, a folder of the
    driver's, into the Glue catalog, where everybody else finds it.
-#}
{% macro spark__create_schema(relation) -%}
    {%- set place = '' -%}
    {%- if matched_ids.is_glue_job() -%}
        {%- set root = env_var('MATCHED_IDS_GLUE_LOCATION').rstrip('/') -%}
        {%- if matched_ids.has_unsafe_characters(root) -%}
            {%- do exceptions.raise_compiler_error(
                'MATCHED_IDS_GLUE_LOCATION holds a character that is unsafe inside SQL. Give a place such as s3://bucket/lake.') -%}
        {%- endif -%}
        {%- set place = " location '" ~ root ~ '/' ~ relation.schema ~ "'" -%}
    {%- endif -%}
    {%- call statement('create_schema') -%}
        create schema if not exists {{ relation }}{{ place }}
    {%- endcall -%}
{%- endmacro %}
