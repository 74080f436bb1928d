{#-
    The ids of one partition of table B that match and are not suppressed, as int_matched_ids has them for the newest: for
    analyses. Without a hint of how to join: the engine chooses, and nobody's day waits for it.
-#}
{% macro ids_matched_in(records, partition) -%}
{%- if partition.name -%}
select distinct cast(raw_records.{{ matched_ids.column_setting('records_id_column') }} as {{ dbt.type_string() }}) as id
from {{ matched_ids.raw_table(records, partition) }} as raw_records
semi join {{ ref('matched_ids', 'stg_cpfs') }} as cpfs
    on {{ matched_ids.document_text('raw_records.' ~ matched_ids.column_setting('records_document_column')) }}
        = '{{ matched_ids.document_prefix() }}' || cpfs.documento
        and translate(cpfs.documento, '0123456789', '') <> cpfs.documento
{%- if matched_ids.suppressed_by() %}
anti join {{ ref('matched_ids', 'int_matched_ids_suppressed') }} as suppressed
    on cast(raw_records.{{ matched_ids.column_setting('records_id_column') }} as {{ dbt.type_string() }}) = suppressed.id
{%- endif %}
where {{ partition.predicate }}
{%- else -%}
select documento as id from {{ ref('matched_ids', 'stg_cpfs') }} where 1 = 0
{%- endif -%}
{%- endmacro %}
