{#- The kinds of columns by the types that a catalog names; refuses a missing one, and one of the partition's. -#}
{% macro kinds_in_catalog(table, described, partitioned_by, wanted) -%}
    {%- set kinds = {} -%}
    {%- for name, role in wanted -%}
        {%- set same = [] -%}
        {%- for column in described if column[0] | lower == name | lower and column[0] | lower not in partitioned_by -%}
            {%- do same.append(column) -%}
        {%- endfor -%}
        {%- if name | lower in partitioned_by and role != 'other' -%}
            {%- do exceptions.raise_compiler_error(
                'raw_table: the column ' ~ name ~ ' of ' ~ table ~ ' is a partition column. Set its name to a column of the'
                ~ ' files.') -%}
        {%- elif not same and name | lower not in partitioned_by -%}
            {%- do exceptions.raise_compiler_error(
                'raw_table: ' ~ table ~ ' has no column ' ~ name ~ '; it has ' ~ described | map(attribute=0) | join(', ')
                ~ '. Set the column\'s name to one that it has.') -%}
        {%- elif role != 'other' -%}
            {%- do kinds.update({name: matched_ids.python().kind_of_type(table, name, role, same[0][1])}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(kinds) }}
{%- endmacro %}
