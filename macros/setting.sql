{#-
    Where every setting of the project gets its value: a var of that name, else the environment variable
    MATCHED_IDS_<NAME>, else the default below. Only the schemas and tables of the sources
    (models/staging/_staging__sources.yml) and table_format (dbt_project.yml) are resolved elsewhere, because dbt
    renders those files without macros.
-#}
{% macro setting(name) -%}
    {%- set defaults = {
        'cpfs_path': '',
        'records_path': '',
        'cpfs_document_column': 'documento',
        'records_id_column': 'id',
        'records_document_column': 'documento',
        'document_prefix': '000',
        'document_length': '11',
        'max_malformed_percent': '1',
        'max_null_documents_percent': '1',
        'normalize_documents': 'false',
        'partition_columns': 'ano_mes_dia',
        'partition_value_pattern': '^[0-9][0-9A-Za-z:. _+-]*$',
        'pinned_partition': '',
        'max_partition_age_days': '',
    } -%}
    {%- if name not in defaults -%}
        {%- do exceptions.raise_compiler_error(
            "setting(): there is no setting '" ~ name ~ "'. Known: " ~ (defaults | list | join(', ')) ~ "."
        ) -%}
    {%- endif -%}
    {%- set value = var(name, env_var('MATCHED_IDS_' ~ name | upper, defaults[name])) -%}
    {%- if name == 'document_prefix' and value is not string -%}
        {#- YAML reads an unquoted 000 as the number 0: the join would silently match nothing. -#}
        {%- do exceptions.raise_compiler_error(
            "The var document_prefix came as a number (" ~ value ~ "), so its leading zeros may be lost."
            ~ " Quote it: --vars '{document_prefix: \"000\"}'."
        ) -%}
    {%- endif -%}
    {{ return(value) }}
{%- endmacro %}
