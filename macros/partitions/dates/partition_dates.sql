{#-
    The dates that partition names hold, as {kind, texts, start}: days, months, years or nothing, what they are read from,
    and the first level that holds a part of them. All levels are in the order of the partitions, and the values of one
    level are of one form. What is read are the digits that a value begins with, and what follows; a prefix without a digit
    is left out (dt20251022).

    Plausible years are 1900 to 2100; later ones are sentinels, as 9999. A level holds dates when one of its values begins
    with a plausible year, or is a date of a later one. Then all must be dates, of whatever year:

    - 8 digits are yyyymmdd; 10, 12, 14 and 17 digits have a time of day after it.
    - 0000-00-00, or with / . _ or a space, is a day, whatever follows; 0000-00 is a month.
    - 6 digits are yyyymm. Where all make sense as yymmdd alone, they are that, and so is 00-00-00.
    - 4 digits are a year, and so is what begins with four otherwise (2025-W43, 2025295). One or two digits in the levels
      after a year are the month and the day: of two levels the second is a month when its column's name says so (mes,
      month), of more when nothing speaks against it. A level of months may have one of days after it.

    Names with the day or the month first (ddmmyyyy, mmddyyyy, 00/00/0000, mmyyyy, ddmmyy) do not sort by time and are
    refused, and so are columns from the finest to the coarsest. Digits with no such reading are numbers: 00000123,
    10000001, the seconds since 1970. As in publisher/partitions/dates.py.
-#}
{% macro partition_dates(levels, forms, columns, table) -%}
    {%- set fineness = ['', 'years', 'months', 'days'] -%}
    {%- set found = namespace(kind='', texts=[], start=0) -%}
    {%- set next = namespace(number=0, kind='', texts=[]) -%}
    {%- for form in forms -%}
        {%- set start = loop.index0 -%}
        {%- if '0' in form and form != '0' and start >= next.number and found.kind != 'days' -%}
            {%- set prefix = form.index('0') -%}
            {%- set next.texts = levels[start] -%}
            {%- if prefix -%}
                {%- set next.texts = modules.re.sub(
                    '(?m)^.{' ~ prefix ~ '}', '', levels[start] | join('\n')).split('\n') -%}
            {%- endif -%}
            {%- set reading = matched_ids.partition_date_reading(
                next.texts | join('\n'), form[prefix:], forms | length == 1) -%}
            {%- do matched_ids.require_partition_dates(reading, next.texts, levels, table) -%}
            {%- if reading.kind in ['years', 'months'] and loop.last and not loop.first
                and forms[:start] | unique | list == ['0'] -%}
                {%- do exceptions.raise_compiler_error(
                    'latest_partition: The partition columns of ' ~ table ~ ', ' ~ columns | join(', ')
                    ~ ', go from the finest to the coarsest. Set partition_columns from the coarsest to the finest:'
                    ~ ' ano,mes,dia.') -%}
            {%- endif -%}
            {%- set next.kind = reading.kind -%}
            {%- set next.number = start + 1 -%}
            {%- if next.kind == 'years' and form[prefix:] == '0000'
                and matched_ids.is_level_of('months', next.number, levels, forms, columns) -%}
                {%- set next.kind = 'months' -%}
                {%- set next.texts = matched_ids.joined_date_texts(next.texts, levels[next.number]) -%}
                {%- set next.number = next.number + 1 -%}
            {%- endif -%}
            {%- if next.kind == 'months' and matched_ids.is_level_of('days', next.number, levels, forms, columns) -%}
                {#- What is no digit, and what follows the month, is left out. -#}
                {%- set months = modules.re.sub('(?m)(?<=^[0-9]{4})[^0-9\n]', '', next.texts | join('\n')) -%}
                {%- set months = modules.re.sub('(?m)(?<=^[0-9]{6}).*$', '', months).split('\n') -%}
                {%- set next.kind = 'days' -%}
                {%- set next.texts = matched_ids.joined_date_texts(months, levels[next.number]) -%}
                {%- set next.number = next.number + 1 -%}
            {%- endif -%}
            {%- if next.number > start + 1 -%}
                {%- set parts = matched_ids.partition_date_patterns('') -%}
                {%- do matched_ids.require_partition_dates(
                    {'right': parts.date if next.kind == 'days' else parts.year_and_month, 'first': ''},
                    next.texts, levels, table) -%}
            {%- endif -%}
            {%- if fineness.index(next.kind) > fineness.index(found.kind) -%}
                {%- if not found.kind -%}
                    {%- set found.start = start -%}
                {%- endif -%}
                {%- set found.kind = next.kind -%}
                {%- set found.texts = next.texts -%}
                {%- if reading.century -%}
                    {%- set found.texts = modules.re.sub('(?m)^', reading.century, next.texts | join('\n')).split('\n') -%}
                {%- endif -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({'kind': found.kind, 'texts': found.texts, 'start': found.start}) }}
{%- endmacro %}
