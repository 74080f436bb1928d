-- How many CPFs lead to no id, to one, to two … It counts CPFs and names none: whoever may see which they are may join
-- stg_records with stg_cpfs.
with cpfs as (

    select distinct documento
    from {{ ref('matched_ids', 'stg_cpfs') }}
    where translate(documento, '0123456789', '') <> documento

),

matches as (

    select
        cpfs.documento,
        count(distinct records.id) as ids
    from {{ ref('matched_ids', 'stg_records') }} as records
    inner join cpfs on records.documento = '{{ document_prefix() }}' || cpfs.documento
    group by cpfs.documento

),

ids_of_each as (

    select
        cpfs.documento,
        coalesce(matches.ids, 0) as ids
    from cpfs
    left join matches on cpfs.documento = matches.documento

)

select
    ids as ids_of_one_cpf,
    count(*) as cpfs
from ids_of_each
group by ids
order by ids
