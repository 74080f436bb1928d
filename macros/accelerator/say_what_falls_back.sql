{#-
    Logs which parts of a model's query the accelerator leaves to Spark. They give the same rows, and take Spark's time:
    whoever set it for its speed wants to know. It is planned once more for that, and not run.
-#}
{% macro say_what_falls_back(query) -%}
    {%- if execute and matched_ids.spark_accelerator() -%}
        {%- set plan = run_query('explain ' ~ query).rows[0][0] -%}
        {%- set left = matched_ids.python().left_to_spark(plan) -%}
        {%- if left -%}
            {%- do log(
                'comet: ' ~ model.name ~ ' is not all native; Spark itself runs ' ~ left | join(', '), info=true) -%}
        {%- else -%}
            {%- do log('comet: ' ~ model.name ~ ' runs natively from scan to sort', info=true) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
