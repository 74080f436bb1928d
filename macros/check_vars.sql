{#-
    A compiler error where the command line gives a var that nobody reads: with `--vars '{pined_partition: …}'` the newest
    partition would be read without a word. Only in this project itself; where it is an installed package, other vars are
    somebody else's.
-#}
{% macro check_vars() -%}
    {%- set given = invocation_args_dict.vars if execute and project_name == 'matched_ids' else {} -%}
    {%- set given = fromyaml(given) if given is string else given or {} -%}
    {%- set known = matched_ids.setting_defaults() | list
        + ['cpfs_schema', 'cpfs_table', 'records_schema', 'records_table', 'table_format'] -%}
    {%- for name in given -%}
        {%- if name not in known -%}
            {%- set nearest = matched_ids.nearest_name(name | string, known) -%}
            {%- do exceptions.raise_compiler_error(
                'There is no var ' ~ name ~ (': did you mean ' ~ nearest ~ '?' if nearest else '.') ~ ' Known: '
                ~ known | sort | join(', ') ~ '.') -%}
        {%- elif given[name] is none -%}
            {%- do exceptions.raise_compiler_error(
                'The var ' ~ name ~ ' is null. Leave it out, or give it a value; a text that is to be empty is written as'
                ~ ' "".') -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


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


{% macro pairs_of_letters(text) -%}
    {%- set pairs = [] -%}
    {%- for number in range(text | length + 1) -%}
        {%- do pairs.append((' ' ~ text ~ ' ')[number:number + 2] | lower) -%}
    {%- endfor -%}
    {{ return(pairs | unique | list) }}
{%- endmacro %}
