with cpfs as (

    select cast(raw_cpfs.{{ column_setting('cpfs_document_column') }} as {{ dbt.type_string() }}) as documento
    from {{ raw_table(source('documents', 'cpfs')) }} as raw_cpfs

)

select documento from cpfs
