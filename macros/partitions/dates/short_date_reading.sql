{#-
    How values are read whose year may have two digits: yymmdd, of this century. Where either end may be the day, it is
    the one that has more values. As partition_date_reading.
-#}
{% macro short_date_reading(text, sign) -%}
    {%- set parts = matched_ids.partition_date_patterns(sign) -%}
    {%- set year = sign ~ '[0-9]{2}' ~ parts.end -%}
    {%- set day_first = parts.day ~ sign ~ parts.month ~ year -%}
    {%- set month_first = parts.month ~ sign ~ parts.day ~ year -%}
    {%- set is_day_first = matched_ids.all_lines_begin(text, day_first) -%}
    {%- if matched_ids.all_lines_begin(text, parts.short) -%}
        {%- set firsts = modules.re.findall('(?m)^[0-9]{2}', text) | unique | list -%}
        {%- set lasts = modules.re.findall('(?m)^[0-9]{2}' ~ sign ~ '[0-9]{2}' ~ sign ~ '([0-9]{2})', text)
            | unique | list -%}
        {%- if is_day_first and firsts | length > lasts | length -%}
            {{ return({'kind': '', 'right': '', 'first': day_first, 'century': ''}) }}
        {%- endif -%}
        {{ return({'kind': 'days', 'right': parts.short, 'first': '', 'century': '20'}) }}
    {%- endif -%}
    {%- set first = day_first if is_day_first
        else month_first if matched_ids.all_lines_begin(text, month_first) else '' -%}
    {{ return({'kind': '', 'right': '', 'first': first, 'century': ''}) }}
{%- endmacro %}
