{#-
    SQL expressions that tell where a row of a list's table stands: in which file, and where in it. By them the test
    publishable sees whether the ids ascend, which a query without them could not tell of a table. Dispatched.
-#}
{% macro id_places(relation) -%}
    {{ return(adapter.dispatch('id_places', 'matched_ids')(relation)) }}
{%- endmacro %}


{#- Of Parquet by Spark itself, of Iceberg by its metadata columns. -#}
{% macro default__id_places(relation) -%}
    {%- set formats = [] -%}
    {%- for node in (graph.nodes if execute else {}).values() if node.resource_type == 'model'
        and (node.schema, node.alias) == (relation.schema, relation.identifier) -%}
        {%- do formats.append(node.config.file_format) -%}
    {%- endfor -%}
    {%- if 'iceberg' in formats -%}
        {{ return({'file': '_file', 'row': '_pos'}) }}
    {%- endif -%}
    {{ return({'file': '_metadata.file_path', 'row': '_metadata.row_index'}) }}
{%- endmacro %}


{#- A model is one file there, whose rows DuckDB numbers as it reads them. -#}
{% macro duckdb__id_places(relation) -%}
    {{ return({'file': "''", 'row': 'row_number() over ()'}) }}
{%- endmacro %}
