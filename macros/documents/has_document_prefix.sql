{#- SQL for whether a document of table B begins with the prefix. Every one that is there begins with an empty prefix. -#}
{% macro has_document_prefix(text) -%}
    {%- set prefix = matched_ids.document_prefix() -%}
    substr({{ text }}, 1, {{ prefix | length }}) = '{{ prefix }}'
{%- endmacro %}
