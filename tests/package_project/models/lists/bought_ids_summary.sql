{{ matched_ids.publication_summary(ref('bought_ids'), matched_ids.latest_partition(source('sales', 'orders')).name) }}
