{#- Whether every line of a text begins as a regular expression says. -#}
{% macro all_lines_begin(text, pattern) -%}
    {{ return(modules.re.search('(?m)^(?!' ~ pattern ~ ')', text) is none) }}
{%- endmacro %}
