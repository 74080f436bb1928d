{#- A compiler error for what is wrong in the settings as a whole, before anything is built or read. -#}
{% macro check_settings() -%}
    {%- do matched_ids.check_vars() -%}
    {%- do matched_ids.require_accelerator() -%}
{%- endmacro %}
