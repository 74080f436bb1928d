{%- set orders = source('sales', 'orders') -%}
{%- set newest = matched_ids.latest_partition(orders) -%}

select
    '{{ newest.name }}' as day,
    sum(amount) as total
from {{ matched_ids.raw_table(orders, newest, columns='amount') }} as orders
where {{ newest.predicate }}
