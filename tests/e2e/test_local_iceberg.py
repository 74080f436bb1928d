"""Iceberg on the target `local`: models built as Iceberg tables, and table B as one.

Its Spark needs a jar and another catalog, so it has a process of its own, in which all tests here run their dbt.
"""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyiceberg.table import StaticTable
from pyspark.sql import SparkSession

from demo import children
from publisher.guards.limits import NO_LIMITS
from publisher.publish import publish
from publisher.rollback import rollback
from publisher.settings import PublishSettings
from tests import repeated_dbt
from tests.conftest import Bucket
from tests.e2e.conftest import CPF_ONE, CPF_OTHER, Ended, Lake
from tests.e2e.expectation import expected_content

MACRO = "{{ latest_partition(source('lake', 'records')) | tojson }}"


def ask_spark(sql: str) -> list[list[str]]:
    """Runs a statement in the session that dbt started in this process."""
    rows = SparkSession.builder.getOrCreate().sql(sql).collect()
    return [[str(value) for value in row] for row in rows]


def expire_snapshots(location: str) -> None:
    """Expires all that may be, by Iceberg's Java API: the procedure takes extensions that this session lacks."""
    session = SparkSession.builder.getOrCreate()
    jvm = session._jvm  # PySpark has no public way to it
    assert jvm is not None
    tables = jvm.org.apache.iceberg.hadoop.HadoopTables(session._jsparkSession.sparkContext().hadoopConfiguration())
    table = tables.load(f"file:{location}")
    table.updateProperties().set("history.expire.max-ref-age-ms", "1").commit()
    table.expireSnapshots().expireOlderThan(jvm.java.lang.System.currentTimeMillis()).retainLast(1).commit()


def spark_settings() -> dict[str, str]:
    return dict(SparkSession.builder.getOrCreate().sparkContext.getConf().getAll())


def _prepare(parent: int) -> None:
    children.end_with(parent)
    repeated_dbt.prepare()


class SparkProcess:
    """A process with a Spark of its own; it can be had anew with the other format and the same local folder."""

    def __init__(self, folder: Path, jar: Path) -> None:
        self.folder = folder
        self._jar = jar
        self._format = ""
        self._pool: ProcessPoolExecutor | None = None

    @property
    def settings(self) -> dict[str, str]:
        settings = {"MATCHED_IDS_LOCAL_DIR": str(self.folder), "MATCHED_IDS_SPARK_MEMORY": "1g"}
        if self._format == "iceberg":
            settings |= {"MATCHED_IDS_TABLE_FORMAT": "iceberg", "MATCHED_IDS_SPARK_JARS": str(self._jar)}
        return settings

    def use(self, table_format: str) -> None:
        if table_format != self._format:
            self.stop()
            self._format = table_format
            spawning = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, spawning, initializer=_prepare, initargs=(os.getpid(),))

    def run(self, function: Any, *arguments: Any, **named: Any) -> Any:
        assert self._pool is not None
        return self._pool.submit(function, *arguments, **named).result(600)

    def stop(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()


@dataclass(frozen=True)
class IcebergLake(Lake):
    """A lake whose dbt runs in the other process."""

    spark: SparkProcess = field(kw_only=True)

    @property
    def tables(self) -> Path:
        return self.spark.folder / "tables" / self.schema

    @property
    def table(self) -> Path:
        return self.tables / "int_matched_ids"

    def dbt(self, *arguments: str, variables: Mapping[str, Any] | None = None) -> Ended:
        settings = {**self.spark.settings, **self.settings}
        ended = self.spark.run(Lake.dbt, Lake(self.folder, self.number, settings), *arguments, variables=variables)
        assert isinstance(ended, Ended)
        self.printed.append(ended.output)
        return ended

    def create_raw(self, table: str, kind: str = "string", partitioned_by: str = "") -> None:
        """Makes an Iceberg table of the registered Parquet, its partition column cast to a type."""
        self.spark.run(
            ask_spark,
            f"create or replace table tables_folder.{self.raw_schema}.{table} using iceberg {partitioned_by}"
            f" as select id, documento, cast(ano_mes_dia as {kind}) as ano_mes_dia from {self.raw_schema}.records",
        )
        self.settings["MATCHED_IDS_RECORDS_TABLE"] = table

    def expected(self, partition: str) -> list[str]:
        return expected_content(self.cpfs, [self.records / partition]).decode().split("\n")


@pytest.fixture(scope="module")
def spark_process(
    tmp_path_factory: pytest.TempPathFactory, path_without_java: str, iceberg_jar: Path
) -> Iterator[SparkProcess]:
    process = SparkProcess(tmp_path_factory.mktemp("spark"), iceberg_jar)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path_without_java)
        patch.delenv("JAVA_HOME", raising=False)
        yield process
        process.stop()


