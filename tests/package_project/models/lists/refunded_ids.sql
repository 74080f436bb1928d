{%- set refunds = source('sales', 'refunds') -%}
{%- set newest = matched_ids.latest_partition(refunds, ['year', 'month']) -%}

select distinct
    order_id as refunded_order,
    '{{ newest.name }}' as source_partition
from {{ matched_ids.raw_table(refunds, newest, columns='order_id') }} as refunds
where {{ newest.predicate }}
order by refunded_order
