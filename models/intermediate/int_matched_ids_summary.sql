with summary as (

    {{ publication_summary(ref('matched_ids', 'int_matched_ids'), latest_partition(source('lake', 'records')).name) }}

),

-- The rest is for whoever wonders why there are so few ids: is it table A, the partition, or the prefix?
cpfs as (

    select
        count(*) as total_cpfs,
        count(case when {{ is_well_formed_document('documento') }} then 1 end) as usable_cpfs
    from {{ ref('matched_ids', 'stg_cpfs') }}

),

records as (

    select count(*) as total_records
    from {{ ref('matched_ids', 'stg_records') }}

),

-- Whichever come first.
some_records as (

    select documento
    from {{ ref('matched_ids', 'stg_records') }}
    limit 10000 -- noqa: AM09

),

sample as (

    select
        count(*) as sampled_records,
        count(case when {{ has_document_prefix('documento') }} then 1 end) as sampled_with_prefix
    from some_records

),

{% if suppressed_by() -%}
suppression_list as (

    select count(*) as suppression_entries
    from {{ raw_table(source('suppression', 'suppressed')) }}

),

suppressed as (

    select
        count(*) as suppressed_ids,
        count(case when is_withheld then 1 end) as withheld_ids
    from {{ ref('matched_ids', 'int_matched_ids_suppressed') }}

),

suppression as (

    select
        suppression_list.suppression_entries,
        suppressed.suppressed_ids,
        suppressed.withheld_ids
    from suppression_list
    cross join suppressed

)
{%- else -%}
suppression as (

    select
        cast(null as {{ dbt.type_bigint() }}) as suppression_entries,
        cast(null as {{ dbt.type_bigint() }}) as suppressed_ids,
        cast(null as {{ dbt.type_bigint() }}) as withheld_ids

)
{%- endif %}

select
    summary.source_partition,
    summary.total_ids,
    summary.min_id,
    summary.max_id,
    summary.total_id_bytes,
    summary.dbt_invocation_id,
    summary.built_at,
    '{{ document_prefix() }}' as document_prefix,
    cpfs.total_cpfs,
    cpfs.usable_cpfs,
    records.total_records,
    sample.sampled_records,
    sample.sampled_with_prefix,
    suppression.suppression_entries,
    suppression.suppressed_ids,
    suppression.withheld_ids
from summary
cross join cpfs
cross join records
cross join sample
cross join suppression
