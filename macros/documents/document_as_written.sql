{#-
    The document as text. A column of numbers in table A has lost the leading zeros of its documents, which are put back:
    a number of fewer digits than a document has gets them, a longer one stays what it is and matches nothing.
    So it is with the suppression list, whose document is the column `name` of several.
-#}
{% macro document_as_written(column, relation=none, name=none) -%}
    {%- set text = 'cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ ')' -%}
    {%- set kinds = matched_ids.scan_raw_table(relation).kinds if relation is not none else {} -%}
    {%- if 'integer' not in (kinds.values() | list if name is none else [kinds.get(name)]) -%}
        {{ return(text) }}
    {%- endif -%}
    {%- set length = matched_ids.document_length() -%}
    {{ return('case when length(' ~ text ~ ') < ' ~ length ~ ' then lpad(' ~ text ~ ', ' ~ length ~ ", '0') else "
        ~ text ~ ' end') }}
{%- endmacro %}
