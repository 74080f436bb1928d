{#-
    A raw column of documents, of table A or B, as the text that both are compared by. Whatever is done to a document
    because of its column's type is done in document_as_written, because of a setting here.
-#}
{% macro document_text(column, relation=none, name=none) -%}
    {%- set text = matched_ids.document_as_written(column, relation, name) -%}
    {{ return(matched_ids.digits_of(text) if matched_ids.is_normalizing() else text) }}
{%- endmacro %}
