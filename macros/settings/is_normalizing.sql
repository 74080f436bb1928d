{#- Whether documents are compared by their digits alone, by the setting normalize_documents. -#}
{% macro is_normalizing() -%}
    {%- set value = matched_ids.setting('normalize_documents') | string | trim | lower -%}
    {%- if value not in ['true', 'false'] -%}
        {%- do exceptions.raise_compiler_error(
            'The setting normalize_documents is "' ~ value ~ '". Set it to true or false.') -%}
    {%- endif -%}
    {{ return(value == 'true') }}
{%- endmacro %}
