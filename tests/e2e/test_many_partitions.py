"""With many partitions: which data files are opened is counted by the kernel, not assumed."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

from tests.e2e.conftest import CPF_ONE, Lake
from tests.e2e.test_duckdb import MACRO, on_duckdb
from tests.opened_files import opened

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


def examine(lake: Lake, folders: list[Path]) -> None:
    """Chooses without an opened file, and builds with those of the newest partition alone."""
    with opened(folders) as while_choosing:
        chosen = lake.dbt("compile", "--inline", MACRO)
    assert f"is read at {NEWEST} ({len(folders)} considered, next newest 20251021)" in chosen.output
    assert while_choosing.files == []
    with opened(folders) as while_building:
        built = lake.build()
    assert built.success, built.output
    assert {file.parent.name for file in while_building.files} == {f"ano_mes_dia={NEWEST}"}


def test_ten_thousand_folders_on_duckdb(tmp_path: Path) -> None:
    lake = on_duckdb(tmp_path, tmp_path)
    folders = fill(lake, 10_000)
    chosen = lake.dbt("compile", "--inline", MACRO)
    assert f"is read at {NEWEST} (10000 considered, next newest 20251021)" in chosen.output
    for folder in folders[:-500]:  # no more are watched: a kernel may allow a few thousand
        shutil.rmtree(folder)
    examine(lake, folders[-500:])


def test_a_metastore_on_spark(lake: Lake) -> None:
    folders = fill(lake, 50)
    assert lake.register().success
    examine(lake, folders)
