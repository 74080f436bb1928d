{#-
    The values of a partition that a person pinned: `20251022` where there is one partition column,
    `ano=2025/mes=10/dia=22` where there are several. It is not looked up in the catalog: a pin is also how a
    catalog with tens of thousands of partitions is spared the listing. A pin that does not exist gives an empty
    table, which the publisher refuses.
-#}
{% macro pinned_partition_values(pinned, columns) -%}
    {%- set pinned = pinned | string -%}
    {%- set values = [] -%}
    {%- if columns | length == 1 and '=' not in pinned -%}
        {%- do values.append(pinned) -%}
    {%- else -%}
        {%- set levels = {} -%}
        {%- for level in pinned.split('/') if '=' in level -%}
            {%- do levels.update({level.split('=')[0] | trim | lower: level.split('=')[1:] | join('=')}) -%}
        {%- endfor -%}
        {%- if levels | list | sort != columns | sort -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: pinned_partition "' ~ pinned ~ '" does not name exactly the partition columns '
                ~ columns | join(', ') ~ '. Write it as ' ~ columns | join('=…/') ~ '=… .') -%}
        {%- endif -%}
        {%- for column in columns -%}
            {%- do values.append(levels[column]) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- for value in values -%}
        {%- if not value | trim -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: pinned_partition "' ~ pinned ~ '" has no value for ' ~ columns[loop.index0]
                ~ ': a failed command substitution? Write it as ' ~ columns | join('=…/') ~ '=… .') -%}
        {%- endif -%}
        {%- do matched_ids.require_safe_partition_value(value, 'the setting pinned_partition') -%}
    {%- endfor -%}
    {{ return(values) }}
{%- endmacro %}
