{#-
    The one form in which all values of a level are written: each digit as 0, one or two digits as 0 alone, all else as it
    is. More than one form is a compiler error, because as texts they do not sort: 20251022 beside 2025-10-23.
-#}
{% macro one_partition_form(level, column, table) -%}
    {%- set forms = modules.re.sub(
        '(?m)^00$', '0', modules.re.sub('[0-9]', '0', level | join('\n'))).split('\n') -%}
    {%- set distinct = forms | unique(case_sensitive=true) | list -%}
    {%- if distinct | length > 1 -%}
        {%- set told = [] -%}
        {%- for form in distinct[:5] -%}
            {%- do told.append(forms.count(form) ~ ' like ' ~ level[forms.index(form)]) -%}
        {%- endfor -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: The partitions of ' ~ table ~ ' are written in ' ~ distinct | length ~ ' forms in ' ~ column
            ~ ': ' ~ told | join(', ') ~ (', …' if distinct | length > 5 else '')
            ~ '. Which is the newest cannot be told. ' ~ matched_ids.how_to_go_on_without_partitions()) -%}
    {%- endif -%}
    {{ return(distinct[0]) }}
{%- endmacro %}
