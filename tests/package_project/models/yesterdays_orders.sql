{%- set orders = source('sales', 'orders') -%}
{%- set pinned = matched_ids.latest_partition(orders, 'dt', pinned_partition='2025-10-21') -%}

select order_id
from {{ matched_ids.raw_table(orders, pinned, columns=['order_id']) }} as orders
where {{ pinned.predicate }}
