"""Comet below the Spark of the target `local`: the same ids, natively, and said where not.

`make test-comet` runs all tests of that Spark with Comet. Here is what only Comet can get wrong, in processes of its
own, and what there is to refuse.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import forked
from tests.conftest import PROJECT
from tests.e2e.conftest import CPF_ONE, CPF_TWO, WITH_COMET, Lake, fill_small_lake, new_lake
from tests.e2e.expectation import expected_content

# In the order of their UTF-8 bytes, which is not that of UTF-16 (the last two) nor of any language.
ODD_IDS = ["", " ", "00", "0", "1", "10", "9", "A", "Z", "a", "a\u0000b", "a b", "é", "ﬁ", "\U00010000"]
ODD_DOCUMENTS = [
    "000" + CPF_ONE,
    "000" + CPF_ONE + " ",
    "000" + CPF_ONE + "\u0000",
    "0" + CPF_ONE,
    CPF_ONE,
    "000",
    "",
    None,
]


@dataclass(frozen=True)
class Run:
    """How a process of dbt ended, and what it printed."""

    code: int
    printed: str


def run_dbt(lake: Lake, *arguments: str, **settings: str) -> Run:
    ended = forked.dbt.run(arguments, {**os.environ, **lake.environment(), **settings})
    return Run(ended.returncode, ended.stdout + ended.stderr)


def own_lake(folder: Path, jar: Path) -> Lake:
    lake = new_lake(folder)
    lake.settings.update({
        "MATCHED_IDS_LOCAL_DIR": str(folder / "local"),
        "MATCHED_IDS_SPARK_MEMORY": "2g",
        "MATCHED_IDS_SPARK_ACCELERATOR": "comet",
        "MATCHED_IDS_SPARK_ACCELERATOR_JAR": str(jar),
        "MATCHED_IDS_CPFS_PATH": str(lake.cpfs),
        "MATCHED_IDS_RECORDS_PATH": str(lake.records),
        "MATCHED_IDS_MAX_MALFORMED_PERCENT": "100",
        "MATCHED_IDS_MAX_NULL_DOCUMENTS_PERCENT": "100",
    })  # fmt: skip
    return lake


def built_ids(lake: Lake) -> list[str]:
    """Returns the ids of the table in its files' order, which is the order of their names."""
    files = sorted(
        (Path(lake.settings["MATCHED_IDS_LOCAL_DIR"]) / "tables" / lake.schema / "int_matched_ids").glob("*.parquet")
    )
    return [value for file in files for value in pq.read_table(file, columns=["id"])["id"].to_pylist()]


def fill_odd_lake(lake: Lake) -> None:
    """Writes what a lake may hold and a native reader may see otherwise: odd ids and documents, in many forms."""
    lake.write_cpfs([CPF_ONE, CPF_TWO, None])
    lake.write_records("ano_mes_dia=20251021", [("old", "000" + CPF_ONE)])
    folder = lake.records / "ano_mes_dia=20251022"
    folder.mkdir()
    deltas = {"id": "DELTA_BYTE_ARRAY", "documento": "DELTA_LENGTH_BYTE_ARRAY"}
    forms: list[dict[str, Any]] = [
        {"use_dictionary": True, "compression": "snappy"},
        {"use_dictionary": False, "compression": "none", "data_page_version": "2.0"},
        {"use_dictionary": False, "compression": "zstd", "column_encoding": deltas},
        {"row_group_size": 7, "compression": "gzip", "write_page_index": True, "write_statistics": False},
    ]
    for number, form in enumerate(forms):
        ids = [f"{number}{value}" for value in ODD_IDS] * 3
        documents = [ODD_DOCUMENTS[(place + number) % len(ODD_DOCUMENTS)] for place in range(len(ids))]
        columns = {"id": pa.array(ids), "documento": pa.array(documents), "valor": pa.array(range(len(ids)))}
        # The columns stand in another order in every second file.
        names = list(columns) if number % 2 else [*reversed(columns)]
        pq.write_table(pa.table({name: columns[name] for name in names}), folder / f"part-{number}.parquet", **form)
    large = {"id": pa.array(["large"], pa.large_string()), "documento": pa.array(["000" + CPF_TWO], pa.large_string())}
    pq.write_table(pa.table(large), folder / "part-8.parquet")
    pq.write_table(pa.table(large).slice(0, 0), folder / "part-9.parquet")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, comet_jar: Path, quick_java: None) -> tuple[Lake, Run]:
    lake = own_lake(tmp_path_factory.mktemp("comet"), comet_jar)
    fill_odd_lake(lake)
    return lake, run_dbt(lake, "build", "--exclude-resource-type", "unit_test")


