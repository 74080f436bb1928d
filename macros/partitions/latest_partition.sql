{#-
    The newest partition of a table, chosen by partition names alone. The predicate is a quoted literal and not
    a `max()` subquery: only a literal is pruned in the catalog (SPARK-57743), and a string partition column
    compared with an unquoted number is cast, which loses the pruning too.
-#}
{% macro latest_partition(relation, partition_columns=none, pinned_partition=none) -%}
    {{ return(adapter.dispatch('latest_partition', 'matched_ids')(relation, partition_columns, pinned_partition)) }}
{%- endmacro %}


{% macro default__latest_partition(relation, partition_columns, pinned_partition=none) -%}
    {%- do matched_ids.check_vars() -%}
    {%- set columns = matched_ids.partition_column_list(partition_columns) -%}

    {#- While parsing there is no connection, and nobody reads the SQL. -#}
    {%- if not execute -%}
        {{ return({'name': '', 'predicate': '1 = 0', 'level_values': [], 'columns': columns}) }}
    {%- endif -%}

    {%- set pinned = matched_ids.pin_of(relation, pinned_partition) -%}
    {#- All nodes of an invocation are told the same: else a partition that arrives between two models, or while two of
        dbt's threads ask at once, would be seen by one of them only. -#}
    {%- set question = ['latest_partition', relation.render(), columns, pinned | string] | tojson -%}
    {{ return(matched_ids.python().once(question, matched_ids.decide_partition, relation, columns, pinned)) }}
{%- endmacro %}
