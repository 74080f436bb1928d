{#-
    Stops the run when the load of the newest partition is not over: a file that the load writes last is not in its folder
    (the setting ready_file), or it has too few rows beside the partition before it (min_percent_of_previous_rows). Takes
    what newest_partition returned. Not an older partition instead: the newest is what was asked for, and a schedule that
    polls has `publisher latest-partition`.
-#}
{% macro require_ready_partition(newest, columns, relation) -%}
    {%- set partition = matched_ids.partition_struct(columns, newest.level_values) -%}
    {%- set table = relation.render() if relation.limit is none else relation.schema ~ '.' ~ relation.identifier -%}
    {%- set ready_file = matched_ids.setting('ready_file') | trim -%}
    {%- if ready_file -%}
        {%- if '/' in ready_file -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: the setting ready_file is "' ~ ready_file ~ '", which is no name of a file. Give a name'
                ~ ' such as _SUCCESS.') -%}
        {%- endif -%}
        {%- set path = matched_ids.path_seen_here(relation) -%}
        {%- if path is none -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: the setting ready_file is ' ~ ready_file ~ ', but on the target ' ~ target.name ~ ' the'
                ~ ' files of ' ~ table ~ ' are not seen by this machine. Unset it, and let `publisher latest-partition'
                ~ ' --ready-file` choose the partition.') -%}
        {%- elif not matched_ids.python().has_file(path, columns, partition, ready_file) -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: The newest partition of ' ~ table ~ ', ' ~ partition.name ~ ', is not ready: there is no '
                ~ ready_file ~ ' in its folder (the setting ready_file). Wait for the load and run again; to read it'
                ~ ' knowingly, or an older one, pin it with the setting pinned_partition.') -%}
        {%- endif -%}
    {%- endif -%}

    {%- set least = matched_ids.number_setting('min_percent_of_previous_rows', true) -%}
    {%- if least is not none and newest.previous_level_values -%}
        {%- set previous = matched_ids.partition_struct(columns, newest.previous_level_values) -%}
        {%- set rows = matched_ids.partition_rows(relation, columns, partition) -%}
        {%- set rows_before = matched_ids.partition_rows(relation, columns, previous) -%}
        {%- if rows * 100 < rows_before * least -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: The newest partition of ' ~ table ~ ', ' ~ partition.name ~ ', has '
                ~ '{:,}'.format(rows) ~ ' rows, ' ~ matched_ids.percentage(rows, rows_before) ~ ' of the '
                ~ '{:,}'.format(rows_before) ~ ' in ' ~ previous.name ~ '; min_percent_of_previous_rows requires '
                ~ '%g' | format(least) ~ ' %. Is its load still running? If it is whole, pin it with the setting'
                ~ ' pinned_partition.') -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
