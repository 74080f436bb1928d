with cpfs as (

    select {{ document_text('raw_cpfs.' ~ column_setting('cpfs_document_column')) }} as documento
    from {{ raw_table(source('documents', 'cpfs')) }} as raw_cpfs

)

select documento from cpfs
