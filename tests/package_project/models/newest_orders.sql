{%- set orders = source('sales', 'orders') -%}
{%- set newest = matched_ids.latest_partition(orders) -%}

select
    order_id,
    amount,
    dt
from {{ matched_ids.raw_table(orders, newest, columns=['order_id', 'amount', 'dt']) }} as orders
where {{ newest.predicate }}
