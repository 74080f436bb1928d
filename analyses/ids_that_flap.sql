-- Of the newest seven partitions of table B; another number looks at more.
{%- set partitions = newest_partitions(source('lake', 'records'), 7) %}
{%- set looked_at = partitions | selectattr('name') | list | length %}

with matches as (
    {% for partition in partitions %}
    select
        id,
        {{ partitions | length - loop.index0 }} as place
    from (
        {{ ids_matched_in(source('lake', 'records'), partition) }}
    ) as one
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

steps as (

    select
        id,
        place,
        place - lag(place) over (partition by id order by place) as step
    from matches

),

ids as (

    select
        id,
        sum(case when step > 1 then 1 else 0 end) as comebacks,
        count(*) as partitions_with_it,
        {{ looked_at }} as partitions_looked_at,
        {{ partitions | length }} - max(place) as partitions_since_last_match
    from steps
    group by id

)

select
    id,
    comebacks,
    partitions_with_it,
    partitions_looked_at,
    partitions_since_last_match
from ids
where comebacks > 0
order by comebacks desc, id asc
