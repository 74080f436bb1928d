{#- The first of the partitions that newest_partition ignored, each with why. -#}
{% macro ignored_partitions(ignored) -%}
    {%- set told = [] -%}
    {%- for one in ignored[:5] -%}
        {%- do told.append(one.name ~ ' (' ~ one.why ~ ')') -%}
    {%- endfor -%}
    {{ return(told | join(', ') ~ (', …' if ignored | length > 5 else '')) }}
{%- endmacro %}
