{#- SQL for whether a text is as many ASCII digits as a document has. `translate` is the same on all engines. -#}
{% macro is_well_formed_document(text) -%}
    length({{ text }}) = {{ matched_ids.document_length() }} and translate({{ text }}, '0123456789', '') = ''
{%- endmacro %}