@pytest.fixture
def iceberg_lake(spark_process: SparkProcess, lake: Lake, small_lake: Lake) -> Iterator[IcebergLake]:
    """The small lake, registered as Parquet."""
    spark_process.use("iceberg")
    values = {each.name: getattr(small_lake, each.name) for each in fields(Lake)}
    iceberg_lake = IcebergLake(**values, spark=spark_process)
    registered = iceberg_lake.register()
    assert registered.success, registered.output
    yield iceberg_lake
    assert iceberg_lake.leaked_documents() == 0


def current_metadata(table: Path) -> Path:
    """Returns the file that version-hint.text names."""
    version = (table / "metadata/version-hint.text").read_text()
    return table / f"metadata/v{version}.metadata.json"


def read_ids(table: Path) -> list[str]:
    return read_state(current_metadata(table))


def read_state(metadata: Path) -> list[str]:
    rows = StaticTable.from_metadata(str(metadata)).scan().to_arrow()
    ids: list[str] = rows["id"].to_pylist()
    return ids


def published(lake: IcebergLake, bucket: Bucket) -> bytes:
    """Publishes what was built, and returns the published content."""
    settings = PublishSettings(
        bucket.destination, target_path=lake.target_path, limits=NO_LIMITS, tag_snapshot=True, keep_tags=1
    )
    report = publish(settings, bucket.store)
    current = json.loads(current_metadata(lake.table).read_text())["current-snapshot-id"]
    assert report.metadata.snapshot_id == str(current)
    assert report.warnings == ()
    return gzip.decompress(bucket.get("active/latest.txt.gz")[0])


