"""The table that is read: what dbt says of it, which files it consists of, and its ids in order.

`dbt_artifacts` reads manifest.json and run_results.json, `dbt_exposures` what is declared there, `dbt_graph` what a
list is made from, `dbt_files` the JSON itself; `contents` lists the files, `table` opens them in the order of their
ids, `summary` reads the row beside it. Knows nothing of what becomes of the ids. May import `lake` and below.
"""
