{#- How many digits a document of table A has, by the setting document_length. -#}
{% macro document_length() -%}
    {%- set text = matched_ids.setting('document_length') | string | trim -%}
    {%- if not modules.re.match('^[1-9][0-9]?$', text) -%}
        {%- do exceptions.raise_compiler_error(
            'The setting document_length is "' ~ text ~ '". Set it to a number of digits from 1 to 99; a CPF has 11.') -%}
    {%- endif -%}
    {{ return(text | int) }}
{%- endmacro %}
