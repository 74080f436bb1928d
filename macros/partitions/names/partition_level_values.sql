{#- The values of partition names, unescaped: a list for each column, in the order of the names. -#}
{% macro partition_level_values(names, columns, table) -%}
    {#- Nearly always all names have the columns of the first one, which one search in all of them tells. -#}
    {%- set keys = [] -%}
    {%- set patterns = [] -%}
    {%- for level in ((names or ['']) | first).split('/') if names -%}
        {%- do keys.append(level.partition('=')[0] | lower) -%}
        {%- do patterns.append(modules.re.escape(level.partition('=')[0])) -%}
    {%- endfor -%}
    {%- set is_unsafe = matched_ids.has_unsafe_characters(names | join) -%}
    {%- set found = [] if is_unsafe or not names else modules.re.findall(
        '(?mi)^' ~ patterns | join('=([^/\n]*)/') ~ '=([^/\n]*)$', names | join('\n')) -%}

    {%- set levels_by_name = [] -%}
    {%- if found | length != names | length -%}
        {%- for name in names -%}
            {%- do levels_by_name.append(matched_ids.partition_levels(name)) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set levels = [] -%}
    {%- for column in columns -%}
        {%- if levels_by_name -%}
            {%- set level = [] -%}
            {%- for known in levels_by_name -%}
                {%- if column not in known -%}
                    {%- do matched_ids.raise_not_partitioned_by(column, known | list, table) -%}
                {%- endif -%}
                {%- do level.append(known[column]) -%}
            {%- endfor -%}
        {%- elif not names -%}
            {%- set level = [] -%}
        {%- elif column not in keys -%}
            {%- do matched_ids.raise_not_partitioned_by(column, keys, table) -%}
        {%- else -%}
            {%- set number = keys | length - 1 - keys[::-1].index(column) -%}
            {%- set escaped = (found | map(attribute=number) if keys | length > 1 else found) | join('\n') -%}
            {%- set level = (matched_ids.unescaped_partition_value(escaped) if '%' in escaped else escaped).split('\n') -%}
        {%- endif -%}
        {#- What is unsafe is looked for in one text, and told of one value. -#}
        {%- if level | length != names | length or is_unsafe or matched_ids.has_unsafe_characters(level | join) -%}
            {%- for name in names -%}
                {%- do matched_ids.require_safe_partition_value(matched_ids.partition_levels(name)[column], table) -%}
            {%- endfor -%}
        {%- endif -%}
        {%- do levels.append(level) -%}
    {%- endfor -%}
    {{ return(levels) }}
{%- endmacro %}
