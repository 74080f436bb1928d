{#-
    What dbt-spark lists of a schema, with every Iceberg table recognized as one. A table that dbt-spark does not take
    for Iceberg it drops before it builds it, and meanwhile a reader finds none; an Iceberg table it replaces in one
    step. Those in a Hive metastore are listed without their provider. Those of the target `local` are read and
    written by Spark's session catalog, but not listed; its profile has a second catalog for that, `tables_folder`. In a
    Glue job the catalog itself is asked: what Spark lists of it goes through Hive's client, which is not made for Iceberg.
-#}
{% macro spark__list_relations_without_caching(schema_relation) -%}
    {%- set schema = schema_relation.schema -%}
    {%- set relations = [] -%}
    {%- if matched_ids.is_glue_job() -%}
        {%- for name, kind in matched_ids.python().glue_tables(schema) -%}
            {%- set said = {'iceberg': 'Provider: iceberg', 'view': 'Type: VIEW'} -%}
            {%- do relations.append([schema, name, false, said.get(kind, '')]) -%}
        {%- endfor -%}
        {{ return(relations) }}
    {%- endif -%}
    {%- for row in run_query('show table extended in ' ~ schema ~ " like '*'").rows -%}
        {%- set provider = '\nProvider: iceberg' if 'table_type=ICEBERG' in row[3] else '' -%}
        {%- do relations.append([row[0], row[1], row[2], row[3] ~ provider]) -%}
    {%- endfor -%}
    {#- While there is no folder of tables at all, Iceberg answers NoSuchNamespaceException, which dbt-spark takes for
        an empty schema. -#}
    {%- if matched_ids.table_format() == 'iceberg'
        and run_query('set spark.sql.catalog.tables_folder').rows[0][1] != '<undefined>' -%}
        {%- if run_query("show schemas in tables_folder like '" ~ schema ~ "'") | length -%}
            {%- for row in run_query('show tables in tables_folder.' ~ schema).rows -%}
                {%- do relations.append([schema, row[1], false, 'Provider: iceberg']) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(relations) }}
{%- endmacro %}
