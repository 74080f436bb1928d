{%- set refunds = source('sales', 'refunds') -%}
{%- set newest = matched_ids.latest_partition(refunds, ['year', 'month']) -%}

select order_id
from {{ matched_ids.raw_table(refunds, newest, columns=['order_id']) }} as refunds
where {{ newest.predicate }}
