{#- The query behind `published_ids`. An id has no control character, so that nothing parts a line into columns. -#}
{% macro published_ids_of(file) -%}
    {{ return(adapter.dispatch('published_ids_of', 'matched_ids')(file)) }}
{%- endmacro %}

{% macro default__published_ids_of(file) -%}
with files as (

    select sha2(content, 256) as sha256
    from binaryFile.`file:{{ file }}`

),

states as (

    select
        get_json_object(cast(content as string), '$.sha256') as sha256,
        get_json_object(cast(content as string), '$.source_partition') as source_partition
    from binaryFile.`file:{{ file }}.state.json`

),

partitions as (

    select max(states.source_partition) as source_partition
    from states
    inner join files on states.sha256 = files.sha256

)

select
    ids.value as id,
    partitions.source_partition
from text.`file:{{ file }}` as ids
cross join partitions
{%- endmacro %}

{% macro duckdb__published_ids_of(file) -%}
with files as (

    select sha256(content) as sha256
    from read_blob('{{ file }}')

),

states as (

    select
        sha256,
        source_partition
    from read_json('{{ file }}.state.json', columns = {sha256: 'varchar', source_partition: 'varchar'})

),

partitions as (

    select max(states.source_partition) as source_partition
    from states
    inner join files on states.sha256 = files.sha256

)

select
    ids.id,
    partitions.source_partition
from read_csv(
    '{{ file }}', columns = {id: 'varchar'}, auto_detect = false, header = false, compression = 'gzip',
    delim = e'\x1f', quote = '', escape = '', new_line = '\n'
) as ids
cross join partitions
{%- endmacro %}
