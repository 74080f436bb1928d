{#- An entry's id as it is compared: the text of the published file, nothing more and nothing less. -#}
{% macro suppressed_id() -%}
    {%- if 'id' not in matched_ids.suppressed_by() -%}
        {{ return('cast(null as ' ~ dbt.type_string() ~ ')') }}
    {%- endif -%}
    {{ return('cast(raw_suppressed.' ~ matched_ids.column_setting('suppressed_id_column') ~ ' as ' ~ dbt.type_string() ~ ')') }}
{%- endmacro %}
