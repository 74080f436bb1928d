{#- The columns that the models read of a raw table, each with what it is read as. -#}
{% macro raw_columns(source_name) -%}
    {%- if source_name == 'cpfs' -%}
        {{ return([[matched_ids.setting('cpfs_document_column'), 'cpf']]) }}
    {%- elif source_name == 'suppressed' -%}
        {%- set columns = [] -%}
        {%- for what, role in [['document', 'suppressed'], ['id', 'id']] if what in matched_ids.suppressed_by() -%}
            {%- do columns.append([matched_ids.setting('suppressed_' ~ what ~ '_column'), role]) -%}
        {%- endfor -%}
        {{ return(columns) }}
    {%- endif -%}
    {{ return([
        [matched_ids.setting('records_id_column'), 'id'], [matched_ids.setting('records_document_column'), 'document'],
    ]) }}
{%- endmacro %}
