"""The questions of analysts, as dbt answers them on the targets that are here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import CPF_ONE, CPF_OTHER, CPF_TWO, Lake, new_lake

# Who matched when; `a` was gone for a day, `b` is gone, `c` and `d` are new.
DAYS = {"20251019": "a", "20251020": "ab", "20251021": "b", "20251022": "acd"}


@pytest.fixture(scope="module", params=["duckdb", "local"])
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "local":
        request.getfixturevalue("spark_folder")
        lake = new_lake(folder)
    else:
        paths = {"MATCHED_IDS_CPFS_PATH": str(folder / "cpfs"), "MATCHED_IDS_RECORDS_PATH": str(folder / "records")}
        local = {"MATCHED_IDS_TARGET": "duckdb", "MATCHED_IDS_LOCAL_DIR": str(folder / "local")}
        lake = Lake(folder, 0, {**paths, **local})
    lake.write_cpfs([CPF_ONE, CPF_TWO, CPF_TWO, "-", None])
    for day, ids in DAYS.items():
        rows = [(one, "000" + CPF_ONE) for one in ids]
        lake.write_records(f"ano_mes_dia={day}", [*rows, ("x", "000" + CPF_OTHER), ("y", "000"), ("z", None)])
    if request.param == "local":
        assert lake.register().success
    built = lake.dbt("run", "--select", "staging")
    assert built.success, built.output
    return lake


def answer(lake: Lake, analysis: str) -> list[dict[str, Any]]:
    ended = lake.dbt("show", "--select", analysis, "--output", "json", "--limit", "-1")
    assert ended.success, ended.output
    shown = re.search(r'\{\s*"node"', ended.output)
    assert shown, ended.output
    rows: list[dict[str, Any]] = json.JSONDecoder().raw_decode(ended.output[shown.start() :])[0]["show"]
    return rows


def test_who_was_added_since_the_day_before(lake: Lake) -> None:
    days = {"source_partition": "20251022", "partition_before": "20251021"}
    assert answer(lake, "ids_added_and_removed") == [
        {"id": "a", "what": "added", **days},
        {"id": "c", "what": "added", **days},
        {"id": "d", "what": "added", **days},
        {"id": "b", "what": "removed", **days},
    ]


def test_who_came_back(lake: Lake) -> None:
    (found,) = answer(lake, "ids_that_flap")
    assert found == {
        "id": "a", "comebacks": 1, "partitions_with_it": 3, "partitions_looked_at": 4, "partitions_since_last_match": 0,
    }  # fmt: skip


def test_how_many_ids_a_cpf_has_and_whose_is_not_said(lake: Lake) -> None:
    assert answer(lake, "matches_per_cpf") == [{"ids_of_one_cpf": 0, "cpfs": 1}, {"ids_of_one_cpf": 3, "cpfs": 1}]
    assert lake.leaked_documents() == 0


@pytest.mark.parametrize("lake", ["duckdb"], indirect=True)  # what is chosen is the same on every target
def test_of_one_day_alone_nothing_is_said(tmp_path: Path, lake: Lake) -> None:
    first = {**lake.settings, "MATCHED_IDS_RECORDS_PATH": str(tmp_path / "records")}
    alone = Lake(tmp_path, 0, first)
    alone.write_records("ano_mes_dia=20251022", [("a", "000" + CPF_ONE)])
    for analysis in ("ids_added_and_removed", "ids_that_flap"):
        assert answer(alone, analysis) == []
