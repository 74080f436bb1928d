-- What the publisher wants of a column of ids, found before it: no null, no blank, none twice, ascending as they stand
-- in the table's files. One row for each thing that is wrong, with a count; no id, because failures are stored and
-- logged.
{% test publishable(model, column_name) %}

{{ config(fail_calc='coalesce(sum(found), 0)') }}

{%- set places = matched_ids.id_places(model) %}

with rows_in_place as (

    select
        {{ column_name }} as id,
        {{ places.file }} as file_name,
        {{ places.row }} as row_in_file
    from {{ model }}

),

neighbours as (

    select
        id,
        lag(id) over (partition by file_name order by row_in_file) as id_before
    from rows_in_place

),

files as (

    select
        min(id) as first_id,
        max(id) as last_id
    from rows_in_place
    group by file_name

),

neighbouring_files as (

    select
        first_id,
        lag(last_id) over (order by first_id, last_id) as last_id_before
    from files

),

faults as (

    select
        'null or blank' as fault,
        count(*) as found
    from rows_in_place
    where id is null or trim(id) = ''
    union all
    select
        'not after the id before it' as fault,
        count(*) as found
    from neighbours
    where id <= id_before
    union all
    select
        'not after the file before it' as fault,
        count(*) as found
    from neighbouring_files
    where first_id <= last_id_before

)

select
    fault,
    found
from faults
where found > 0

{% endtest %}
