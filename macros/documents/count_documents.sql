{#-
    How many documents of table A there are of each kind, in one look at the raw table. What is told of a document is
    how table A writes it, whatever is stripped for the comparison. Numbers only: a document must not reach a log.
-#}
{% macro count_documents(relation) -%}
    {%- set column = 'raw_cpfs.' ~ matched_ids.column_setting('cpfs_document_column') -%}
    {%- set length = matched_ids.document_length() -%}
    {%- set kinds = matched_ids.kinds_of_documents() -%}
    {%- set query -%}
with raw_documents as (

    select
        {{ matched_ids.document_as_written(column, relation) }} as as_written,
        {{ matched_ids.document_text(column, relation) }} as documento
    from {{ matched_ids.raw_table(relation) }} as raw_cpfs

),

documents as (

    select
        as_written,
        documento,
        translate(as_written, '0123456789', '') as other_characters,
        {{ matched_ids.is_well_formed_document('documento') | trim }} as is_well_formed
    from raw_documents

),

documents_and_kinds as (

    select
        case
            {%- for kind in kinds %}
            when {{ kind.condition }} then '{{ kind.name }}'
            {%- endfor %}
        end as kind,
        case when other_characters <> '' and length(as_written) - length(other_characters) = {{ length }} then 1 else 0 end
            as is_mendable
    from documents

)

select
    count(*) as documents,
    coalesce(sum(is_mendable), 0) as mendable
    {%- for kind in kinds %},
    count(case when kind = '{{ kind.name }}' then 1 end) as {{ kind.name }}
    {%- endfor %}
from documents_and_kinds
    {%- endset -%}
    {%- set row = run_query(query).rows[0] -%}
    {%- set counted = {'documents': row[0] | int, 'mendable': row[1] | int, 'kinds': []} -%}
    {%- for kind in kinds -%}
        {%- do counted.kinds.append(dict(kind, count=row[loop.index0 + 2] | int)) -%}
    {%- endfor -%}
    {{ return(counted) }}
{%- endmacro %}
