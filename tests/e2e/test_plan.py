"""What Spark does for the model, by its own plan: the promises that make the job cheap. One build shows them all."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tests.e2e.conftest import WITH_COMET, Ended, Lake, fill_small_lake, new_lake


@dataclass(frozen=True)
class Built:
    """How the build ended, whose older partition has files that nobody can read, and what Spark planned for it."""

    lake: Lake
    ended: Ended
    plan: str


@pytest.fixture(scope="module")
def built(spark_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    lake = new_lake(tmp_path_factory.mktemp("lake"))
    fill_small_lake(lake)
    assert lake.register().success
    for file in (lake.records / "ano_mes_dia=20251021").iterdir():
        file.write_text("whoever opens this fails")
    ended = lake.build()
    assert lake.leaked_documents() == 0
    return Built(lake, ended, plan_of_the_last_run(lake))


def plan_of_the_last_run(lake: Lake) -> str:
    results = json.loads((lake.target_path / "run_results.json").read_text())["results"]
    (compiled,) = [result["compiled_code"] for result in results if result["unique_id"].endswith(".int_matched_ids")]
    return str(SparkSession.builder.getOrCreate().sql(f"explain formatted {compiled}").collect()[0][0])


@pytest.fixture
def plan(built: Built) -> str:
    return built.plan


def scan_of(plan: str, table: str) -> str:
    (scan,) = re.findall(rf"\(\d+\) (?:Comet)?Scan (?:\[\w+\] )?parquet \S*{table}\n(.*?)\n\n", plan, re.DOTALL)
    return scan


def test_the_small_table_is_broadcast_and_nothing_else_is_shuffled_for_the_join(plan: str) -> None:
    if WITH_COMET:
        assert "CometBroadcastHashJoin" in plan
        assert "LeftSemi, BuildRight" in plan
    else:
        assert "BroadcastHashJoin LeftSemi BuildRight" in plan
    assert "SortMergeJoin" not in plan
    assert "ShuffledHashJoin" not in plan


def test_the_log_says_that_the_documents_are_sent_and_why(built: Built) -> None:
    assert (
        "int_matched_ids: the documents of table A are sent to every executor (broadcast): there are 2, and"
        " max_broadcast_documents is 10,000,000" in built.ended.output
    )


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ({"max_broadcast_documents": 1}, "there are 2, and max_broadcast_documents is 1"),
        ({"broadcast": "never"}, "as the setting broadcast says (never)"),
    ],
)
def test_documents_that_are_not_to_be_sent_are_sorted_as_the_records_are(
    built: Built, setting: dict[str, Any], why: str
) -> None:
    ended = built.lake.dbt("run", "--select", "int_matched_ids", variables=setting)
    assert ended.success, ended.output
    assert f"are not sent to every executor, but shuffled as the records are (merge): {why}" in ended.output
    plan = plan_of_the_last_run(built.lake)
    # Comet tells the kind of a join below its name.
    assert re.search(r"\) CometSortMergeJoin\n(?:.+\n)*?.*LeftSemi" if WITH_COMET else r"SortMergeJoin.*LeftSemi", plan)
    assert "Broadcast" not in plan
    table = SparkSession.builder.getOrCreate().table(f"{built.lake.schema}.int_matched_ids")
    assert [row.id for row in table.collect()] == ["a", "b", "c"]


def test_another_word_for_the_broadcast_is_refused(built: Built) -> None:
    ended = built.lake.dbt("compile", "--select", "int_matched_ids", variables={"broadcast": "sometimes"})
    assert not ended.success
    assert 'The setting broadcast is "sometimes". Set it to auto, always or never.' in ended.output


def test_the_partition_is_a_literal_that_prunes_in_the_catalog(plan: str) -> None:
    scan = scan_of(plan, "records")
    assert re.search(r"PartitionFilters: \[isnotnull\(ano_mes_dia#\d+\), \(ano_mes_dia#\d+ = 20251022\)\]", scan)
    assert "cast(" not in scan
    # The files of one partition, of two.
    assert re.search(r"Location: InMemoryFileIndex \[file:\S+/ano_mes_dia=20251022\]", scan)


def test_only_the_needed_columns_are_read(plan: str) -> None:
    assert "ReadSchema: struct<id:string,documento:string>" in scan_of(plan, "records")
    assert "ReadSchema: struct<documento:string>" in scan_of(plan, "cpfs")


def test_no_file_of_an_older_partition_is_opened(built: Built) -> None:
    assert built.ended.success, built.ended.output
