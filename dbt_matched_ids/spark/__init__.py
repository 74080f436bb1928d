"""What Spark needs inside dbt: its Java and settings on the target `local`, and errors without data wherever it runs.

Nothing about raw tables lives here: that is asked by macros, on all targets alike. It may import the modules that the
targets share (`dbt_matched_ids`) and none of `duckdb`; of dbt-spark, dbt-glue and PySpark it imports nothing, and takes
what dbt itself has loaded. `conf/` is Spark's configuration folder.
"""