def test_the_ids_are_those_that_python_finds_row_by_row(odd: tuple[Lake, Run]) -> None:
    lake, run = odd
    assert run.code == 0, run.printed
    content = expected_content(lake.cpfs, [lake.records / "ano_mes_dia=20251022"])
    assert len(content.splitlines()) > len(ODD_IDS)
    assert "\n".join(built_ids(lake)).encode() == content


def test_it_is_said_that_the_query_is_native_as_a_whole(odd: tuple[Lake, Run]) -> None:
    assert "comet: int_matched_ids runs natively from scan to sort" in odd[1].printed


if WITH_COMET:  # a third start of Spark, for one line that a plan of a unit test stands for elsewhere

    def test_what_comet_leaves_to_spark_is_said(odd: tuple[Lake, Run]) -> None:
        lake = odd[0]
        before = built_ids(lake)
        profile, setting = (PROJECT / "profiles.yml").read_text(), "'spark.ui.enabled': 'false',"
        assert setting in profile
        profiles = lake.folder / "profiles"
        profiles.mkdir()
        (profiles / "profiles.yml").write_text(
            profile.replace(setting, f"{setting} 'spark.comet.exec.sort.enabled': 'false',")
        )
        run = run_dbt(
            lake, "build", "-s", "int_matched_ids", "--exclude-resource-type", "test", "unit_test",
            DBT_PROFILES_DIR=str(profiles),
        )  # fmt: skip
        assert run.code == 0, run.printed
        assert "comet: int_matched_ids is not all native; Spark itself runs Sort" in run.printed
        assert built_ids(lake) == before


def test_another_jar_than_the_one_that_was_tried_is_refused(tmp_path: Path, comet_jar: Path) -> None:
    other = tmp_path / "comet-spark-spark3.5_2.12-0.12.0.jar"
    other.write_bytes(comet_jar.read_bytes()[:-1])
    lake = own_lake(tmp_path, other)
    fill_small_lake(lake)
    run = run_dbt(lake, "build", "-s", "stg_cpfs")
    assert run.code != 0
    assert "has the SHA-256" in run.printed
    assert "set MATCHED_IDS_SPARK_ACCELERATOR_SHA256 to its SHA-256" in run.printed
    assert "Traceback" not in run.printed


@pytest.mark.skipif(WITH_COMET, reason="this Spark runs with Comet")
def test_a_spark_that_runs_without_comet_does_not_pass_for_one_with_it(small_lake: Lake, comet_jar: Path) -> None:
    # The session of these tests runs already, and takes each setting without a word.
    assert small_lake.register().success
    small_lake.settings.update({
        "MATCHED_IDS_SPARK_ACCELERATOR": "comet", "MATCHED_IDS_SPARK_ACCELERATOR_JAR": str(comet_jar),
    })  # fmt: skip
    ended = small_lake.build()
    assert not ended.success
    assert 'MATCHED_IDS_SPARK_ACCELERATOR is "comet", and this Spark runs without it.' in ended.output
    assert not (small_lake.tables / "int_matched_ids").exists()


@pytest.mark.skipif(WITH_COMET, reason="this Spark runs with Comet")
def test_the_anti_join_of_a_suppression_list_is_not_left_to_comet(small_lake: Lake) -> None:
    small_lake.settings.update({"MATCHED_IDS_SPARK_ACCELERATOR": "comet", "MATCHED_IDS_SUPPRESSED_BY": "ids"})
    ended = small_lake.dbt("build", "--select", "stg_cpfs")
    assert not ended.success
    assert "there is a suppression list (suppressed_by), whose anti join is not left to Comet" in ended.output
