with matched_ids as (

    select
        id,
        source_partition
    from {{ ref('int_matched_ids') }}

),

-- An empty table has no row to tell its partition: the partition that was read is the one that was empty.
summary as (

    select
        coalesce(
            max(source_partition), '{{ latest_partition(source("lake", "records")).name }}'
        ) as source_partition,
        count(*) as total_ids,
        min(id) as min_id,
        max(id) as max_id,
        cast(coalesce(sum({{ octet_length('id') }}), 0) as {{ dbt.type_bigint() }}) as total_id_bytes
    from matched_ids

)

select
    source_partition,
    total_ids,
    min_id,
    max_id,
    total_id_bytes,
    '{{ invocation_id }}' as dbt_invocation_id,
    cast(current_timestamp as {{ dbt.type_timestamp() }}) as built_at
from summary
