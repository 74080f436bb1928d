-- A document of table A that is not eleven digits can match nothing: lost zeros, a mask, a typing error. It warns
-- and does not stop the day's file. One row with a count, and no document: a CPF must not reach a log.
{{ config(severity='warn', fail_calc='coalesce(sum(malformed_documents), 0)', store_failures=false) }}

with malformed as (

    select documento
    from {{ ref('stg_cpfs') }}
    where
        documento is null
        or length(documento) <> 11
        or translate(documento, '0123456789', '') <> ''

)

select count(*) as malformed_documents
from malformed
having count(*) > 0