def test_a_build_is_read_without_spark_and_a_second_one_replaces_it_without_a_gap(
    iceberg_lake: IcebergLake, bucket: Bucket
) -> None:
    built = iceberg_lake.dbt("build")  # unit tests included
    assert built.success, built.output
    first = current_metadata(iceberg_lake.table)
    assert read_ids(iceberg_lake.table) == iceberg_lake.expected("ano_mes_dia=20251022") == ["a", "b", "c"]
    summary = StaticTable.from_metadata(str(current_metadata(iceberg_lake.tables / "int_matched_ids_summary")))
    (row,) = summary.scan().to_arrow().to_pylist()
    assert (row["total_ids"], row["min_id"], row["max_id"], row["total_id_bytes"]) == (3, "a", "c", 3)

    assert published(iceberg_lake, bucket) == b"a\nb\nc"
    tagged = current_metadata(iceberg_lake.table)
    as_published = f"select id from {iceberg_lake.schema}.int_matched_ids for version as of 'published' order by id"

    seen: set[tuple[str, ...]] = set()
    gaps: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            # Iceberg renames its hint over the old one, and for a moment there is none; a reader looks again.
            with suppress(FileNotFoundError):
                first_seen = current_metadata(iceberg_lake.table)
                try:
                    seen.add(tuple(read_state(first_seen)))
                except Exception as error:  # noqa: BLE001 - whatever it is, a reader saw it
                    gaps.append(repr(error))

    watcher = threading.Thread(target=watch)
    watcher.start()
    iceberg_lake.write_records("ano_mes_dia=20251023", [("d", "000" + CPF_ONE), ("e", "000" + CPF_OTHER)])
    iceberg_lake.register()
    built = iceberg_lake.build()
    over.set()
    watcher.join()
    assert built.success, built.output
    assert gaps == []
    assert seen >= {("a", "b", "c")}
    assert seen <= {("a", "b", "c"), ("d",)}
    assert read_ids(iceberg_lake.table) == ["d"]
    assert (tagged.name, current_metadata(iceberg_lake.table).name) == ("v2.metadata.json", "v3.metadata.json")
    # What is built and not published; Spark also keeps the tag over an expiry, of which nothing else is spared.
    assert iceberg_lake.spark.run(ask_spark, as_published) == [["a"], ["b"], ["c"]]
    iceberg_lake.spark.run(expire_snapshots, str(iceberg_lake.table))
    assert iceberg_lake.spark.run(ask_spark, as_published) == [["a"], ["b"], ["c"]]
    assert published(iceberg_lake, bucket) == b"d"
    iceberg_lake.spark.run(ask_spark, f"refresh table {iceberg_lake.schema}.int_matched_ids")
    assert iceberg_lake.spark.run(ask_spark, as_published) == [["d"]]
    rollback(bucket.store, bucket.destination)
    iceberg_lake.spark.run(ask_spark, f"refresh table {iceberg_lake.schema}.int_matched_ids")
    assert iceberg_lake.spark.run(ask_spark, as_published) == [["a"], ["b"], ["c"]]
    assert read_state(first) == ["a", "b", "c"]  # whoever began to read before ends with the same ids


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("string", "20251022"), ("int", "20251022"), ("date", "2025-10-22")],
)
def test_an_iceberg_table_b_is_read_at_its_newest_partition_alone(
    kind: str, shown: str, iceberg_lake: IcebergLake
) -> None:
    if kind == "date":
        for folder in list(iceberg_lake.records.iterdir()):
            day = folder.name.split("=")[1]
            folder.rename(iceberg_lake.records / f"ano_mes_dia={day[:4]}-{day[4:6]}-{day[6:]}")
    iceberg_lake.write_records("ano_mes_dia=__HIVE_DEFAULT_PARTITION__", [("no day", "000" + CPF_ONE)])
    assert iceberg_lake.register().success
    iceberg_lake.create_raw("records_iceberg", kind, "partitioned by (ano_mes_dia)")
    older = iceberg_lake.spark.run(
        ask_spark,
        f"select file_path from {iceberg_lake.raw_schema}.records_iceberg.files"
        f" where partition.ano_mes_dia is null or cast(partition.ano_mes_dia as string) <> '{shown}'",
    )
    assert len(older) == 2
    for (path,) in older:
        Path(path.removeprefix("file:")).write_text("whoever opens this fails")
    # dbt's tests say of a date what they say of a text, but for the partition itself; so they run on one of the kinds.
    built = iceberg_lake.build() if kind == "date" else iceberg_lake.dbt("run")
    assert built.success, built.output
    assert f"is read at {shown} (2 considered, next newest " in built.output
    assert "1 ignored: ano_mes_dia=__HIVE_DEFAULT_PARTITION__ (null))" in built.output
    assert read_ids(iceberg_lake.table) == iceberg_lake.expected(f"ano_mes_dia={shown}") == ["a", "b", "c"]


