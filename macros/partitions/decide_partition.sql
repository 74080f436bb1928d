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
