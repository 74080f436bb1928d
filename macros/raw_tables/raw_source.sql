{#-
    What the project knows of a raw table, from its relation: its name, the setting of its path, and which of its columns
    are read. A source of another project may tell its folder by `config: {meta: {raw_path: …}}`; where it is the same
    table as one of this project's, it is treated as that.
-#}
{% macro raw_source(relation) -%}
    {#- The relation without `render` is a subquery under --empty. -#}
    {%- set table = api.Relation.create(schema=relation.schema, identifier=relation.identifier) -%}
    {%- set own, others, paths = [], [], {} -%}
    {%- for source in graph.sources.values()
        if (source.schema, source.identifier) == (relation.schema, relation.identifier) -%}
        {%- if source.package_name == 'matched_ids' -%}
            {%- do own.append(source.name) -%}
            {%- set path, setting = matched_ids.setting(source.name ~ '_path'), source.name ~ '_path' -%}
        {%- else -%}
            {%- do others.append(source.name) -%}
            {%- set meta = (source.config or {}).get('meta') or source.meta or {} -%}
            {%- set path, setting = meta.get('raw_path') or '', 'config.meta.raw_path of the source '
                ~ source.source_name ~ '.' ~ source.name -%}
        {%- endif -%}
        {%- if path | string | trim -%}
            {%- do paths.setdefault(path | string | trim, setting) -%}
        {%- endif -%}
    {%- endfor -%}
    {#- Where there is no suppression list, another table may have the name that one would have. -#}
    {%- if own | length > 1 and not matched_ids.suppressed_by() -%}
        {%- do own.remove('suppressed') -%}
    {%- endif -%}
    {%- if own | length > 1 and 'suppressed' in own -%}
        {%- do exceptions.raise_compiler_error(
            'raw_source: ' ~ table.render() ~ ' is said to be the suppression list and also ' ~ own | reject('equalto',
            'suppressed') | join(' and ') ~ '. Set suppressed_schema and suppressed_table to the table that is the list.') -%}
    {%- endif -%}
    {%- if not own and not others -%}
        {%- do exceptions.raise_compiler_error(
            'raw_source: ' ~ table.render() ~ ' is no source of the project. Describe it as one in a file of YAML, and give'
            ~ ' latest_partition and raw_table source(…, …).') -%}
    {%- elif paths | length > 1 -%}
        {%- do exceptions.raise_compiler_error(
            'raw_source: ' ~ table.render() ~ ' is said to be in several places: ' ~ paths.items() | map('reverse')
            | map('join', ' is ') | join(', ') ~ '. Let them be one, or give the sources other schemas or identifiers.') -%}
    {%- endif -%}
    {{ return({
        'name': own[-1] if own else others[0],
        'table': table,
        'path': paths | list | first if paths else '',
        'setting': own[-1] ~ '_path' if own else 'config.meta.raw_path of the source',
        'columns': matched_ids.raw_columns(own[-1]) if own else [],
    }) }}
{%- endmacro %}
