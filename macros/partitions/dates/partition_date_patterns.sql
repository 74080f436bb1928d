{#-
    Parts of regular expressions for dates in partition names, with a sign, or nothing, between year, month and day. They
    are those of publisher/partitions/date_forms.py.
-#}
{% macro partition_date_patterns(sign) -%}
    {%- set days =
        '(?:0[13578]|1[02])' ~ sign ~ '(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)' ~ sign ~ '(?:0[1-9]|[12][0-9]|30)|02' ~ sign
        ~ '(?:0[1-9]|1[0-9]|2[0-8])' -%}
    {%- set leap_year = '(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)' -%}
    {%- set plausible = '(?:19[0-9]{2}|20[0-9]{2}|2100)' -%}
    {%- set day = '(?:0[1-9]|[12][0-9]|3[01])' -%}
    {%- set month = '(?:0[1-9]|1[0-2])' -%}
    {%- set some_day = day.replace('0[', '0?[') if sign else day -%}
    {%- set some_month = month.replace('0[', '0?[') if sign else month -%}
    {%- set end = '(?![0-9])' -%}
    {%- set hour = '(?:[01][0-9]|2[0-3])' -%}
    {{ return({
        'plausible': plausible,
        'later': '(?=210[1-9]|21[1-9][0-9]|2[2-9][0-9]{2}|[3-9][0-9]{3})',
        'end': end,
        'day': day,
        'month': month,
        'date': '(?:(?!0000)(?:[0-9]{4}' ~ sign ~ '(?:' ~ days ~ ')|' ~ leap_year ~ sign ~ '02' ~ sign ~ '29))',
        'year_and_month': '(?:(?!0000)[0-9]{4}' ~ sign ~ month ~ ')',
        'short': '(?:[0-9]{2}' ~ sign ~ '(?:' ~ days ~ ')|(?:[02468][048]|[13579][26])' ~ sign ~ '02' ~ sign ~ '29)' ~ end,
        'first': '(?:(?:' ~ some_day ~ sign ~ some_month ~ '|' ~ some_month ~ sign ~ some_day ~ ')' ~ sign ~ plausible ~ ')',
        'month_first': '(?:' ~ some_month ~ sign ~ plausible ~ end ~ ')',
        'clocks': {
            8: '',
            10: hour,
            12: hour ~ '[0-5][0-9]',
            14: hour ~ '[0-5][0-9][0-5][0-9]',
            17: hour ~ '[0-5][0-9][0-5][0-9][0-9]{3}',
        },
        'no_bad_clock':
            '(?!(?:[T ]|[-_](?=[0-9]{2}:))(?:2[4-9]|[3-9][0-9]|[0-9]{2}:?[6-9]|[0-9]{2}:?[0-9]{2}:?[6-9]))',
        'day_of_year': '[0-9]{4}(?:00[1-9]|0[1-9][0-9]|[12][0-9]{2}|3[0-5][0-9]|36[0-6])' ~ end,
    }) }}
{%- endmacro %}
