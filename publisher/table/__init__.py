"""The table that is read: what dbt says of it, which files it consists of, and its ids in order.

`dbt_artifacts` reads manifest.json and run_results.json, `contents` lists the files, `table` opens them in the order of
their ids, `summary` reads the row beside it. Knows nothing of what becomes of the ids. May import `lake` and below.
"""
