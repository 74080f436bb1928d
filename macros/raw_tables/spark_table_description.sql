{#- What Spark tells of a table, once in a run. -#}
{% macro spark_table_description(relation) -%}
    {%- set described = graph.setdefault('matched_ids_spark_tables', {}) -%}
    {%- if relation.render() not in described -%}
        {%- do described.update({relation.render(): matched_ids.describe_spark_table(relation)}) -%}
    {%- endif -%}
    {{ return(described[relation.render()]) }}
{%- endmacro %}
