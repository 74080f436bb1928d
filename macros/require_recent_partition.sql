{#- Stops the run when the newest partition is older than the setting max_partition_age_days allows. -#}
{% macro require_recent_partition(values, relation) -%}
    {%- set limit = setting('max_partition_age_days') | string | trim -%}
    {%- if limit not in ['', 'None'] -%}
        {%- if not modules.re.match('^[0-9]+$', limit) -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: max_partition_age_days must be a whole number of days, not "' ~ limit ~ '".') -%}
        {%- endif -%}
        {#- Three levels and more are year, month and day; fewer hold the date in their digits. -#}
        {%- if values | length >= 3 -%}
            {%- set digits = values[0] ~ values[1].rjust(2, '0') ~ values[2].rjust(2, '0') -%}
        {%- else -%}
            {%- set digits = modules.re.sub('[^0-9]', '', values | join('')) -%}
        {%- endif -%}
        {%- if not modules.re.match('^[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])', digits) -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: the newest partition of ' ~ relation.render() ~ ', ' ~ values | join('/')
                ~ ', does not begin with a date (year, month, day), so its age cannot be checked.'
                ~ ' Unset max_partition_age_days.') -%}
        {%- endif -%}
        {%- set date = modules.datetime.datetime.strptime(digits[:8], '%Y%m%d').date() -%}
        {%- set age_days = (run_started_at.date() - date).days -%}
        {%- if age_days > limit | int -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: the newest partition of ' ~ relation.render() ~ ' is ' ~ values | join('/') ~ ', '
                ~ age_days ~ ' days old; max_partition_age_days allows ' ~ limit
                ~ '. Check why no newer partition was loaded; to read this one knowingly, pin it with the setting'
                ~ ' pinned_partition.') -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
