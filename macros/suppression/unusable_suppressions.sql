{#-
    How many entries of the suppression list suppress nothing although they are meant to, for a data test; what was
    counted is told in one warning, in numbers only. An empty list counts as one such entry, unless it may be empty.
    Nothing is counted where nothing is tested, and then the test would fail.
-#}
{% macro unusable_suppressions(relation, records, partition) -%}
    {%- if not execute or flags.WHICH not in ['build', 'test'] -%}
        {{ return(1) }}
    {%- endif -%}
    {%- set may_be_empty = matched_ids.setting('suppressed_may_be_empty') | string | trim | lower -%}
    {%- if may_be_empty not in ['true', 'false'] -%}
        {%- do exceptions.raise_compiler_error(
            'The setting suppressed_may_be_empty is "' ~ may_be_empty ~ '". Set it to true or false.') -%}
    {%- endif -%}
    {%- set by = matched_ids.suppressed_by() -%}
    {%- set are_integers = 'id' in by and matched_ids.are_ids_integers(relation, records, partition) -%}
    {%- set kinds = matched_ids.kinds_of_suppressions(are_integers) -%}
    {%- set name = 'suppressed_document_column' -%}
    {%- set as_written = matched_ids.document_as_written(
        'raw_suppressed.' ~ matched_ids.column_setting(name), relation, matched_ids.setting(name))
        if 'document' in by else matched_ids.suppressed_document(relation) -%}
    {%- set query -%}
with suppression_list as (

    select
        {{ as_written }} as as_written,
        {{ matched_ids.suppressed_document(relation) }} as documento,
        {{ matched_ids.suppressed_id() }} as id
    from {{ matched_ids.raw_table(relation) }} as raw_suppressed

),

entries_and_kinds as (

    select
        case
            {%- for kind in kinds %}
            when {{ kind.condition }} then '{{ kind.name }}'
            {%- endfor %}
        end as kind
    from suppression_list

)

select
    count(*) as entries
    {%- for kind in kinds %},
    count(case when kind = '{{ kind.name }}' then 1 end) as {{ kind.name }}
    {%- endfor %}
from entries_and_kinds
    {%- endset -%}
    {%- set row = run_query(query).rows[0] -%}
    {%- set entries, faults = row[0] | int, [] -%}
    {%- set found = namespace(unusable=0) -%}
    {%- for kind in kinds -%}
        {%- set count = row[loop.index] | int -%}
        {%- if count -%}
            {%- do faults.append('{:,} {}'.format(count, kind.words)) -%}
            {%- set found.unusable = found.unusable + count -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not entries and may_be_empty == 'false' -%}
        {%- do exceptions.warn(
            'The suppression list is empty. If that is right, set suppressed_may_be_empty to true; else check its load.') -%}
        {{ return(1) }}
    {%- endif -%}
    {%- if found.unusable -%}
        {%- do exceptions.warn(
            'The suppression list has {:,} entries; {:,} of them would suppress nothing: {}. Correct them. A document is'
            ' written as in table A, of {} digits and without prefix, an id as in the published file.'.format(
                entries, found.unusable, faults | join(', '), matched_ids.document_length())) -%}
    {%- endif -%}
    {{ return(found.unusable) }}
{%- endmacro %}
