{%- set partition = latest_partition(source('lake', 'records')) -%}

with newest_records as (

    select
        cast(raw_records.{{ column_setting('records_id_column') }} as {{ dbt.type_string() }}) as id,
        {{ document_text('raw_records.' ~ column_setting('records_document_column')) }} as documento,
        cast('{{ partition.name }}' as {{ dbt.type_string() }}) as source_partition
    from {{ raw_table(source('lake', 'records'), partition) }} as raw_records
    where {{ partition.predicate }}

)

select
    id,
    documento,
    source_partition
from newest_records
