{#-
    SQL for whether the last two digits of a CPF follow from the others: the weighted sums of those before, times ten,
    modulo 11, where 10 counts as 0. A digit is read by its code, which no text can make fail, as a cast can.
-#}
{% macro has_valid_check_digits(text) -%}
    {%- set conditions = [] -%}
    {%- for place in [10, 11] -%}
        {%- set terms = [] -%}
        {%- for before in range(1, place) -%}
            {%- do terms.append((place + 1 - before) ~ ' * ' ~ matched_ids.digit_at(text, before)) -%}
        {%- endfor -%}
        {%- do conditions.append(
            'mod(mod(10 * (' ~ terms | join(' + ') ~ '), 11), 10) = ' ~ matched_ids.digit_at(text, place)) -%}
    {%- endfor -%}
    {{ return('(' ~ conditions | join(' and ') ~ ')') }}
{%- endmacro %}
