"""What DuckDB needs inside dbt: folders to write to, S3 as boto3 finds it, and errors without data.

Nothing about raw tables lives here: that is asked by macros, on all targets alike. It may import the modules that the
targets share (`dbt_matched_ids`), `publisher.lake` for S3, dbt-duckdb and DuckDB itself, and none of `spark`. A profile
names the part that works, `dbt_matched_ids.duckdb.plugin`; until dbt-duckdb imports that, nothing of it is loaded.
"""
