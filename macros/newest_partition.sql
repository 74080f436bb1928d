{#-
    Picks the newest of a list of partition names. It runs no query, so that the rule can be read, and tested,
    in one place.
-#}
{% macro newest_partition(names, columns, relation) -%}
    {%- set table = relation.render() if relation.render is defined else relation -%}
    {%- set pattern = setting('partition_value_pattern') -%}
    {#- By their values, because tables may have more columns than those that count: a list would be searched for
        each name, which takes seconds with ten thousand. -#}
    {%- set candidates_by_values = {} -%}
    {%- set ignored = [] -%}
    {#- One search in all names instead of one in each value: nearly always there is nothing to find. -#}
    {%- set is_any_unsafe = has_unsafe_characters(names | join) or '%' in names | join -%}

    {%- for name in names -%}
        {%- set levels = partition_levels(name) -%}
        {%- set values = [] -%}
        {%- set looks = namespace(right=true) -%}
        {%- for column in columns -%}
            {%- if column not in levels -%}
                {%- do exceptions.raise_compiler_error(
                    'latest_partition: ' ~ table ~ ' is not partitioned by ' ~ column ~ '; its partition columns are '
                    ~ (levels | list | join(', ') or 'none') ~ '. Set partition_columns to them.') -%}
            {%- endif -%}
            {%- set value = levels[column] -%}
            {%- if is_any_unsafe -%}
                {%- do require_safe_partition_value(value, table) -%}
            {%- endif -%}
            {#- `__HIVE_DEFAULT_PARTITION__` (rows whose value was null) sorts after every digit; some catalogs
                show it as `null`. -#}
            {%- if value in ['__HIVE_DEFAULT_PARTITION__', 'null', ''] or not modules.re.match(pattern, value) -%}
                {%- set looks.right = false -%}
            {%- endif -%}
            {%- do values.append(value) -%}
        {%- endfor -%}
        {%- if not looks.right -%}
            {%- do ignored.append(name) -%}
        {%- else -%}
            {%- do candidates_by_values.update({values | tojson: values}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set candidates = candidates_by_values.values() | list -%}

    {%- if not candidates -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: ' ~ table ~ ' has no usable partition ('
            ~ (ignored | length ~ ' ignored: ' ~ ignored[:5] | join(', ') if ignored else 'none is registered')
            ~ '). Check that the load ran and that its partition is in the catalog (MSCK REPAIR TABLE, a crawler; on the'
            ~ ' local target the setting records_path).') -%}
    {%- endif -%}

    {#- A level is compared as numbers when all its values are digits (mes=9 before mes=10), else as text. -#}
    {%- set numeric = [] -%}
    {%- for column in columns -%}
        {%- set level = loop.index0 -%}
        {%- do numeric.append(all_digits(candidates | map(attribute=level) | list)) -%}
    {%- endfor -%}
    {%- set best = namespace(key=none, values=none, tied=none) -%}
    {%- for values in candidates -%}
        {%- set key = [] -%}
        {%- for value in values -%}
            {%- do key.append(value | int if numeric[loop.index0] else value) -%}
        {%- endfor -%}
        {%- if best.key is none or key > best.key -%}
            {%- set best.key = key -%}
            {%- set best.values = values -%}
            {%- set best.tied = none -%}
        {%- elif key == best.key -%}
            {%- set best.tied = values -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if best.tied is not none -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: ' ~ table ~ ' has two newest partitions that differ only in leading zeros: '
            ~ best.values | join('/') ~ ' and ' ~ best.tied | join('/')
            ~ '. Drop one of them, or pin one with the setting pinned_partition.') -%}
    {%- endif -%}

    {{ return({'level_values': best.values, 'considered': candidates | length, 'ignored': ignored}) }}
{%- endmacro %}


{#- The values of a partition name by their columns, which are in lower case. -#}
{% macro partition_levels(name) -%}
    {%- set levels = {} -%}
    {%- for level in name.split('/') if '=' in level -%}
        {%- set value = level.partition('=')[2] -%}
        {%- do levels.update({level.partition('=')[0] | lower: unescaped_partition_value(value) if '%' in value else value}) -%}
    {%- endfor -%}
    {{ return(levels) }}
{%- endmacro %}


{% macro all_digits(values) -%}
    {%- for value in values if not modules.re.match('^[0-9]+$', value) -%}
        {{ return(false) }}
    {%- endfor -%}
    {{ return(true) }}
{%- endmacro %}


{% macro unescaped_partition_value(value) -%}
    {#- Hive writes special characters of a partition value as %XX. -#}
    {%- set decoded = namespace(text=value) -%}
    {%- for escape in modules.re.findall('%[0-9A-Fa-f]{2}', value) | unique -%}
        {%- set decoded.text = decoded.text.replace(escape, '%c' | format(escape[1:] | int(0, 16))) -%}
    {%- endfor -%}
    {{ return(decoded.text) }}
{%- endmacro %}


{% macro has_unsafe_characters(text) -%}
    {{ return(modules.re.search('[\'"`;\\\\\x00-\x1f\x7f]', text) is not none) }}
{%- endmacro %}


{% macro require_safe_partition_value(value, table) -%}
    {%- if has_unsafe_characters(value) -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: ' ~ table ~ ' has a partition value that is unsafe inside SQL: ' ~ value | tojson
            ~ '. Quotes, backslashes, semicolons and control characters are refused. Drop that partition from the'
            ~ ' catalog, or pin a good one with the setting pinned_partition.') -%}
    {%- endif -%}
{%- endmacro %}
