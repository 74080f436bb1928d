{#- What is registered beside a projection is what was there before it: the newest of that is years old. -#}
{% macro refuse_projection(table) -%}
    {%- do exceptions.raise_compiler_error(
        'latest_partition: the table ' ~ table.render() ~ ' has partition projection (projection.enabled): Athena computes'
        ~ ' its partitions, and the catalog does not list them. Register them (a crawler, or MSCK REPAIR TABLE on a table of'
        ~ ' the same folder without projection), or on the target duckdb name the folder itself.') -%}
{%- endmacro %}
