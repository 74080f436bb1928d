"""What the dbt target `duckdb` needs beside DuckDB: folders to write to, and S3 as boto3 finds it.

dbt imports this package with every target, because its name begins with `dbt_`; so nothing is imported here.
profiles.yml names the part that works, `dbt_local_duckdb.plugin`.
"""
