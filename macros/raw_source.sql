{#-
    What the project knows of a raw table, from its relation: its name, the setting of its path, and which of its columns
    are read. A source of another project may tell its folder by `config: {meta: {raw_path: …}}`.
-#}
{% macro raw_source(relation) -%}
    {#- The relation without `render` is a subquery under --empty. -#}
    {%- set table = api.Relation.create(schema=relation.schema, identifier=relation.identifier) -%}
    {%- set found = namespace(source=none) -%}
    {%- for source in graph.sources.values()
        if (source.schema, source.identifier) == (relation.schema, relation.identifier)
        and (found.source is none or source.package_name == 'matched_ids') -%}
        {%- set found.source = source -%}
    {%- endfor -%}
    {%- if found.source is none -%}
        {%- do exceptions.raise_compiler_error('raw_source: ' ~ table.render() ~ ' is no source of the project.') -%}
    {%- elif found.source.package_name == 'matched_ids' -%}
        {%- set name = found.source.name -%}
        {{ return({
            'name': name, 'table': table, 'path': matched_ids.setting(name ~ '_path') | string | trim,
            'setting': name ~ '_path', 'columns': matched_ids.raw_columns(name),
        }) }}
    {%- else -%}
        {%- set meta = (found.source.config or {}).get('meta') or found.source.meta or {} -%}
        {{ return({
            'name': found.source.name, 'table': table, 'path': meta.get('raw_path', '') | string | trim,
            'setting': 'config.meta.raw_path of the source', 'columns': [],
        }) }}
    {%- endif -%}
{%- endmacro %}


{#- The columns that the models read of a raw table, each with what it is read as. -#}
{% macro raw_columns(source_name) -%}
    {%- if source_name == 'cpfs' -%}
        {{ return([[matched_ids.setting('cpfs_document_column'), 'cpf']]) }}
    {%- endif -%}
    {{ return([
        [matched_ids.setting('records_id_column'), 'id'], [matched_ids.setting('records_document_column'), 'document'],
    ]) }}
{%- endmacro %}
