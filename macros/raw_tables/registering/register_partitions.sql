{#- Adds the partitions that came, and drops those that went, each with the folder that it is. -#}
{% macro register_partitions(relation, location, keys, names) -%}
    {%- set folders = {} -%}
    {%- for name in names -%}
        {%- set levels = matched_ids.partition_levels(name) -%}
        {%- set values = levels.values() | list -%}
        {%- for value in values -%}
            {%- do matched_ids.require_safe_partition_value(value, relation.render()) -%}
        {%- endfor -%}
        {%- if '' not in values -%} {#- which a metastore refuses, and no model reads -#}
            {%- do folders.update({values | tojson: [values, name]}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set registered = {} -%}
    {%- for name in run_query('show partitions ' ~ relation.render()).columns[0].values() -%}
        {%- set values = matched_ids.partition_levels(name).values() | list -%}
        {%- do registered.update({values | tojson: [values, name]}) -%}
    {%- endfor -%}
    {%- set gone, come = [], [] -%}
    {%- for key, found in registered.items() if key not in folders -%}
        {%- do gone.append('partition (' ~ matched_ids.partition_spec(keys, found[0]) ~ ')') -%}
    {%- endfor -%}
    {%- for key, found in folders.items() if key not in registered -%}
        {%- do come.append(
            'partition (' ~ matched_ids.partition_spec(keys, found[0]) ~ ") location '" ~ location ~ '/' ~ found[1] ~ "'") -%}
    {%- endfor -%}
    {%- for some in gone | batch(500) -%}
        {%- call statement('drop_partitions') -%}
            alter table {{ relation.render() }} drop if exists {{ some | join(', ') }}
        {%- endcall -%}
    {%- endfor -%}
    {%- for some in come | batch(500) -%}
        {%- call statement('add_partitions') -%}
            alter table {{ relation.render() }} add if not exists {{ some | join(' ') }}
        {%- endcall -%}
    {%- endfor -%}
{%- endmacro %}
