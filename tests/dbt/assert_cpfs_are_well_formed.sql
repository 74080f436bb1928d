-- A document of table A that is null, or is not the digits of a document, can match nothing: lost zeros, a mask, a
-- typing error. A few warn; a blank one, or more than max_malformed_percent, means that the list is not what it should
-- be. The macro counts and tells; one row of numbers, and no document, because a CPF must not reach a log.
{{ config(
    severity='error',
    fail_calc='coalesce(max(malformed_documents), 0)',
    warn_if='> 0',
    error_if='> coalesce(max(allowed_documents), 0)',
    store_failures=false,
) }}

-- depends_on: {{ ref('matched_ids', 'stg_cpfs') }}
{%- set counted = malformed_documents(source('documents', 'cpfs')) %}

select
    {{ counted.found }} as malformed_documents,
    {{ counted.allowed }} as allowed_documents
