{#- An Iceberg table's own list of its partitions. No backslash and no triple quote: dbt-glue sends SQL as Python. -#}
{% macro iceberg_partition_names(relation, columns) -%}
    {%- set levels = [] -%}
    {%- for column in columns -%}
        {#- As Hive escapes in its names, which latest_partition reads: the sign of the escapes first. -#}
        {%- set value = namespace(sql='cast(partition.' ~ column ~ ' as string)') -%}
        {%- for sign, escaped in [('%', '%25'), ('/', '%2F'), ('=', '%3D')] -%}
            {%- set value.sql = 'replace(' ~ value.sql ~ ", '" ~ sign ~ "', '" ~ escaped ~ "')" -%}
        {%- endfor -%}
        {%- do levels.append("'" ~ column ~ "=', coalesce(" ~ value.sql ~ ", '__HIVE_DEFAULT_PARTITION__')") -%}
    {%- endfor -%}
    {%- set names = run_query(
        'select concat(' ~ levels | join(", '/', ") ~ ') as partition_name from ' ~ relation.render() ~ '.partitions') -%}
    {{ return(names.columns[0].values() | list) }}
{%- endmacro %}