def test_several_levels_of_which_some_are_computed(iceberg_lake: IcebergLake) -> None:
    table = f"{iceberg_lake.raw_schema}.levels"
    for statement in (
        f"create table tables_folder.{table} (id string, documento string, ano int, mes int, Dia string) using iceberg"
        " partitioned by (ano, mes, Dia, bucket(2, id))",
        f"insert into {table} values ('a', 'x', 2025, 9, '30'), ('b', 'x', 2025, 10, '02'), ('c', 'x', 2025, 10, '02'),"
        " ('d', 'x', 2025, 10, '1/2'), ('e', 'x', 2025, 10, '9=9%'), ('f', 'x', null, 12, '31')",
    ):
        iceberg_lake.spark.run(ask_spark, statement)
    iceberg_lake.settings["MATCHED_IDS_RECORDS_TABLE"] = "levels"
    iceberg_lake.settings["MATCHED_IDS_PARTITION_COLUMNS"] = "ano,mes,dia"
    ended = iceberg_lake.dbt("compile", "--inline", MACRO)
    assert ended.success, ended.output
    assert json.loads(ended.compiled) == {
        "name": "ano=2025/mes=10/dia=02",
        "predicate": "ano = '2025' and mes = '10' and dia = '02'",
        "level_values": ["2025", "10", "02"],
        "columns": ["ano", "mes", "dia"],
    }
    assert "(2 considered, next newest ano=2025/mes=9/dia=30, 3 ignored: " in ended.output
    for name in ("dia=1%2F2", "dia=9%3D9%25", "ano=__HIVE_DEFAULT_PARTITION__/mes=12/dia=31"):
        assert name in ended.output

    ended = iceberg_lake.dbt("compile", "--inline", MACRO, variables={"partition_columns": "id"})
    assert "levels is not partitioned by id; its partition columns are ano, mes, dia, bucket(2, id)." in ended.output


def test_a_table_b_that_cannot_be_chosen_from_is_a_clear_error(iceberg_lake: IcebergLake) -> None:
    iceberg_lake.create_raw("flat")
    refused = iceberg_lake.dbt("compile", "--inline", MACRO)
    assert f"{iceberg_lake.raw_schema}.flat is not partitioned by ano_mes_dia; it has no partitions." in refused.output
    iceberg_lake.create_raw("partitioned", partitioned_by="partitioned by (ano_mes_dia)")
    refused = iceberg_lake.dbt("compile", "--inline", MACRO, variables={"partition_columns": "dia"})
    assert "partitioned is not partitioned by dia; its partition columns are ano_mes_dia." in refused.output

    refused = iceberg_lake.register()
    assert f"{iceberg_lake.raw_schema}.partitioned is an Iceberg table" in refused.output
    kept = f"select count(*) from {iceberg_lake.raw_schema}.partitioned"
    assert iceberg_lake.spark.run(ask_spark, kept) == [["6"]]

    iceberg_lake.settings["MATCHED_IDS_RECORDS_TABLE"] = "missing"
    refused = iceberg_lake.dbt("compile", "--inline", MACRO)
    assert f"the table {iceberg_lake.raw_schema}.missing does not exist" in refused.output
    assert not refused.success


def test_the_format_can_be_changed_in_the_same_folder_and_changed_back(iceberg_lake: IcebergLake) -> None:
    assert iceberg_lake.dbt("run").success
    iceberg_lake.spark.use("parquet")
    built = iceberg_lake.dbt("run")
    assert built.success, built.output
    started_with = iceberg_lake.spark.run(spark_settings)
    of_iceberg = ("spark.jars", "spark.sql.catalog.", "spark.sql.extensions")
    assert [name for name in started_with if name.startswith(of_iceberg)] == []
    assert pq.read_table(iceberg_lake.table)["id"].to_pylist() == ["a", "b", "c"]
    assert not (iceberg_lake.table / "metadata").exists()

    iceberg_lake.spark.use("iceberg")
    built = iceberg_lake.dbt("run")
    assert built.success, built.output
    assert read_ids(iceberg_lake.table) == ["a", "b", "c"]


def test_another_format_is_refused_before_anything_runs(lake: Lake) -> None:
    for variables, environment in (({"table_format": "Iceberg"}, ""), ({}, "delta")):
        lake.settings["MATCHED_IDS_TABLE_FORMAT"] = environment or "parquet"
        refused = lake.dbt("parse", variables=variables)
        assert not refused.success
        given = environment or variables["table_format"]
        assert f'The setting table_format is "{given}". Set it to parquet or iceberg' in refused.output


def test_the_var_wins_over_the_environment(lake: Lake) -> None:
    lake.settings["MATCHED_IDS_TABLE_FORMAT"] = "parquet"
    assert lake.dbt("parse", variables={"table_format": "iceberg"}).success
    manifest = json.loads((lake.target_path / "manifest.json").read_text())
    assert manifest["nodes"]["model.matched_ids.int_matched_ids"]["config"]["file_format"] == "iceberg"
