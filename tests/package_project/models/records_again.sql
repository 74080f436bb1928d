{{ config(enabled=env_var('SHOP_BUILDS_MATCHED_IDS', 'false') == 'true') }}

{%- set records = source('warehouse', 'records') -%}
{%- set newest = matched_ids.latest_partition(records, 'ano_mes_dia') -%}

select
    id,
    '{{ newest.name }}' as day
from {{ matched_ids.raw_table(records, newest) }} as records
