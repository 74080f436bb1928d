"""The project as an installed package of somebody else's, on a target of theirs: tests/package_project.

Theirs declares two lists of its own, which are published.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from publisher.table.dbt_artifacts import read_build
from tests import forked
from tests.conftest import PROJECT, Bucket
from tests.e2e.conftest import CPF_ONE, CPF_TWO, Ended

NEWEST = {
    "newest_orders": [(3, 1.25, "2025-10-22"), (4, 2.5, "2025-10-22")],
    "newest_refunds": [("10",)],
    "newest_total": [("2025-10-22", 3.75)],
    "yesterdays_orders": [(1,), (2,)],
}
FILES = {"bought_ids_file", "refunded_ids_file"}
LISTS = {"bought_ids", "bought_ids_summary", "refunded_ids", "refunded_ids_summary"}
TESTS = {"matched_ids_publishable_bought_ids_id", "matched_ids_publishable_refunded_ids_refunded_order"}


@dataclass(frozen=True)
class Shop:
    """Their project and their data, both in folders of the tests' own."""

    folder: Path

    def put(self, path: str, **columns: Any) -> None:
        folder = self.folder / "lake" / path
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), folder / "part-0.parquet")

    def dbt(self, *arguments: str, **settings: str) -> Ended:
        messages: list[str] = []
        environment = {
            "SHOP_FOLDER": str(self.folder / "lake"),
            "SHOP_PACKAGE": str(PROJECT),
            "SHOP_SCHEMA": "shop_sales",
            "DBT_PROJECT_DIR": str(self.folder / "project"),
            "DBT_PROFILES_DIR": str(self.folder / "project"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DBT_USE_COLORS": "false",
            "DBT_WARN_ERROR": "true",
            **settings,
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            ended = dbtRunner(callbacks=[lambda event: messages.append(event.info.msg)]).invoke(list(arguments))
        messages.append(str(ended.exception or ""))
        return Ended(ended.success, "\n".join(messages), "")

    def names_of_results(self) -> set[str]:
        results = json.loads((self.folder / "project/target/run_results.json").read_text())["results"]
        return {result["unique_id"] for result in results}

    def publish(self, bucket: Bucket) -> tuple[int, dict[str, str]]:
        """Publishes what was built, and returns the exit code and how each list ended."""
        options = ["--json", "--to", f"s3://{bucket.name}/shop", "--target-path", str(self.folder / "project/target")]
        ended = forked.publisher.run(["publish", *options], {**os.environ, **bucket.endpoint.environment()})
        lists = json.loads(ended.stdout)["lists"]
        return ended.returncode, {one["exposure"]: one.get("guard", one["status"]) for one in lists}


def content(bucket: Bucket, key: str) -> bytes:
    return gzip.decompress(bucket.get(f"shop/{key}/active/latest.txt.gz")[0])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """`dbt deps` has installed the package; no registry is asked for a local one."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shutil.copytree(PROJECT / "tests/package_project", shop.folder / "project")
    shop.put("orders/dt=2025-10-21", order_id=[1, 2], amount=[1.5, 2.5])
    shop.put("orders/dt=2025-10-22", order_id=[3, 4], amount=[1.25, 2.5])
    shop.put("refunds/year=2025/month=9", order_id=["9"])
    shop.put("refunds/year=2025/month=10", order_id=["10"])
    shop.put("cpfs", documento=[CPF_ONE])
    shop.put("suppressed", id=["nobody"])
    shop.put("records/ano_mes_dia=20251021", id=["a", "x"], documento=["000" + CPF_ONE, "000" + CPF_TWO])
    shop.put("records/ano_mes_dia=20251022", id=["b"], documento=["000" + CPF_ONE])
    here = Path.cwd()
    ended = shop.dbt("deps")
    assert ended.success, ended.output
    yield shop
    os.chdir(here)


def decisions(output: str) -> list[str]:
    """Which partitions were told to be read, and how often."""
    told = [line for line in output.splitlines() if line.startswith("latest_partition: ")]
    return sorted(line.split(" is read at ")[1] for line in told)


ORDERS = ["2025-10-21 (pinned by pinned_partition)", "2025-10-22 (2 considered, next newest 2025-10-21)"]
REFUNDS = ["year=2025/month=10 (2 considered, next newest year=2025/month=9)"]


def test_on_duckdb_with_their_models_and_ours_side_by_side(shop: Shop) -> None:
    """Four threads, a profile of their own, a pin of table B, and no warning.

    The pin holds for table B under any name, and for nothing else.
    """
    ended = shop.dbt(
        "build",
        SHOP_BUILDS_MATCHED_IDS="true",
        MATCHED_IDS_CPFS_PATH=str(shop.folder / "lake/cpfs"),
        MATCHED_IDS_RECORDS_PATH=str(shop.folder / "lake/records"),
        MATCHED_IDS_SUPPRESSED_BY="ids",
        MATCHED_IDS_SUPPRESSED_PATH=str(shop.folder / "lake/suppressed"),
        MATCHED_IDS_PINNED_PARTITION="20251021",
    )
    assert ended.success, ended.output
    assert decisions(ended.output) == sorted([*ORDERS, "20251021 (pinned by pinned_partition)", *REFUNDS])
    DuckDBConnectionManager.close_all_connections()
    with duckdb.connect(str(shop.folder / "lake/warehouse.duckdb")) as connection:

        def rows(table: str) -> list[tuple[Any, ...]]:
            return connection.sql(f"select * from shop.{table} order by all").fetchall()

        assert {name: rows(name) for name in NEWEST} == NEWEST
        assert rows("records_again") == [("a", "20251021"), ("x", "20251021")]
    build = read_build(shop.folder / "project/target", "int_matched_ids", "id")
    assert build.suppressed is not None
    assert pq.read_table(build.suppressed.location).column("id").to_pylist() == ["nobody"]
    assert (build.failures, build.untested) == ((), ())
    assert pq.read_table(build.table.location).column("id").to_pylist() == ["a"]
    assert not [name for name in shop.names_of_results() if name.startswith("unit_test.")]


def test_a_table_that_is_said_to_be_in_two_places_is_refused(shop: Shop) -> None:
    ended = shop.dbt(
        "compile",
        "--select=records_again",
        SHOP_BUILDS_MATCHED_IDS="true",
        SHOP_RECORDS="/elsewhere",
        MATCHED_IDS_RECORDS_PATH=str(shop.folder / "lake/records"),
    )
    assert not ended.success
    assert "raw.records is said to be in several places: records_path is " in ended.output.replace('"', "")
    assert "config.meta.raw_path of the source warehouse.records is /elsewhere" in ended.output


def test_two_lists_are_two_models_two_summaries_and_two_exposures(shop: Shop, bucket: Bucket) -> None:
    """On DuckDB. What is wrong with one is found by its test, and keeps that one alone."""
    model = shop.folder / "project/models/lists/bought_ids.sql"
    whole = model.read_text()
    rows = "('4'), ('3'), ('3'), (null), (' ')"
    model.write_text(f"select id, '2025-10-22' as source_partition from (values {rows}) as rows_of_it(id)")
    ended = shop.dbt("build", "--select", "lists")
    assert not ended.success
    assert "Got 4 results" in ended.output  # not ascending, twice, null, blank
    assert shop.publish(bucket) == (5, {"bought_ids_file": "dbt_not_successful", "refunded_ids_file": "published"})
    assert content(bucket, "refunded") == b"10\n"  # with the line break that its exposure asks for
    model.write_text(whole)
    assert shop.dbt("build", "--select", "lists").success
    assert shop.publish(bucket) == (0, {"bought_ids_file": "published", "refunded_ids_file": "published"})
    assert content(bucket, "bought") == b"3\n4"


def test_on_spark_with_ours_disabled(shop: Shop, spark_folder: Path, bucket: Bucket) -> None:
    """Their tables are in their metastore; our exposure, and the tests of what is disabled, are gone with it."""

    ended = shop.dbt("run-operation", "register_lake", "--target=cluster")
    assert ended.success, ended.output
    ended = shop.dbt("build", "--target=cluster", MATCHED_IDS_PINNED_PARTITION="20251021")
    assert ended.success, ended.output
    assert decisions(ended.output) == [*ORDERS, *REFUNDS]
    assert {name.split(".")[2] for name in shop.names_of_results()} == {*NEWEST, *LISTS, *TESTS, *FILES}
    assert shop.publish(bucket) == (0, {"bought_ids_file": "published", "refunded_ids_file": "published"})
    assert (content(bucket, "bought"), content(bucket, "refunded")) == (b"3\n4", b"10\n")

    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    found = {name: [tuple(row) for row in spark.table(f"shop_models.{name}").collect()] for name in NEWEST}
    assert {name: sorted(rows) for name, rows in found.items()} == NEWEST
