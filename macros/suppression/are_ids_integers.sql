{#-
    Whether table B's ids are integers. Where they are texts, a list of integers is refused: a number has no leading
    zeros, so 0012 would stay published, and 12 would go in its place.
-#}
{% macro are_ids_integers(suppressed, records, partition) -%}
    {%- set of_records = matched_ids.scan_raw_table(records, partition).kinds.get(matched_ids.setting('records_id_column')) -%}
    {%- set of_list = matched_ids.scan_raw_table(suppressed).kinds.get(matched_ids.setting('suppressed_id_column')) -%}
    {%- if (of_list, of_records) == ('integer', 'text') -%}
        {%- do exceptions.raise_compiler_error(
            'The ids of the suppression list are integers (column ' ~ matched_ids.setting('suppressed_id_column') ~ ') and those'
            ~ ' of table B are texts: a number has lost its leading zeros, and would suppress another id or none. Have the'
            ~ ' list written with ids as texts, as they stand in the published file.') -%}
    {%- endif -%}
    {{ return(of_records == 'integer') }}
{%- endmacro %}
