-- What has no digit is no document: an empty one would match the bare prefix, which B writes where it knows none.
with cpfs as (

    select documento
    from {{ ref('matched_ids', 'stg_cpfs') }}
    where translate(documento, '0123456789', '') <> documento

),

records as (

    select
        id,
        documento,
        source_partition
    from {{ ref('matched_ids', 'stg_records') }}

),

-- A semi join asks "is there a CPF like this?": several CPFs, or one CPF several times, never multiply a row.
matched_ids as (

    select {{ document_join_hint('cpfs', ref('matched_ids', 'stg_cpfs')) }} distinct
        records.id,
        records.source_partition
    from records
    semi join cpfs on records.documento = '{{ document_prefix() }}' || cpfs.documento

)
{%- if suppressed_by() %},

suppressed as (

    select id
    from {{ ref('matched_ids', 'int_matched_ids_suppressed') }}

),

publishable_ids as (

    select
        matched_ids.id,
        matched_ids.source_partition
    from matched_ids
    anti join suppressed on matched_ids.id = suppressed.id

)
{%- endif %}

select
    id,
    source_partition
from {{ 'publishable_ids' if suppressed_by() else 'matched_ids' }}
order by id
