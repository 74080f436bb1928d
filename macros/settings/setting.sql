{#-
    Where every setting of the project gets its value: a var of that name, else the environment variable
    MATCHED_IDS_<NAME>, else the default in setting_defaults. Only the schemas and tables of the sources
    (models/staging/_staging__sources.yml) and table_format (dbt_project.yml) are resolved elsewhere, because dbt
    renders those files without macros.
-#}
{% macro setting(name) -%}
    {%- set defaults = matched_ids.setting_defaults() -%}
    {%- if name not in defaults -%}
        {%- do exceptions.raise_compiler_error(
            "setting(): there is no setting '" ~ name ~ "'. Known: " ~ (defaults | list | join(', ')) ~ "."
        ) -%}
    {%- endif -%}
    {#- A pin that is blank is told from none, for which there is no other way: dbt's env_var wants a default. -#}
    {%- set unset = '(unset)' -%}
    {%- set value = var(name, env_var('MATCHED_IDS_' ~ name | upper, unset)) -%}
    {%- if value == unset -%}
        {{ return(defaults[name]) }}
    {%- endif -%}
    {%- if value is none -%}
        {%- do exceptions.raise_compiler_error(
            'The var ' ~ name ~ ' is null. Leave it out, or give it a value; a text that is to be empty is written as "".'
        ) -%}
    {%- endif -%}
    {%- if name == 'pinned_partition' and not value | string | trim -%}
        {%- do exceptions.raise_compiler_error(
            'The setting pinned_partition (MATCHED_IDS_PINNED_PARTITION) is blank: a failed command substitution? Leave it'
            ~ ' out to read the newest partition, or name one, for example 20251022.') -%}
    {%- endif -%}
    {%- if name == 'partition_value_pattern' and not value | string | trim -%}
        {%- do exceptions.raise_compiler_error(
            'The setting partition_value_pattern is blank. Leave it out for its default, or let it be ^ for any value.') -%}
    {%- endif -%}
    {%- if name == 'document_prefix' and value is not string -%}
        {#- YAML reads an unquoted 000 as the number 0: the join would silently match nothing. -#}
        {%- do exceptions.raise_compiler_error(
            "The var document_prefix came as a number (" ~ value ~ "), so its leading zeros may be lost."
            ~ " Quote it: --vars '{document_prefix: \"000\"}'."
        ) -%}
    {%- endif -%}
    {#- What YAML made of a text without quotes: yes, 1.5 of 1.50, 8 of 010. A pin may be written as a whole number of
        four digits and more, or be a date of YAML's. -#}
    {%- set is_list = name == 'partition_columns' and value is sequence -%}
    {%- set is_number = value is number and value is not boolean and value is not float and value >= 0 -%}
    {%- set is_named_so = name == 'pinned_partition'
        and (is_number and value >= 1000 or value is not number and value.isoformat is defined) -%}
    {#- Those that number_setting looks at. -#}
    {%- set is_count = name in ['max_partition_age_days', 'max_partition_days_ahead', 'document_length',
        'max_malformed_percent', 'max_null_documents_percent', 'min_percent_of_previous_rows', 'max_broadcast_documents']
        and value is number and value is not boolean -%}
    {%- set is_switch = name in ['normalize_documents', 'suppressed_may_be_empty'] and value is boolean -%}
    {%- if value is not string and not is_list and not is_named_so and not is_count
        and not is_switch -%}
        {%- do exceptions.raise_compiler_error(
            'The var ' ~ name ~ ' is not a text but ' ~ value ~ ', as YAML reads it, which may have lost something. Quote it:'
            ~ " --vars '{" ~ name ~ ': "…"}' ~ "'.") -%}
    {%- endif -%}
    {{ return(value) }}
{%- endmacro %}
