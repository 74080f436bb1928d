{#-
    What a model reads a raw table from, when nothing is wrong with it: the table itself where there is a catalog. DuckDB
    reads the files of the one partition that was chosen, by name: of a pattern over all partitions it would open the
    first file too, which is the oldest.
-#}
{% macro raw_table(relation, partition=none, columns=none) -%}
    {{ return(adapter.dispatch('raw_table', 'matched_ids')(relation, partition, columns)) }}
{%- endmacro %}


{% macro default__raw_table(relation, partition, columns) -%}
    {%- do matched_ids.scan_raw_table(relation, partition, columns) -%}
    {{ return(relation) }}
{%- endmacro %}


{#- A table of Spark's has one type in all its files; files of integers of two widths are read by their names. -#}
{% macro spark__raw_table(relation, partition, columns) -%}
    {%- set rows = matched_ids.scan_raw_table(relation, partition, columns).sql -%}
    {{ return('(' ~ rows ~ ')' if rows and relation.limit != 0 else relation) }}
{%- endmacro %}


{% macro duckdb__raw_table(relation, partition, columns) -%}
    {#- In a unit test the relation is the rows that the test gives. -#}
    {%- if not execute or relation.is_cte -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- set rows = '(' ~ matched_ids.scan_raw_table(relation, partition, columns).sql ~ ')' -%}
    {{ return('(select * from ' ~ rows ~ ' limit 0)' if relation.limit == 0 else rows) }}
{%- endmacro %}
