{#-
    Whether a table is table A (`cpfs`) or B (`records`) of this project. Where the project is an installed package, a
    source of another project may be the same table, and is treated as it.
-#}
{% macro is_own_source(relation, name) -%}
    {%- for source in graph.sources.values()
        if source.package_name == 'matched_ids' and source.name == name
        and (source.schema, source.identifier) == (relation.schema, relation.identifier) -%}
        {{ return(true) }}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}
