{#-
    What table B writes before a document of table A, as both are compared. Where documents are compared by their digits
    alone, so is the prefix; one that would lose a letter, or everything, would match what was never meant, or
    nothing.
-#}
{% macro document_prefix() -%}
    {%- set prefix = matched_ids.setting('document_prefix') -%}
    {%- if matched_ids.has_unsafe_characters(prefix) -%}
        {%- do exceptions.raise_compiler_error(
            'The setting document_prefix is ' ~ prefix | tojson ~ ', which has a quote, a backslash, a semicolon or a control'
            ~ ' character. Set it to what table B writes before a document, such as 000.') -%}
    {%- endif -%}
    {%- if not matched_ids.is_normalizing() -%}
        {{ return(prefix) }}
    {%- endif -%}
    {%- set digits = modules.re.sub('[^0-9]', '', prefix) -%}
    {%- if prefix and not digits or modules.re.search('[^0-9./ -]', prefix) -%}
        {%- do exceptions.raise_compiler_error(
            'normalize_documents strips everything that is no digit, from the prefix too, and the setting document_prefix is '
            ~ prefix | tojson ~ ', of which "' ~ digits ~ '" would be left. Set document_prefix to the digits that table B'
            ~ ' writes before a document (an empty text for none), or normalize_documents to false.') -%}
    {%- endif -%}
    {{ return(digits) }}
{%- endmacro %}
