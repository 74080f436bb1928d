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


{#- Chooses, and tells it in the log. -#}
{% macro decide_partition(relation, columns, pinned) -%}
    {%- if pinned -%}
        {%- set values = matched_ids.pinned_partition_values(pinned, columns) -%}
        {%- set told = ['pinned by pinned_partition'] -%}
    {%- else -%}
        {%- set newest = matched_ids.newest_partition(
            matched_ids.partition_names(relation, columns), columns, relation) -%}
        {%- do matched_ids.require_near_partition(newest, relation) -%}
        {%- do matched_ids.require_ready_partition(newest, columns, relation) -%}
        {%- set values = newest.level_values -%}
        {%- set told = [newest.considered ~ ' considered'] -%}
        {%- if newest.previous_level_values -%}
            {%- set previous = matched_ids.partition_struct(columns, newest.previous_level_values) -%}
            {%- do told.append('next newest ' ~ previous.name) -%}
        {%- endif -%}
        {%- if newest.ignored -%}
            {%- do told.append(
                newest.ignored | length ~ ' ignored: ' ~ matched_ids.ignored_partitions(newest.ignored)) -%}
        {%- endif -%}
    {%- endif -%}
    {%- set partition = matched_ids.partition_struct(columns, values) -%}
    {%- do log('latest_partition: ' ~ relation.render() ~ ' is read at ' ~ partition.name
        ~ ' (' ~ told | join(', ') ~ ')', info=true) -%}
    {{ return(partition) }}
{%- endmacro %}


{% macro partition_column_list(partition_columns) -%}
    {%- set given = partition_columns or matched_ids.setting('partition_columns') -%}
    {%- set given = given.split(',') if given is string else given -%}
    {%- set columns = [] -%}
    {%- for column in given if column | trim -%}
        {%- if not modules.re.match('^[A-Za-z_][A-Za-z0-9_]*$', column | trim) -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: "' ~ column ~ '" is not a column name. Set partition_columns to one name, or to'
                ~ ' several separated by commas, from the coarsest to the finest: ano,mes,dia.') -%}
        {%- endif -%}
        {%- do columns.append(column | trim | lower) -%}
    {%- endfor -%}
    {%- if not columns -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: no partition column is set. Set partition_columns, for example to ano_mes_dia.') -%}
    {%- endif -%}
    {{ return(columns) }}
{%- endmacro %}


{% macro partition_struct(columns, values) -%}
    {#- One level is named by its value (20251022), several as in a path (ano=2025/mes=10/dia=22). -#}
    {%- set names = [] -%}
    {%- set conditions = [] -%}
    {%- for column in columns -%}
        {%- do names.append(column ~ '=' ~ values[loop.index0]) -%}
        {%- do conditions.append(column ~ " = '" ~ values[loop.index0] ~ "'") -%}
    {%- endfor -%}
    {{ return({
        'name': values[0] if columns | length == 1 else names | join('/'),
        'predicate': conditions | join(' and '),
        'level_values': values,
        'columns': columns,
    }) }}
{%- endmacro %}
