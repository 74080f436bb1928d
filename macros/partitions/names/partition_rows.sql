{#- How many rows a partition has: by its footers where they are seen, else by a count, which metadata answers. -#}
{% macro partition_rows(relation, columns, partition) -%}
    {%- set path = matched_ids.path_seen_here(relation) -%}
    {%- if path is not none -%}
        {{ return(matched_ids.python().rows(path, columns, partition)) }}
    {%- endif -%}
    {%- set table = api.Relation.create(schema=relation.schema, identifier=relation.identifier) -%}
    {%- set counted = run_query('select count(*) from ' ~ table.render() ~ ' where ' ~ partition.predicate) -%}
    {{ return(counted.rows[0][0] | int) }}
{%- endmacro %}
