{% macro has_unsafe_characters(text) -%}
    {{ return(modules.re.search('[\'"`;\\\\\x00-\x1f\x7f]', text) is not none) }}
{%- endmacro %}
