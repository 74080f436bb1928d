{#-
    What is wrong with an entry of the suppression list: each kind with the words that count it, and a condition on the
    columns of count_suppressions. The first that applies counts. Stricter than table A's documents: one that is not
    found there is an id less, and one that is not found here is a person whose id is published.
-#}
{% macro kinds_of_suppressions(are_ids_integers) -%}
    {%- set is_well_formed = matched_ids.is_well_formed_document('documento') | trim -%}
    {%- set prefix = matched_ids.document_prefix() -%}
    {%- set kinds = [
        {'name': 'without_entry', 'words': 'null', 'condition': 'as_written is null and id is null'},
        {'name': 'blank_documents', 'words': 'with a blank document', 'condition': "trim(as_written) = ''"},
    ] -%}
    {%- if prefix -%}
        {%- do kinds.append({'name': 'with_prefix', 'words': 'with the prefix of table B',
            'condition': 'not (' ~ is_well_formed ~ ') and ' ~ matched_ids.has_document_prefix('documento') | trim
                ~ ' and length(documento) = ' ~ (matched_ids.document_length() + prefix | length)}) -%}
    {%- endif -%}
    {%- do kinds.append({'name': 'malformed_documents', 'words': 'with a document that is not ' ~ matched_ids.document_length()
        ~ ' digits', 'condition': 'not (' ~ is_well_formed ~ ')'}) -%}
    {%- if matched_ids.document_length() == 11 -%}
        {%- do kinds.append({'name': 'with_wrong_check_digits', 'words': 'with wrong check digits',
            'condition': 'not ' ~ matched_ids.has_valid_check_digits('documento')}) -%}
    {%- endif -%}
    {%- do kinds.append({'name': 'unlike_ids', 'words': 'with a blank id, or one with blanks around it',
        'condition': "id = '' or trim(id) <> id"}) -%}
    {%- if are_ids_integers -%}
        {%- do kinds.append({'name': 'unlike_integers', 'words': 'with an id that is no integer, as those of table B are',
            'condition': "translate(id, '-0123456789', '') <> '' or translate(id, '0123456789', '') = id"
                ~ " or (substr(id, 1, 1) = '0' and id <> '0') or substr(id, 1, 2) = '-0'"}) -%}
    {%- endif -%}
    {{ return(kinds) }}
{%- endmacro %}
