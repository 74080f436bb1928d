{#- A text without everything that is no ASCII digit. No backslash: dbt-glue sends SQL as Python. -#}
{% macro digits_of(text) -%}
    {{ return(adapter.dispatch('digits_of', 'matched_ids')(text)) }}
{%- endmacro %}


{% macro default__digits_of(text) -%}
    {{ return('regexp_replace(' ~ text ~ ", '[^0-9]', '')") }}
{%- endmacro %}


{#- DuckDB replaces the first match only, unless told otherwise. -#}
{% macro duckdb__digits_of(text) -%}
    {{ return('regexp_replace(' ~ text ~ ", '[^0-9]', '', 'g')") }}
{%- endmacro %}
