{#- Years and months, or months and days, as one text each. -#}
{% macro joined_date_texts(texts, values) -%}
    {%- set joined = [] -%}
    {%- for text in texts -%}
        {%- do joined.append(text ~ values[loop.index0].rjust(2, '0')) -%}
    {%- endfor -%}
    {{ return(joined) }}
{%- endmacro %}
