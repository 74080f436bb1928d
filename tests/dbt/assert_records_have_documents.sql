-- A record without a document can match nothing. A few warn; more than max_null_documents_percent means that the
-- partition is not whole: a file that was written without the column gives nulls, and its ids would be missing.
{{ config(
    severity='error',
    fail_calc='coalesce(max(missing_documents), 0)',
    warn_if='> 0',
    error_if='> coalesce(max(allowed_documents), 0)',
    store_failures=false,
) }}

-- depends_on: {{ ref('matched_ids', 'stg_records') }}
{%- set records = source('lake', 'records') %}
{%- set counted = missing_documents(records, latest_partition(records)) %}

select
    {{ counted.found }} as missing_documents,
    {{ counted.allowed }} as allowed_documents
