{#- Whether any line of a text begins as a regular expression says. -#}
{% macro any_line_begins(text, pattern) -%}
    {{ return(modules.re.search('(?m)^(?:' ~ pattern ~ ')', text) is not none) }}
{%- endmacro %}
