{#-
    A compiler error where an accelerator is asked for that Spark does not run with. A plug-in is a matter of how Spark
    was started: a server that runs already, or a session of another start, would take the setting without a word.
-#}
{% macro require_accelerator() -%}
    {%- if execute and matched_ids.spark_accelerator() -%}
        {#- What Comet itself adds when Spark starts with it. A plug-in that is set later is only set. -#}
        {%- if 'org.apache.comet.CometSparkSessionExtensions' not in matched_ids.spark_setting('spark.sql.extensions')
            or matched_ids.spark_setting('spark.comet.enabled') == 'false' -%}
            {%- do exceptions.raise_compiler_error(
                'MATCHED_IDS_SPARK_ACCELERATOR is "comet", and this Spark runs without it. Unset it, or start Spark with'
                ~ ' Comet: docs/scaling.md has the settings of a cluster.') -%}
        {%- endif -%}
        {%- do matched_ids.python().require_known_accelerator(matched_ids.spark_setting('spark.jars')) -%}
    {%- endif -%}
{%- endmacro %}
