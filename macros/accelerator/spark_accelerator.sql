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
    {#- Comet's own tracker has anti joins with wrong results (issue 2667), and nothing here would notice ids that are
        missing. Without a list there is none. -#}
    {%- if accelerator == 'comet' and target.type == 'spark' and matched_ids.suppressed_by() -%}
        {%- do exceptions.raise_compiler_error(
            'MATCHED_IDS_SPARK_ACCELERATOR is "comet", and there is a suppression list (suppressed_by), whose anti join is'
            ~ ' not left to Comet: wrong results of such joins are known. Unset MATCHED_IDS_SPARK_ACCELERATOR.') -%}
    {%- endif -%}
    {{ return('comet' if accelerator == 'comet' and target.type == 'spark' else none) }}
{%- endmacro %}
