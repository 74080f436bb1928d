{#-
    The document as text. A column of numbers in table A has lost the leading zeros of its documents, which are put back:
    a number of fewer digits than a document has gets them, a longer one stays what it is and matches nothing.
-#}
{% macro document_as_written(column, relation=none) -%}
    {%- set text = 'cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ')' -%}
    {%- set kinds = matched_ids.scan_raw_table(relation).kinds.values() | list if relation is not none else [] -%}
    {%- if 'integer' not in kinds -%}
        {{ return(text) }}
    {%- endif -%}
    {%- set length = matched_ids.document_length() -%}
    {{ return('case when length(' ~ text ~ ') < ' ~ length ~ ' then lpad(' ~ text ~ ', ' ~ length ~ ", '0') else "
        ~ text ~ ' end') }}
{%- endmacro %}
