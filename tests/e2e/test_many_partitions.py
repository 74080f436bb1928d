"""With many partitions: which data files are opened is counted by the kernel, not assumed."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.e2e.conftest import CPF_ONE, Lake
from tests.opened_files import opened

MACRO = "{{ latest_partition(source('lake', 'records')) | tojson }}"
NEWEST = "20251022"


def fill(lake: Lake, partitions: int) -> list[Path]:
    """Writes as many daily partitions with a file each, and returns their folders."""
    lake.write_cpfs([CPF_ONE])
    first = lake.write_records(f"ano_mes_dia={NEWEST}", [("a", "000" + CPF_ONE)])
    for age in range(1, partitions):
        day = date(2025, 10, 22) - timedelta(days=age)
        folder = lake.records / f"ano_mes_dia={day:%Y%m%d}"
        folder.mkdir()
        shutil.copy(first, folder / "part-0.parquet")
    return sorted(lake.records.iterdir())


@pytest.fixture
def duckdb_lake(lake: Lake) -> Lake:
    lake.settings.update(
        MATCHED_IDS_TARGET="duckdb", MATCHED_IDS_CPFS_PATH=str(lake.cpfs), MATCHED_IDS_RECORDS_PATH=str(lake.records),
        MATCHED_IDS_LOCAL_DIR=str(lake.folder / "duckdb"),
    )  # fmt: skip
    return lake


def examine(lake: Lake, folders: list[Path]) -> None:
    """Chooses without an opened file, and builds with those of the newest partition alone."""
    with opened(folders) as while_choosing:
        chosen = lake.dbt("compile", "--inline", MACRO)
    assert f"is read at {NEWEST} ({len(folders)} considered)" in chosen.output
    assert while_choosing.files == []
    with opened(folders) as while_building:
        built = lake.build()
    assert built.success, built.output
    assert {file.parent.name for file in while_building.files} == {f"ano_mes_dia={NEWEST}"}


def test_ten_thousand_folders_on_duckdb(duckdb_lake: Lake) -> None:
    folders = fill(duckdb_lake, 10_000)
    chosen = duckdb_lake.dbt("compile", "--inline", MACRO)
    assert f"is read at {NEWEST} (10000 considered)" in chosen.output
    for folder in folders[:-500]:  # no more are watched: a kernel may allow a few thousand
        shutil.rmtree(folder)
    examine(duckdb_lake, folders[-500:])


def test_a_metastore_on_spark(lake: Lake) -> None:
    folders = fill(lake, 50)
    assert lake.register().success
    examine(lake, folders)
