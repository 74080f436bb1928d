{#-
    The columns of a Parquet file or folder as Spark reads them, without those that its folders name. A name with a comma
    is left out, as no metastore takes it.
-#}
{% macro spark_columns(location, without=[]) -%}
    {%- set columns = [] -%}
    {%- for row in run_query('describe query select * from parquet.`' ~ location ~ '`').rows
        if row[0] | lower not in without and ',' not in row[0] -%}
        {%- do columns.append([row[0], row[1]]) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}
