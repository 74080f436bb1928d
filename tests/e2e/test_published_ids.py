"""The view `published_ids` of Parquet tables: what analysts see is the file that `pull` keeps, line by line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from pyspark.sql import SparkSession

from publisher.pull import pull
from publisher.rollback import rollback
from tests.conftest import Bucket, WriteTable
from tests.e2e.conftest import Ended, Lake
from tests.e2e.test_duckdb import on_duckdb
from tests.publisher.cli.test_cli import publish

# What parts columns, quotes or escapes elsewhere, and stands for null.
ODD = sorted(["\"a,b'", "a\\x1fb", "NULL", " led", "001", "é|日;", "x\\n"], key=str.encode)
Rows = list[tuple[str, str | None]]


@pytest.fixture(params=["duckdb", "local"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    if request.param == "duckdb":
        return on_duckdb(tmp_path, tmp_path)
    lake: Lake = request.getfixturevalue("lake")
    return lake


@pytest.fixture
def shown(lake: Lake, tmp_path: Path) -> Callable[[], Rows]:
    """What the view shows."""

    def show() -> Rows:
        query = f"select id, source_partition from {lake.schema}.published_ids"
        if lake.settings.get("MATCHED_IDS_TARGET") == "duckdb":
            # A copy: dbt, which runs in this process, has the file open with settings of its own.
            copy = shutil.copytree(lake.folder / "local", tmp_path / "copy", dirs_exist_ok=True)
            with duckdb.connect(str(copy / "warehouse.duckdb")) as connection:
                return connection.execute(query).fetchall()
        return [tuple(row) for row in SparkSession.builder.getOrCreate().sql(query).collect()]

    return show


def created(lake: Lake, file: Path | str) -> Ended:
    return lake.dbt("run-operation", "create_published_ids", "--args", json.dumps({"file": str(file)}))


def test_the_view_shows_the_file_that_is_published_and_its_partition(
    lake: Lake, shown: Callable[[], Rows], bucket: Bucket, write_table: WriteTable, tmp_path: Path
) -> None:
    file = tmp_path / "latest.txt.gz"

    def pulled() -> None:
        pull(bucket.store, bucket.destination, file, accept_rollback=True)

    assert publish(bucket, write_table(ODD)).returncode == 0
    pulled()
    made = created(lake, file)
    assert made.success, made.output
    assert sorted(shown()) == sorted((name, "20251022") for name in ODD)

    given = ("--source-partition", "20251023", "--min-percent-of-active", "0", "--max-percent-removed", "100")
    assert publish(bucket, write_table(["a"]), *given).returncode == 0
    assert len(shown()) == len(ODD)  # nothing was pulled yet
    pulled()
    assert shown() == [("a", "20251023")]
    rollback(bucket.store, bucket.destination)
    pulled()
    assert sorted(shown()) == sorted((name, "20251022") for name in ODD)

    # Between the two replacements of a pull, or where somebody put another file there, it is of no known partition.
    state = file.with_name(f"{file.name}.state.json")
    state.write_text(json.dumps({**json.loads(state.read_text()), "sha256": "0" * 64, "source_partition": "20251024"}))
    assert {partition for _, partition in shown()} == {None}


@pytest.mark.parametrize("file", ["latest.txt.gz", "/data/*.gz"])
def test_a_path_that_is_not_whole_is_refused(file: str, tmp_path: Path) -> None:
    refused = created(on_duckdb(tmp_path, tmp_path), file)
    assert not refused.success
    assert "the file must be the absolute path of a .gz that `publisher pull` wrote" in refused.output
