{#-
    How the values of one level are read as dates, as {kind, right, first, century}: what each of its dates must match,
    what has the day or the month before the year and is refused, and what is missing before each date. The text holds the
    values, one a line, from their first digit on; the form is theirs. As in publisher/partitions/date_forms.py.
-#}
{% macro partition_date_reading(text, form, is_alone) -%}
    {%- set run = form | length - form.lstrip('0') | length -%}
    {%- set sign = '[' ~ form[run] ~ ']' if form | length > run and form[run] in '-./_ ' else '' -%}
    {%- set parts = matched_ids.partition_date_patterns('' if run > 4 else sign) -%}
    {%- set none_of_these = {'kind': '', 'right': '', 'first': '', 'century': ''} -%}
    {%- set is_plausible = matched_ids.any_line_begins(text, parts.plausible) -%}

    {%- if run in parts.clocks -%}
        {%- set right = parts.date ~ parts.clocks[run] ~ parts.end ~ parts.no_bad_clock -%}
        {%- set first = parts.first ~ parts.clocks[run] ~ parts.end -%}
        {%- if is_plausible or matched_ids.any_line_begins(text, parts.later ~ right) -%}
            {{ return({'kind': 'days', 'right': right, 'first': first, 'century': ''}) }}
        {%- endif -%}
        {#- Ten digits and more may be seconds, which look like such a date now and then. -#}
        {%- set is_first = matched_ids.any_line_begins(text, first) if run == 8
            else matched_ids.all_lines_begin(text, first) -%}
        {{ return({'kind': '', 'right': '', 'first': first if is_first else '', 'century': ''}) }}

    {%- elif run == 4 -%}
        {%- set kind = 'days' if sign and modules.re.match('0000' ~ sign ~ '00' ~ sign ~ '00', form)
            else 'months' if sign and modules.re.match('0000.00(?!0)', form) else 'years' -%}
        {%- set right = {
            'days': parts.date ~ parts.no_bad_clock, 'months': parts.year_and_month, 'years': '(?!0000)[0-9]'}[kind] -%}
        {#- Four digits alone may be any number. -#}
        {%- set is_later = not (is_alone and form == '0000') and matched_ids.any_line_begins(
            text, parts.later ~ ('' if kind == 'years' else right)) -%}
        {%- if is_plausible or is_later -%}
            {{ return({'kind': kind, 'right': right, 'first': '', 'century': ''}) }}
        {%- endif -%}

    {%- elif run == 6 -%}
        {%- set right = parts.year_and_month ~ parts.end -%}
        {%- set is_month = matched_ids.all_lines_begin(text, right) -%}
        {%- if is_plausible and (is_month or not matched_ids.all_lines_begin(text, parts.short)) -%}
            {{ return({'kind': 'months', 'right': right, 'first': parts.month_first, 'century': ''}) }}
        {%- elif matched_ids.any_line_begins(text, parts.month_first) -%}
            {{ return({'kind': '', 'right': '', 'first': parts.month_first, 'century': ''}) }}
        {%- endif -%}
        {%- set short = matched_ids.short_date_reading(text, '') -%}
        {%- if is_month and not short.kind and not short.first -%}
            {{ return({'kind': 'months', 'right': right, 'first': '', 'century': ''}) }}
        {%- endif -%}
        {{ return(short) }}

    {%- elif run <= 2 -%}
        {%- for first in [parts.first ~ parts.end, parts.month_first] if sign -%}
            {%- if matched_ids.any_line_begins(text, first) -%}
                {{ return({'kind': '', 'right': '', 'first': first, 'century': ''}) }}
            {%- endif -%}
        {%- endfor -%}
        {%- if sign and modules.re.match('00' ~ sign ~ '00' ~ sign ~ '00(?!0)', form) -%}
            {{ return(matched_ids.short_date_reading(text, sign)) }}
        {%- endif -%}

    {%- elif run > 8 and is_plausible and matched_ids.all_lines_begin(text, parts.date) -%}
        {{ return({'kind': 'days', 'right': parts.date, 'first': '', 'century': ''}) }}
    {%- elif run == 7 and is_plausible and matched_ids.all_lines_begin(text, parts.day_of_year) -%}
        {{ return({'kind': 'years', 'right': parts.day_of_year, 'first': '', 'century': ''}) }}
    {%- endif -%}
    {{ return(none_of_these) }}
{%- endmacro %}
