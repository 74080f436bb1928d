{#-
    What a data test of table A says, as {found, allowed}: how many documents are malformed, and how many may be. What
    was counted is told in one warning. Nothing is counted where nothing is tested, and then the test would fail.
-#}
{% macro malformed_documents(relation) -%}
    {%- if not execute or flags.WHICH not in ['build', 'test'] -%}
        {{ return({'found': 1, 'allowed': 0}) }}
    {%- endif -%}
    {%- set limit = matched_ids.number_setting('max_malformed_percent', true) -%}
    {%- set counted = matched_ids.count_documents(relation) -%}
    {%- set total = counted.documents -%}
    {%- set malformed, suspicious = [], [] -%}
    {%- set found = namespace(malformed=0, blank=0) -%}
    {%- for kind in counted.kinds if kind.count and kind.name != 'well_formed' -%}
        {%- set words = '{:,} {}'.format(kind.count, kind.words) -%}
        {%- if kind.is_malformed -%}
            {%- do malformed.append(words) -%}
            {%- set found.malformed = found.malformed + kind.count -%}
        {%- else -%}
            {%- do suspicious.append(words) -%}
        {%- endif -%}
        {%- if kind.name == 'blank_documents' -%}
            {%- set found.blank = kind.count -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if malformed or suspicious -%}
        {%- set parts = ['Table A has {:,} documents'.format(total)] -%}
        {%- if malformed -%}
            {%- do parts.append('{:,} of them ({}) malformed, which match nothing: {}'.format(
                found.malformed, matched_ids.percentage(found.malformed, total), malformed | join(', '))) -%}
        {%- endif -%}
        {%- if suspicious -%}
            {%- do parts.append('well formed, but no CPF as they are issued: ' ~ suspicious | join(', ')) -%}
        {%- endif -%}
        {%- set advice = [] -%}
        {%- if counted.mendable and not matched_ids.is_normalizing() -%}
            {%- do advice.append('{:,} would be mended by normalize_documents: true.'.format(counted.mendable)) -%}
        {%- endif -%}
        {%- if found.blank -%}
            {%- do advice.append('A blank document fails the build: remove it from table A.') -%}
        {%- endif -%}
        {%- if malformed -%}
            {%- do advice.append('More than ' ~ '%g' | format(limit) ~ ' % fail the build (max_malformed_percent); a document'
                ~ ' has ' ~ matched_ids.document_length() ~ ' digits (document_length).') -%}
        {%- endif -%}
        {%- do exceptions.warn((parts | join('; ') ~ '. ' ~ advice | join(' ')) | trim) -%}
    {%- endif -%}
    {{ return({
        'found': found.malformed,
        'allowed': -1 if found.blank else (total * limit / 100 + 1e-9) | int,
    }) }}
{%- endmacro %}
