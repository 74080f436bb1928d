{%- set orders = source('sales', 'orders') -%}
{%- set newest = matched_ids.latest_partition(orders) -%}

select distinct
    cast(order_id as {{ dbt.type_string() }}) as id,
    '{{ newest.name }}' as source_partition
from {{ matched_ids.raw_table(orders, newest, columns='order_id') }} as orders
where {{ newest.predicate }}
order by id
