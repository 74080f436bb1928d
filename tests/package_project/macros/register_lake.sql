{#- Their folders become tables of their metastore. -#}
{% macro register_lake() -%}
    {%- set folder = env_var('SHOP_FOLDER') -%}
    {%- do matched_ids.register_parquet_folder('shop_sales', 'orders', folder ~ '/orders', true) -%}
    {%- do matched_ids.register_parquet_folder('shop_sales', 'all_refunds', folder ~ '/refunds', true, 'year,month') -%}
{%- endmacro %}
