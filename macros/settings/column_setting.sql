{#-
    The column that a setting names, quoted for the engine, so that any name is one: with spaces, dashes, accents, or
    a reserved word. What would end the quotes is refused, so that a setting cannot carry SQL.
-#}
{% macro column_setting(name) -%}
    {%- set column = matched_ids.setting(name) -%}
    {%- if column is not string or not column | trim -%}
        {%- do exceptions.raise_compiler_error(
            'The setting ' ~ name ~ ' names no column: it is ' ~ ('blank' if column is string else column | string)
            ~ '. Set it to the name of one, or leave it out.') -%}
    {%- endif -%}
    {%- if matched_ids.has_unsafe_characters(column) or modules.re.search('[\x80-\x9f\u2028\u2029]', column) -%}
        {%- do exceptions.raise_compiler_error(
            'The setting ' ~ name ~ ' is ' ~ column | tojson ~ ', which has a quote, a backtick, a backslash, a semicolon or'
            ~ ' a control character. Set it to the name of a column without one; a column that is called so is renamed in'
            ~ ' the raw table, or by a view on it.') -%}
    {%- endif -%}
    {{ return(adapter.quote(column)) }}
{%- endmacro %}
