{#-
    Stops the run when the date of the newest partition is further ahead than the setting max_partition_days_ahead allows,
    or further back than max_partition_age_days. Takes what newest_partition returned.
-#}
{% macro require_near_partition(newest, relation) -%}
    {%- set name = newest.level_values | join('/') -%}
    {%- set digits = newest.date_digits -%}
    {%- set today = run_started_at.date() -%}
    {%- set ahead = namespace(days=0) -%}
    {%- if digits -%}
        {#- A month counts as its first day, and a year as its first month. -#}
        {%- set date = modules.datetime.date(
            digits[:4] | int, (digits[4:6] or '1') | int, (digits[6:8] or '1') | int) -%}
        {%- set ahead.days = (date - today).days -%}
    {%- endif -%}
    {%- set most_ahead = matched_ids.number_setting('max_partition_days_ahead') -%}
    {%- if ahead.days > most_ahead -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: The newest partition of ' ~ relation.render() ~ ', ' ~ name ~ ', is ' ~ ahead.days
            ~ ' days ahead of today, ' ~ today ~ ' (UTC); max_partition_days_ahead allows ' ~ most_ahead
            ~ '. A sentinel that is always there is left out by partition_value_pattern, such as ^20[0-9]{6}$; drop what a'
            ~ ' load wrote by mistake, or pin a partition with the setting pinned_partition.') -%}
    {%- endif -%}

    {%- set oldest = matched_ids.number_setting('max_partition_age_days') -%}
    {%- if oldest is not none and newest.date_kind in ['', 'years'] -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: The newest partition of ' ~ relation.render() ~ ', ' ~ name
            ~ ', does not begin with a date (year, month, day), so its age cannot be checked.'
            ~ ' Unset max_partition_age_days.') -%}
    {%- elif oldest is not none and -ahead.days > oldest -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: The newest partition of ' ~ relation.render() ~ ' is ' ~ name ~ ', ' ~ -ahead.days
            ~ ' days old; max_partition_age_days allows ' ~ oldest
            ~ '. Check why no newer partition was loaded; to read this one knowingly, pin it with the setting'
            ~ ' pinned_partition.') -%}
    {%- endif -%}
{%- endmacro %}
