{#-
    Picks the newest of a list of partition names. It runs no query, so that the rule can be read, and tested, in one
    place:

    1. Names are left out whose value is null, empty, or not as partition_value_pattern says. A value that is unsafe
       inside SQL is refused.
    2. All values of a level are written in one form: every digit is like every other, all else counts as it is, and one
       or two digits are one form (mes=9, mes=10). Else it cannot be told which is the newest, and that is refused.
    3. What looks like a date and is none, or does not sort by time, is refused (partition_dates).
    4. Level by level, the greatest is the newest. Where the date does not begin at the first level, the newest by date
       must be the newest of all.
    5. A date that is further ahead than max_partition_days_ahead is refused, and one that is further back than
       max_partition_age_days (require_near_partition). A month counts as its first day, and a year so, whose age is not
       checked.

    `publisher latest-partition` follows the same rule (publisher/partitions/rule.py). With ten thousand names a loop of
    Jinja takes its time, and a list that is searched in a loop takes minutes: what can be told of all values together is
    told by one regular expression over the lines that they make.
-#}
{% macro newest_partition(names, columns, relation) -%}
    {%- set table = relation.render() if relation.render is defined else relation -%}
    {%- set pattern = matched_ids.setting('partition_value_pattern') -%}
    {%- set listed = matched_ids.partition_level_values(names, columns, table) -%}

    {%- set why_by_value = {} -%}
    {%- for level in listed -%}
        {%- for value in level | unique(case_sensitive=true) -%}
            {#- `__HIVE_DEFAULT_PARTITION__` (rows whose value was null) sorts after every digit; some catalogs show it
                as `null`. -#}
            {%- if value == '__HIVE_DEFAULT_PARTITION__' or value == 'null' -%}
                {%- do why_by_value.update({value: 'null'}) -%}
            {%- elif value == '' -%}
                {%- do why_by_value.update({value: 'empty'}) -%}
            {%- elif not modules.re.match(pattern, value) -%}
                {%- do why_by_value.update({value: 'not as partition_value_pattern'}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set ignored = [] -%}
    {%- set usable = [] -%}
    {%- set rows = zip_strict(*listed) | list -%}
    {%- if why_by_value -%}
        {%- for values in rows -%}
            {%- set whys = [] -%}
            {%- for value in values if value in why_by_value -%}
                {%- do whys.append(why_by_value[value]) -%}
            {%- endfor -%}
            {%- if whys -%}
                {%- do ignored.append({'name': names[loop.index0], 'why': whys[0]}) -%}
            {%- else -%}
                {%- do usable.append(values) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {#- Tables may have more columns than those that count. -#}
    {%- set candidates = (usable if why_by_value else rows) | unique(case_sensitive=true) | list -%}

    {%- if not candidates -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: ' ~ table ~ ' has no usable partition ('
            ~ (ignored | length ~ ' ignored: ' ~ matched_ids.ignored_partitions(ignored) if ignored
                else 'none is registered')
            ~ '). Check that the load ran and that its partition is in the catalog (MSCK REPAIR TABLE, a crawler; on the'
            ~ ' local target the setting records_path).') -%}
    {%- endif -%}

    {%- set levels = [] -%}
    {%- set forms = [] -%}
    {#- All keys of a level are of one length, so that the order of texts is that of the numbers in them. -#}
    {%- set level_keys = [] -%}
    {%- for column in columns -%}
        {%- set level = candidates | map(attribute=loop.index0) | list -%}
        {%- set form = matched_ids.one_partition_form(level, column, table) -%}
        {%- do levels.append(level) -%}
        {%- do forms.append(form) -%}
        {%- do level_keys.append(
            modules.re.sub('(?m)^(?=[0-9]$)', '0', level | join('\n')).split('\n') if form == '0' else level) -%}
    {%- endfor -%}
    {%- set dates = matched_ids.partition_dates(levels, forms, columns, table) -%}

    {%- set keys = zip_strict(*level_keys) | list -%}
    {%- set best = keys | max(case_sensitive=true) -%}
    {%- set values = candidates[keys.index(best)] -%}
    {%- if dates.start > 0 -%}
        {%- set date_keys = zip_strict(*level_keys[dates.start:]) | list -%}
        {%- set best_date = date_keys | max(case_sensitive=true) -%}
        {%- if best_date > best[dates.start:] -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: By ' ~ columns | join(', ') ~ ' the newest partition of ' ~ table ~ ' is '
                ~ values | join('/') ~ ', but ' ~ candidates[date_keys.index(best_date)] | join('/')
                ~ ' has a newer date. Set partition_columns so that the date comes first: '
                ~ columns[dates.start:] | join(',') ~ '.') -%}
        {%- endif -%}
    {%- endif -%}
    {%- if keys.count(best) > 1 -%}
        {%- set tied = candidates[keys.index(best, keys.index(best) + 1)] -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: ' ~ table ~ ' has two newest partitions that differ only in leading zeros: '
            ~ values | join('/') ~ ' and ' ~ tied | join('/')
            ~ '. Drop one of them, or pin one with the setting pinned_partition.') -%}
    {%- endif -%}
    {%- set others = keys | reject('equalto', best) | list -%}
    {{ return({
        'level_values': values | list,
        'previous_level_values': candidates[keys.index(others | max(case_sensitive=true))] | list if others else none,
        'considered': candidates | length,
        'ignored': ignored,
        'date_kind': dates.kind,
        'date_digits': modules.re.sub('[^0-9]', '', dates.texts[keys.index(best)])
            [:{'days': 8, 'months': 6, 'years': 4}[dates.kind]] if dates.kind else '',
    }) }}
{%- endmacro %}
