-- An entry that is null, blank or malformed names nobody, and whoever was meant would stay in the file. So any fails,
-- as does a list without an entry. The macro counts and tells; one row with a number, and no document or id.
{{ config(
    severity='error',
    fail_calc='coalesce(max(unusable_entries), 0)',
    store_failures=false,
) }}

{{- config(enabled=false) if not suppressed_by() }}

-- depends_on: {{ ref('matched_ids', 'int_matched_ids_suppressed') }}
{%- set suppressed, records = source('suppression', 'suppressed'), source('lake', 'records') %}

select {{ unusable_suppressions(suppressed, records, latest_partition(records)) }} as unusable_entries
