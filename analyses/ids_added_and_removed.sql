-- Of the newest partition of table B against the one before. Where there is none before, nothing can be said.
{%- set partitions = newest_partitions(source('lake', 'records'), 2) %}

with newest_ids as (

    {{ ids_matched_in(source('lake', 'records'), partitions[0]) }}

),

ids_before as (

    {{ ids_matched_in(source('lake', 'records'), partitions[1]) }}

),

changes as (

    select
        coalesce(newest_ids.id, ids_before.id) as id,
        case when ids_before.id is null then 'added' else 'removed' end as what,
        '{{ partitions[0].name }}' as source_partition,
        '{{ partitions[1].name }}' as partition_before
    from newest_ids
    full join ids_before on newest_ids.id = ids_before.id
    where newest_ids.id is null or ids_before.id is null

)

select
    id,
    what,
    source_partition,
    partition_before
from changes
where partition_before <> ''
order by what, id
