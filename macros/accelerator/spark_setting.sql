{#- What a setting of the Spark that runs is, `<undefined>` where it has none. -#}
{% macro spark_setting(name) -%}
    {{ return(run_query('set ' ~ name).rows[0][1]) }}
{%- endmacro %}
