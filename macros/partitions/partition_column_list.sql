{% macro partition_column_list(partition_columns) -%}
    {%- set given = partition_columns or matched_ids.setting('partition_columns') -%}
    {%- set given = given.split(',') if given is string else given -%}
    {%- set columns = [] -%}
    {%- for column in given if column | trim -%}
        {%- if not modules.re.match('^[A-Za-z_][A-Za-z0-9_]*$', column | trim) -%}
            {%- do exceptions.raise_compiler_error(
                'latest_partition: "' ~ column ~ '" is not a column name. Set partition_columns to one name, or to'
                ~ ' several separated by commas, from the coarsest to the finest: ano,mes,dia.') -%}
        {%- endif -%}
        {%- do columns.append(column | trim | lower) -%}
    {%- endfor -%}
    {%- if not columns -%}
        {%- do exceptions.raise_compiler_error(
            'latest_partition: no partition column is set. Set partition_columns, for example to ano_mes_dia.') -%}
    {%- endif -%}
    {{ return(columns) }}
{%- endmacro %}
