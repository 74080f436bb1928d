{#- The native engine that is to run below Spark, `comet`, or none; a compiler error for what is no such engine. -#}
{% macro spark_accelerator() -%}
    {%- set accelerator = env_var('MATCHED_IDS_SPARK_ACCELERATOR', '') -%}
    {%- if accelerator not in ['', 'none', 'comet'] -%}
        {%- do exceptions.raise_compiler_error(
            'MATCHED_IDS_SPARK_ACCELERATOR is "' ~ accelerator ~ '". Set it to comet, in lower case, or unset it.') -%}
    {%- endif -%}
    {%- if accelerator == 'comet' and target.type == 'glue' -%}
        {%- do exceptions.raise_compiler_error(
            'MATCHED_IDS_SPARK_ACCELERATOR is "comet", which was not tried in interactive sessions of Glue. Unset it.') -%}
    {%- endif -%}
    {{ return('comet' if accelerator == 'comet' and target.type == 'spark' else none) }}
{%- endmacro %}
