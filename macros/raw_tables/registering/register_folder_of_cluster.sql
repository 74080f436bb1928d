{#- By Spark itself, in whose metastore the table is then made of the folder. -#}
{% macro register_folder_of_cluster(relation, location, partitioned, described) -%}
    {%- if described.location != location or described.provider != 'parquet'
        or (described.partitioned_by | length > 0) != partitioned
        or described.columns != matched_ids.spark_columns(location) -%}
        {%- call statement('drop_raw_table') -%} drop table if exists {{ relation.render() }} {%- endcall -%}
        {%- call statement('create_raw_table') -%}
            create table {{ relation.render() }} using parquet location '{{ location }}'
        {%- endcall -%}
        {%- if partitioned and not matched_ids.describe_spark_table(relation).partitioned_by -%}
            {%- do exceptions.raise_compiler_error(
                'register_raw_tables: ' ~ location ~ ' has no partitions: no folder in it is named column=value, or its'
                ~ ' files hold a column of that name themselves.') -%}
        {%- endif -%}
    {%- else -%}
        {%- call statement('refresh_raw_table') -%} refresh table {{ relation.render() }} {%- endcall -%}
    {%- endif -%}
    {%- if partitioned -%}
        {%- call statement('register_partitions') -%}
            msck repair table {{ relation.render() }} sync partitions
        {%- endcall -%}
        {{ return(run_query('show partitions ' ~ relation.render()) | length) }}
    {%- endif -%}
    {{ return(0) }}
{%- endmacro %}
