{#- The name that shares most pairs of letters with another; empty where none shares half of them. -#}
{% macro nearest_name(name, known) -%}
    {%- set best = namespace(name='', share=0.5) -%}
    {%- set pairs = matched_ids.pairs_of_letters(name) -%}
    {%- for other in known -%}
        {%- set others = matched_ids.pairs_of_letters(other) -%}
        {%- set share = 2 * (pairs | select('in', others) | list | length) / (pairs | length + others | length) -%}
        {%- if share > best.share -%}
            {%- set best.name = other -%}
            {%- set best.share = share -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(best.name) }}
{%- endmacro %}
