{%- set newest = matched_ids.latest_partition(source('sales', 'refunds'), ['year', 'month']) -%}

{{ matched_ids.publication_summary(ref('refunded_ids'), newest.name, id_column='refunded_order') }}
