"""The lake: files here and in S3, the Glue catalog, and what a raw table is made of.

Used by the publisher and, inside dbt, by `dbt_matched_ids`; so nothing here knows of a command, a store to publish to,
or dbt. What a raw table is, which files belong to it and which types are read is one rule (docs/raw-data.md), and
stands here once: `raw_tables` opens a table by its setting, `folder`, `hive` and `iceberg.table` are the three kinds,
`scan` is what each tells of one partition, `access` sets up what reads S3 and Glue. May import `aws`, `disk`,
`values`, `errors` and `seekable`.
"""
