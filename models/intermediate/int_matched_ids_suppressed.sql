-- Found without int_matched_ids, in the raw tables themselves: the publisher holds the file to this table, so what is
-- wrong with that model's anti join is not wrong here, too.
{# Where it is not disabled here, a project that has this one installed may do so. #}
{{- config(enabled=false) if not suppressed_by() }}

{%- set raw_suppressed, records = source('suppression', 'suppressed'), source('lake', 'records') -%}
{%- do are_ids_integers(raw_suppressed, records, latest_partition(records)) if 'id' in suppressed_by() %}

with suppression_list as (

    select
        {{ suppressed_document(raw_suppressed) }} as documento,
        {{ suppressed_id() }} as id
    from {{ raw_table(raw_suppressed) }} as raw_suppressed

),

listed_ids as (

    select distinct id
    from suppression_list
    where id is not null

),

-- What has no digit is no document, on either list.
documents_of_both_lists as (

    select
        documento,
        1 as is_looked_for,
        0 as is_suppressed
    from {{ ref('matched_ids', 'stg_cpfs') }}
    where translate(documento, '0123456789', '') <> documento
    union all
    select
        documento,
        0 as is_looked_for,
        1 as is_suppressed
    from suppression_list
    where translate(documento, '0123456789', '') <> documento

),

documents as (

    select
        documento,
        max(is_looked_for) as is_looked_for,
        max(is_suppressed) as is_suppressed
    from documents_of_both_lists
    group by documento

),

records as (

    select
        id,
        documento
    from {{ ref('matched_ids', 'stg_records') }}

),

-- An id goes with any of its documents: one that is looked for does not bring back what another keeps out.
found_ids as (

    select {{ document_join_hint('documents', ref('matched_ids', 'stg_cpfs')) }}
        records.id,
        max(documents.is_looked_for) as is_looked_for,
        max(documents.is_suppressed) as is_suppressed
    from records
    inner join documents on records.documento = '{{ document_prefix() }}' || documents.documento
    where records.id is not null
    group by records.id

),

suppressed_ids as (

    select
        coalesce(listed_ids.id, found_ids.id) as id,
        coalesce(found_ids.is_looked_for, 0) = 1 as is_withheld
    from found_ids
    full outer join listed_ids on found_ids.id = listed_ids.id
    where
        listed_ids.id is not null
        or found_ids.is_suppressed = 1

)

select
    id,
    is_withheld
from suppressed_ids
order by id
