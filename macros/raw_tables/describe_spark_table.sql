{% macro describe_spark_table(relation) -%}
    {%- set found = namespace(section='', provider='', location='', type='', properties='', input_format='') -%}
    {%- set columns, partitioned_by = [], [] -%}
    {%- for row in run_query('describe extended ' ~ relation.render()).rows -%}
        {%- set name, value = row[0] or '', row[1] or '' -%}
        {%- if name.startswith('#') and name != '# col_name' or not name -%}
            {%- set found.section = name or '-' -%}
        {%- elif not found.section -%}
            {%- do columns.append([name, value]) -%}
        {%- elif found.section == '# Partition Information' and name != '# col_name' -%}
            {%- do partitioned_by.append(name | lower) -%}
        {%- elif found.section == '# Partitioning' -%}
            {#- So described when a partition of an Iceberg table is computed: Part 0 is ano_mes_dia, Part 1 is
                bucket(8, id). -#}
            {%- do partitioned_by.append(value | lower) -%}
        {%- elif found.section == '# Detailed Table Information' and name == 'Provider' -%}
            {%- set found.provider = value | lower -%}
        {%- elif found.section == '# Detailed Table Information' and name == 'Type' -%}
            {%- set found.type = value | lower -%}
        {%- elif found.section == '# Detailed Table Information' and name == 'InputFormat' -%}
            {%- set found.input_format = value | lower -%}
        {%- elif found.section == '# Detailed Table Information' and name == 'Table Properties' -%}
            {%- set found.properties = value | lower -%}
        {%- elif found.section == '# Detailed Table Information' and name == 'Location' -%}
            {%- set found.location = modules.re.sub('^file:/*', '/', value) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({
        'provider': found.provider, 'location': found.location, 'columns': columns, 'partitioned_by': partitioned_by,
        'is_view': found.type == 'view',
        'is_parquet': found.provider == 'parquet' or found.provider == 'hive' and 'parquet' in found.input_format,
        'is_projected': modules.re.search('projection[.]enabled *= *true', found.properties) is not none,
    }) }}
{%- endmacro %}
