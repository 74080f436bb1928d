{#-
    What a data test of the newest partition says, as {found, allowed}: how many records have no document, and how many
    may have none. Both counts are answered by the numbers that Parquet keeps beside the data, where every record has
    a document: the count of a column would read it, as would a condition on its text. Where the files are seen here, and
    tell both, the engine is not asked at all: it would open each of them twice.
-#}
{% macro missing_documents(relation, partition) -%}
    {%- if not execute or flags.WHICH not in ['build', 'test'] -%}
        {{ return({'found': 1, 'allowed': 0}) }}
    {%- endif -%}
    {%- set limit = matched_ids.number_setting('max_null_documents_percent', true) -%}
    {%- set rows = matched_ids.raw_table(relation, partition) -%}
    {%- set query -%}
select
    (
        select count(*)
        from {{ rows }} as raw_records
        where {{ partition.predicate }} and raw_records.{{ matched_ids.column_setting('records_document_column') }} is null
    ) as missing_documents,
    (select count(*) from {{ rows }} as raw_records where {{ partition.predicate }}) as records
    {%- endset -%}
    {%- set path = matched_ids.path_seen_here(relation) -%}
    {%- set column = matched_ids.setting('records_document_column') -%}
    {%- set seen = matched_ids.python().scan(path, partition.columns, partition, matched_ids.raw_source(relation).columns)
        if path is not none and relation.limit is none else {} -%}
    {%- if seen and seen.nulls.get(column) is not none -%}
        {%- set row = [seen.nulls[column], seen.rows] -%}
    {%- else -%}
        {%- set row = run_query(query).rows[0] -%}
    {%- endif -%}
    {%- set found, total = row[0] | int, row[1] | int -%}
    {%- if found -%}
        {%- do exceptions.warn(
            'Partition {} of table B has {:,} records, {:,} of them ({}) without a document, which match nothing. A file without'
            ' the column {} counts as one without documents: check what wrote the partition. More than {} % fail the build'
            ' (max_null_documents_percent).'.format(
                partition.name, total, found, matched_ids.percentage(found, total),
                matched_ids.setting('records_document_column'), '%g' | format(limit))) -%}
    {%- endif -%}
    {{ return({'found': found, 'allowed': (total * limit / 100 + 1e-9) | int}) }}
{%- endmacro %}
