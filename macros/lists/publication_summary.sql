{#-
    The summary row of a list that is published: what the engine says is in its table. The publisher compares it with what
    it reads, so that a table caught half-written, or swapped, is refused.

    `relation` is the list's model, `id_column` its ids. Which partition they come from stands in its `partition_column`,
    the same in every row; an empty table has no row to tell, so `partition` names the one that was read. A model without
    such a column takes partition_column=none, and one that comes from no partition neither.
-#}
{% macro publication_summary(relation, partition=none, id_column='id', partition_column='source_partition') -%}
    {%- if partition is not none and matched_ids.has_unsafe_characters(partition) -%}
        {%- do exceptions.raise_compiler_error(
            'publication_summary: the partition of ' ~ relation ~ ' holds a character that is unsafe inside SQL.') -%}
    {%- endif -%}
    {%- set named = "'" ~ partition ~ "'" if partition is not none else 'cast(null as ' ~ dbt.type_string() ~ ')' -%}
    select
        {{ 'coalesce(max(' ~ partition_column ~ '), ' ~ named ~ ')' if partition_column else named }} as source_partition,
        count(*) as total_ids,
        min({{ id_column }}) as min_id,
        max({{ id_column }}) as max_id,
        cast(coalesce(sum({{ matched_ids.octet_length(id_column) }}), 0) as {{ dbt.type_bigint() }}) as total_id_bytes,
        '{{ invocation_id }}' as dbt_invocation_id,
        cast(current_timestamp as {{ dbt.type_timestamp() }}) as built_at
    from {{ relation }}
{%- endmacro %}
