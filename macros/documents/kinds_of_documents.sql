{#-
    What a document of table A can be: each kind with the words that count it, and a condition on the columns of
    count_documents. The first that applies is a document's kind. Malformed ones match nothing of table B that they
    should.
-#}
{% macro kinds_of_documents() -%}
    {%- set length = matched_ids.document_length() -%}
    {#- Blanks of any kind, those without width too. Control characters by their codes, to be safe in any SQL. -#}
    {%- set blanks = "' \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d\u202f\u205f\u2060\u3000\ufeff'"
        ~ ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)' -%}
    {%- set marks = './-\u2010\u2011\u2012\u2013\u2014\u2212' -%}
    {#- Where the digits of other scripts begin: full-width, Arabic, Persian, the scripts of India, Thai, Lao, Tibetan … -#}
    {%- set digits = [] -%}
    {%- for zero in [65296, 1632, 1776, 1984, 2406, 2534, 2662, 2790, 2918, 3046, 3174, 3302, 3430, 3558, 3664, 3792, 3872,
        4160, 4240, 6112, 6160] -%}
        {%- for digit in range(10) -%}
            {%- do digits.append('%c' | format(zero + digit)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set without_blanks = 'translate(other_characters, ' ~ blanks ~ ", '')" -%}
    {%- set kinds = [
        {'name': 'null_documents', 'words': 'null', 'is_malformed': true, 'condition': 'as_written is null'},
        {'name': 'blank_documents', 'words': 'blank', 'is_malformed': true,
         'condition': 'length(other_characters) = length(as_written) and ' ~ without_blanks ~ " = ''"},
        {'name': 'of_equal_digits', 'words': 'with all digits equal', 'is_malformed': false,
         'condition': 'is_well_formed and documento = repeat(substr(documento, 1, 1), ' ~ length ~ ')'},
    ] -%}
    {%- if length == 11 -%}
        {%- do kinds.append({'name': 'with_wrong_check_digits', 'words': 'with wrong check digits', 'is_malformed': false,
            'condition': 'is_well_formed and not ' ~ matched_ids.has_valid_check_digits('documento')}) -%}
    {%- endif -%}
    {%- do kinds.append({'name': 'well_formed', 'words': 'well formed', 'is_malformed': false,
        'condition': 'is_well_formed'}) -%}
    {%- if length != 14 -%}
        {%- do kinds.append({'name': 'of_14_digits', 'words': 'with 14 digits (CNPJ)', 'is_malformed': true,
            'condition': 'length(as_written) - length(other_characters) = 14 and translate(' ~ without_blanks ~ ", '"
                ~ marks ~ "', '') = ''"}) -%}
    {%- endif -%}
    {%- do kinds.extend([
        {'name': 'of_another_length', 'words': 'of another length', 'is_malformed': true,
         'condition': "other_characters = ''"},
        {'name': 'with_marks', 'words': 'with dots and dashes', 'is_malformed': true,
         'condition': "translate(other_characters, '" ~ marks ~ "', '') = ''"},
        {'name': 'with_spaces', 'words': 'with spaces', 'is_malformed': true,
         'condition': 'translate(' ~ without_blanks ~ ", '" ~ marks ~ "', '') = ''"},
        {'name': 'of_other_digits', 'words': 'with full-width or other non-ASCII digits', 'is_malformed': true,
         'condition': "translate(other_characters, '" ~ digits | join ~ "', '') <> other_characters"},
        {'name': 'with_other_characters', 'words': 'with other characters', 'is_malformed': true, 'condition': '1 = 1'},
    ]) -%}
    {{ return(kinds) }}
{%- endmacro %}
