{%- set raw_cpfs = source('documents', 'cpfs') -%}

with cpfs as (

    select {{ document_text('raw_cpfs.' ~ column_setting('cpfs_document_column'), raw_cpfs) }} as documento
    from {{ raw_table(raw_cpfs) }} as raw_cpfs

)

select documento from cpfs
