{#- A compiler error where values of a level look like dates and are none, or are written so that they do not sort. -#}
{% macro require_partition_dates(reading, texts, levels, table) -%}
    {%- set text = texts | join('\n') -%}
    {%- set is_right = reading.right != '' and matched_ids.all_lines_begin(text, reading.right) -%}
    {%- set is_first = reading.first != '' and matched_ids.any_line_begins(text, reading.first) -%}
    {%- if not is_right and (is_first or reading.right) -%}
        {%- set wrong = [] -%}
        {%- for text in texts -%}
            {%- if (modules.re.match(reading.first, text) if is_first else not modules.re.match(reading.right, text)) -%}
                {%- do wrong.append(loop.index0) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: ' ~ table ~ ' has partitions that ' ~ (
                'do not sort by time, because the day or the month comes first' if is_first
                else 'look like dates and are none')
            ~ ': ' ~ wrong | length ~ ' of ' ~ texts | length ~ ', such as '
            ~ levels | map(attribute=wrong[0]) | join('/') ~ '. ' ~ matched_ids.how_to_go_on_without_partitions()) -%}
    {%- endif -%}
{%- endmacro %}
