{#-
    The view `published_ids`: the ids of the published file, as `publisher pull` keeps it on this machine, and of which
    partition they are. What is built and not published is not in it, and after each pull it shows the next file.

        dbt run-operation create_published_ids --args '{file: /data/latest.txt.gz}'

    The partition is what pull's state file says, if that is of these very bytes: between a pull's two replacements, or
    where somebody put another file there, it is null. A path is bound once, so that it must be a whole one.
-#}
{% macro create_published_ids(file) %}
    {%- if not (file is string and file.startswith('/') and file.endswith('.gz'))
        or matched_ids.has_unsafe_characters(file) or modules.re.search('[*?\\[\\]{}]', file) is not none -%}
        {%- do exceptions.raise_compiler_error(
            'create_published_ids: the file must be the absolute path of a .gz that `publisher pull` wrote, without quotes'
            ~ " and wildcards: --args '{file: /data/latest.txt.gz}'.") -%}
    {%- endif -%}
    {%- set relation = api.Relation.create(
        database=target.database, schema=target.schema, identifier='published_ids', type='view') -%}
    {%- if execute -%}
        {%- do adapter.create_schema(relation.without_identifier()) -%}
        {%- do run_query('create or replace view ' ~ relation ~ ' as\n' ~ matched_ids.published_ids_of(file)) -%}
        {%- do log(relation ~ ' shows what `publisher pull` keeps at ' ~ file ~ '.', info=true) -%}
    {%- endif -%}
{% endmacro %}
