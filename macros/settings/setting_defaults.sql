{% macro setting_defaults() -%}
    {{ return({
        'cpfs_path': '',
        'records_path': '',
        'cpfs_document_column': 'documento',
        'records_id_column': 'id',
        'records_document_column': 'documento',
        'document_prefix': '000',
        'document_length': '11',
        'max_malformed_percent': '1',
        'max_null_documents_percent': '1',
        'normalize_documents': 'false',
        'broadcast': 'auto',
        'max_broadcast_documents': '10000000',
        'partition_columns': 'ano_mes_dia',
        'partition_value_pattern': '^[0-9][0-9A-Za-z:. _+-]*$',
        'pinned_partition': '',
        'max_partition_age_days': '',
        'max_partition_days_ahead': '1',
        'ready_file': '',
        'min_percent_of_previous_rows': '',
    }) }}
{%- endmacro %}
