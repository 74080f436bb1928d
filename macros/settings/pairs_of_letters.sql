{% macro pairs_of_letters(text) -%}
    {%- set pairs = [] -%}
    {%- for number in range(text | length + 1) -%}
        {%- do pairs.append((' ' ~ text ~ ' ')[number:number + 2] | lower) -%}
    {%- endfor -%}
    {{ return(pairs | unique | list) }}
{%- endmacro %}
