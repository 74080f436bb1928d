{#-
    A compiler error where the command line gives a var that nobody reads: with `--vars '{pined_partition: …}'` the newest
    partition would be read without a word. Only in this project itself; where it is an installed package, other vars are
    somebody else's.
-#}
{% macro check_vars() -%}
    {%- set given = invocation_args_dict.vars if execute and project_name == 'matched_ids' else {} -%}
    {%- set given = fromyaml(given) if given is string else given or {} -%}
    {%- set known = matched_ids.setting_defaults() | list
        + ['cpfs_schema', 'cpfs_table', 'records_schema', 'records_table', 'suppressed_schema', 'suppressed_table',
            'table_format'] -%}
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
