"""What Spark does for the model, by its own plan: the promises that make the job cheap."""

from __future__ import annotations

import json
import re

import pytest
from pyspark.sql import SparkSession

from tests.e2e.conftest import Lake


@pytest.fixture
def plan(small_lake: Lake) -> str:
    small_lake.register()
    assert small_lake.build().success
    results = json.loads((small_lake.target_path / "run_results.json").read_text())["results"]
    (compiled,) = [result["compiled_code"] for result in results if result["unique_id"].endswith(".int_matched_ids")]
    return str(SparkSession.builder.getOrCreate().sql(f"explain formatted {compiled}").collect()[0][0])


def scan_of(plan: str, table: str) -> str:
    (scan,) = re.findall(rf"\(\d+\) Scan parquet \S*{table}\n(.*?)\n\n", plan, re.DOTALL)
    return scan


def test_the_small_table_is_broadcast_and_nothing_else_is_shuffled_for_the_join(plan: str) -> None:
    assert "BroadcastHashJoin LeftSemi BuildRight" in plan
    assert "SortMergeJoin" not in plan
    assert "ShuffledHashJoin" not in plan


def test_the_partition_is_a_literal_that_prunes_in_the_catalog(plan: str) -> None:
    scan = scan_of(plan, "records")
    assert re.search(r"PartitionFilters: \[isnotnull\(ano_mes_dia#\d+\), \(ano_mes_dia#\d+ = 20251022\)\]", scan)
    assert "cast(" not in scan
    # The files of one partition, of two.
    assert re.search(r"Location: InMemoryFileIndex \[file:\S+/ano_mes_dia=20251022\]", scan)


def test_only_the_needed_columns_are_read(plan: str) -> None:
    assert "ReadSchema: struct<id:string,documento:string>" in scan_of(plan, "records")
    assert "ReadSchema: struct<documento:string>" in scan_of(plan, "cpfs")


def test_no_file_of_an_older_partition_is_opened(small_lake: Lake) -> None:
    small_lake.register()
    for file in (small_lake.records / "ano_mes_dia=20251021").iterdir():
        file.write_text("whoever opens this fails")
    ended = small_lake.build()
    assert ended.success, ended.output
