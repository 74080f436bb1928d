{#-
    What the suppression list names, by the setting suppressed_by: some of `document` and `id`; nothing where there is no
    list. Half a configuration is refused: a list that somebody named, and that nobody reads, would suppress nothing.
-#}
{% macro suppressed_by() -%}
    {%- set value = matched_ids.setting('suppressed_by') | trim | lower -%}
    {%- set known = {'': [], 'documents': ['document'], 'ids': ['id'], 'documents_and_ids': ['document', 'id']} -%}
    {%- if value not in known -%}
        {%- do exceptions.raise_compiler_error(
            'The setting suppressed_by is ' ~ value | tojson ~ '. Set it to documents, ids or documents_and_ids, or leave it'
            ~ ' out where there is no suppression list.') -%}
    {%- endif -%}
    {%- if not value -%}
        {%- set given = [] -%}
        {%- for name in ['suppressed_path', 'suppressed_document_column', 'suppressed_id_column', 'suppressed_may_be_empty']
            if matched_ids.setting(name) | string != matched_ids.setting_defaults()[name] -%}
            {%- do given.append(name) -%}
        {%- endfor -%}
        {#- Resolved in _staging__sources.yml, whose default tells of none; nor does a schema alone. -#}
        {%- if var('suppressed_table', env_var('MATCHED_IDS_SUPPRESSED_TABLE', '')) not in ['', 'suppressed'] -%}
            {%- do given.append('suppressed_table') -%}
        {%- endif -%}
        {%- if given -%}
            {%- do exceptions.raise_compiler_error(
                'The setting ' ~ given[0] ~ ' tells of a suppression list, and suppressed_by does not say what it names:'
                ~ ' nothing would be suppressed. Set suppressed_by to documents, ids or documents_and_ids, or unset '
                ~ given | join(' and ') ~ '.') -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(known[value]) }}
{%- endmacro %}
