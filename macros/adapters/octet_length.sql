{#- The length of a text in UTF-8 bytes, which is what it takes in the published file. -#}
{% macro octet_length(text) -%}
    {{ return(adapter.dispatch('octet_length', 'matched_ids')(text)) }}
{%- endmacro %}


{% macro default__octet_length(text) -%}
    octet_length({{ text }})
{%- endmacro %}


{#- DuckDB's octet_length takes blobs only. -#}
{% macro duckdb__octet_length(text) -%}
    strlen({{ text }})
{%- endmacro %}
