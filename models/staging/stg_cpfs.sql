with cpfs as (

    select cast(raw_cpfs.{{ setting('cpfs_document_column') }} as {{ dbt.type_string() }}) as documento
    from {{ source('documents', 'cpfs') }} as raw_cpfs

)

select documento from cpfs
