{#-
    Whether a level holds the months or the days of the dates before it: numbers of one or two digits, by its column's
    name where that tells, and else by the values. Of two levels the second is of months by its name alone.
-#}
{% macro is_level_of(kind, number, levels, forms, columns) -%}
    {%- if number >= levels | length or forms[number] != '0'
        or modules.re.search('^[hqstw]|sem|tri|qua|week|hor|hour', columns[number]) -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set is_day_name = modules.re.search('^d|dia|day', columns[number]) is not none -%}
    {%- if kind == 'months' -%}
        {%- if modules.re.search('^m|mes|month', columns[number]) -%} {{ return(true) }} {%- endif -%}
        {%- if is_day_name or levels | length < 3 -%} {{ return(false) }} {%- endif -%}
    {%- elif is_day_name -%}
        {{ return(true) }}
    {%- endif -%}
    {{ return(matched_ids.all_lines_begin(
        levels[number] | join('\n'),
        '(?:0?[1-9]|1[0-2])(?![0-9])' if kind == 'months' else '(?:0?[1-9]|[12][0-9]|3[01])(?![0-9])')) }}
{%- endmacro %}
