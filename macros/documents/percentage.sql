{#- How much a part is of a whole, for a message; a small part is never told as nothing. -#}
{% macro percentage(part, whole) -%}
    {%- set percent = part * 100 / whole if whole else 0 -%}
    {{ return('less than 0.01 %' if part and percent < 0.01 else '%.2f' | format(percent) ~ ' %') }}
{%- endmacro %}
