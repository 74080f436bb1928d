{% macro digit_at(text, place) -%}
    {{ return('(ascii(substr(' ~ text ~ ', ' ~ place ~ ', 1)) - 48)') }}
{%- endmacro %}
