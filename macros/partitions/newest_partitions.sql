{#-
    The newest partitions of a table, newest first, as many as asked for: for who compares days. Each is chosen by the
    rule of newest_partition among those that are left, by names alone. Where there are fewer, those that are missing
    have no name and a predicate that nothing meets, as all have while parsing.
-#}
{% macro newest_partitions(relation, count, partition_columns=none) -%}
    {%- set columns = matched_ids.partition_column_list(partition_columns) -%}
    {%- set names = matched_ids.partition_names(relation, columns) if execute else [] -%}
    {%- set left = {'names': names} -%}
    {%- set partitions = [] -%}
    {%- for _ in range(count) -%}
        {%- if left['names'] -%}
            {%- set newest = matched_ids.newest_partition(left['names'], columns, relation) -%}
            {%- do partitions.append(matched_ids.partition_struct(columns, newest.level_values)) -%}
            {%- set others = [] -%}
            {%- if newest.previous_level_values -%}
                {%- set listed = matched_ids.partition_level_values(left['names'], columns, relation.render()) -%}
                {%- for values in zip_strict(*listed) -%}
                    {%- if values | list != newest.level_values -%}
                        {%- do others.append(left['names'][loop.index0]) -%}
                    {%- endif -%}
                {%- endfor -%}
            {%- endif -%}
            {%- do left.update({'names': others}) -%}
        {%- else -%}
            {%- do partitions.append({'name': '', 'predicate': '1 = 0', 'level_values': [], 'columns': columns}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(partitions) }}
{%- endmacro %}
