{#- An entry's document as it is compared: written as table A writes its own, and normalized like them. -#}
{% macro suppressed_document(relation) -%}
    {%- if 'document' not in matched_ids.suppressed_by() -%}
        {{ return('cast(null as ' ~ dbt.type_string() ~ ')') }}
    {%- endif -%}
    {%- set name = 'suppressed_document_column' -%}
    {{ return(matched_ids.document_text(
        'raw_suppressed.' ~ matched_ids.column_setting(name), relation, matched_ids.setting(name))) }}
{%- endmacro %}
