{% macro partition_struct(columns, values) -%}
    {#- One level is named by its value (20251022), several as in a path (ano=2025/mes=10/dia=22). -#}
    {%- set names = [] -%}
    {%- set conditions = [] -%}
    {%- for column in columns -%}
        {%- do names.append(column ~ '=' ~ values[loop.index0]) -%}
        {%- do conditions.append(column ~ " = '" ~ values[loop.index0] ~ "'") -%}
    {%- endfor -%}
    {{ return({
        'name': values[0] if columns | length == 1 else names | join('/'),
        'predicate': conditions | join(' and '),
        'level_values': values,
        'columns': columns,
    }) }}
{%- endmacro %}
