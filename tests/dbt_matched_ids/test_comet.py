"""What a session is started with for Comet, and what its plan says."""

from __future__ import annotations

from pathlib import Path

import pytest
from dbt_common.exceptions import DbtRuntimeError

from dbt_matched_ids.spark import comet
from dbt_matched_ids.spark.plan import left_to_spark

NATIVE = """== Physical Plan ==
AdaptiveSparkPlan isFinalPlan=false
+- CometSort [id#15, source_partition#14], [id#15 ASC NULLS FIRST]
   +- CometExchange rangepartitioning(id#15 ASC NULLS FIRST, 2), ENSURE_REQUIREMENTS, CometNativeShuffle, [plan_id=121]
      +- CometBroadcastHashJoin [documento#16], [concat(000, documento#7)], LeftSemi, BuildRight
         :- CometScan [native_iceberg_compat] parquet spark_catalog.raw.records[id#15,documento#16] Batched: true
         +- CometBroadcastExchange [documento#7]
            +- CometScan [native_iceberg_compat] parquet spark_catalog.raw.cpfs[documento#7] Batched: true
"""
MIXED = """== Physical Plan ==
AdaptiveSparkPlan isFinalPlan=false
+- Project [id#1, 000 AS Filter#3]
   +- BroadcastNestedLoopJoin BuildRight, Cross
      :- *(2) Project [id#1]
      :  +- *(2) ColumnarToRow
      :     +- FileScan parquet raw.records[id#1,documento#2] Batched: true, DataFilters: [], Format: Parquet
      +- BroadcastExchange IdentityBroadcastMode, [plan_id=476]
         +- CometHashAggregate [count#119L], Final, [count(1)]
"""


def test_a_plan_says_which_operators_are_sparks_own() -> None:
    assert left_to_spark(NATIVE) == []
    assert left_to_spark(MIXED) == ["Project", "BroadcastNestedLoopJoin", "FileScan parquet", "BroadcastExchange"]


@pytest.mark.parametrize(("memory", "half"), [("4g", "2048m"), ("3000m", "1500m"), ("1GB", "512m"), ("2 g", "1024m")])
def test_comet_gets_half_of_the_memory_and_the_jvm_the_rest(memory: str, half: str) -> None:
    session = {"spark.driver.memory": memory}
    comet.add_to(session)
    comet.add_to(session)  # as every connection does
    assert (session["spark.driver.memory"], session["spark.memory.offHeap.size"]) == (half, half)
    assert session["spark.jars.packages"] == comet.COORDINATES


@pytest.mark.parametrize("memory", ["4", "lots", "4gg", "", "1.5g", "-4g"])
def test_a_memory_that_is_no_size_is_refused(memory: str) -> None:
    with pytest.raises(DbtRuntimeError, match=r"MATCHED_IDS_SPARK_MEMORY is .* Write it as a number and a unit"):
        comet.add_to({"spark.driver.memory": memory})


def test_what_a_session_has_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = tmp_path / "comet-spark.jar"
    jar.write_bytes(b"tried")
    monkeypatch.setenv("MATCHED_IDS_SPARK_ACCELERATOR_JAR", str(jar))
    # printf tried | sha256sum
    monkeypatch.setenv(
        "MATCHED_IDS_SPARK_ACCELERATOR_SHA256", "B90BC9390BCD6BAD933160C81FB4D7016601531FDBDCFEB8C31F71904BD9673B"
    )
    session = {"spark.jars": "/iceberg.jar", "spark.plugins": "other.Plugin", "spark.driver.extraJavaOptions": "-Xa"}
    comet.add_to(session)
    assert session["spark.jars"] == f"/iceberg.jar,{jar}"
    assert session["spark.plugins"] == "other.Plugin,org.apache.spark.CometPlugin"
    assert session["spark.driver.extraJavaOptions"].startswith("-Xa ")
    assert "spark.jars.packages" not in session


def test_a_jar_that_is_not_there_is_refused_by_each_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCHED_IDS_SPARK_ACCELERATOR_JAR", str(tmp_path / "no.jar"))
    with pytest.raises(DbtRuntimeError, match=r"The jar of Comet, \S+/no.jar, cannot be read: No such file"):
        comet.add_to(session := {"spark.app.name": "x"})
    assert session == {"spark.app.name": "x"}


@pytest.mark.parametrize("jars", ["", "file:///iceberg.jar", "file:///gone/org.apache.datafusion_comet-spark-1.jar"])
def test_a_jar_that_spark_fetched_is_looked_at_too(jars: str) -> None:
    with pytest.raises(DbtRuntimeError, match=r"The jar of Comet, .*, cannot be read"):
        comet.require_known_fetched(jars)


def test_a_fetched_jar_of_another_content_is_refused(tmp_path: Path) -> None:
    jar = tmp_path / "org.apache.datafusion_comet-spark-spark3.5_2.12-0.12.0.jar"
    jar.write_bytes(b"another")
    with pytest.raises(DbtRuntimeError, match=r"SHA-256 [0-9a-f]{64}, which is not that of org.apache"):
        comet.require_known_fetched(f"file:///iceberg.jar,file://{jar}")


def test_the_tests_jar_is_the_one_that_users_are_held_to() -> None:
    pinned = (Path(__file__).parents[1] / "comet" / "jars.sha256").read_text().split()
    assert pinned == [comet.SHA256, comet.COORDINATES.split(":", 1)[1].replace(":", "-") + ".jar"]
