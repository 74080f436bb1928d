"""Real dbt on real Spark. One Spark session serves all tests of a run; every test has schemas of its own."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dbt.cli.main import dbtRunner

from tests import repeated_dbt
from tests.conftest import PROJECT

_numbers = itertools.count(1)
# `make test-comet`: the Spark of a test process runs with Comet below it. Read when this is imported, because the
# settings of the caller are taken away.
WITH_COMET = os.environ.get("MATCHED_IDS_TEST_ACCELERATOR") == "comet"
# What dbt in this process runs with, and nothing else: on a PATH without Java other tests miss what is beside it, and
# are skipped for it.
_of_this_process: dict[str, str] = {}


@dataclass(frozen=True)
class Ended:
    """A dbt invocation that is over."""

    success: bool
    output: str
    compiled: str


@dataclass(frozen=True)
class Lake:
    """Raw tables, a warehouse schema and a target folder of one test's own."""

    folder: Path
    number: int
    settings: dict[str, str] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)

    @property
    def schema(self) -> str:
        return f"matched_{self.number}"

    @property
    def raw_schema(self) -> str:
        return f"raw_{self.number}"

    @property
    def target_path(self) -> Path:
        return self.folder / "target"

    @property
    def cpfs(self) -> Path:
        return self.folder / "cpfs"

    @property
    def records(self) -> Path:
        return self.folder / "records"

    @property
    def tables(self) -> Path:
        return Path(os.environ["MATCHED_IDS_LOCAL_DIR"]) / "tables" / self.schema

    def environment(self) -> dict[str, str]:
        return {
            "MATCHED_IDS_SCHEMA": self.schema,
            "MATCHED_IDS_CPFS_SCHEMA": self.raw_schema,
            "MATCHED_IDS_RECORDS_SCHEMA": self.raw_schema,
            "DBT_TARGET_PATH": str(self.target_path),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "DBT_PROFILES_DIR": str(PROJECT),
            "DBT_PROJECT_DIR": str(PROJECT),
            "DBT_USE_COLORS": "false",
            **self.settings,
        }

    def dbt(self, *arguments: str, variables: Mapping[str, Any] | None = None) -> Ended:
        """Runs dbt in this process, so that Spark is started once for all tests."""
        messages: list[str] = []
        options = ["--vars", json.dumps(variables)] if variables else []
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**_of_this_process, **self.environment()}.items():
                patch.setenv(name, value)
            ended = dbtRunner(callbacks=[lambda event: messages.append(event.info.msg)]).invoke([*arguments, *options])
        if ended.exception is not None:
            messages.append(str(ended.exception))
        nodes = [getattr(result, "node", None) for result in getattr(ended.result, "results", [])]
        compiled = "\n".join(str(getattr(node, "compiled_code", None) or "") for node in nodes)
        self.printed.extend(messages)
        return Ended(ended.success, "\n".join(messages), compiled)

    def build(self, *arguments: str, variables: Mapping[str, Any] | None = None) -> Ended:
        """Runs `dbt build` without the unit tests, which do not depend on the data."""
        return self.dbt("build", "--exclude-resource-type", "unit_test", *arguments, variables=variables)

    def register(self) -> Ended:
        places = json.dumps({"cpfs": str(self.cpfs), "records": str(self.records)})
        return self.dbt("run-operation", "register_raw_tables", "--args", places)

    def write_cpfs(self, documents: Sequence[str | None]) -> None:
        self.cpfs.mkdir(exist_ok=True)
        pq.write_table(pa.table({"documento": pa.array(documents, pa.string())}), self.cpfs / "a.parquet")

    def write_records(self, partition: str, rows: Sequence[tuple[Any, str | None]], kind: pa.DataType = None) -> Path:
        """Writes rows of (id, document) as one file of a partition, such as `ano_mes_dia=20251022`."""
        folder = self.records / partition
        folder.mkdir(parents=True, exist_ok=True)
        columns = {
            "id": pa.array([row[0] for row in rows], kind or pa.string()),
            "documento": pa.array([row[1] for row in rows], pa.string()),
        }
        path = folder / f"part-{next(_numbers)}.parquet"
        pq.write_table(pa.table(columns), path)
        return path

    def told(self) -> str:
        """What dbt printed, logged (its log has the level of debug, whatever is printed) and noted for others."""
        files = [*(self.folder / "logs").glob("*.log"), *self.target_path.glob("run_results.json")]
        return "\n".join([*self.printed, *(file.read_text() for file in files)])

    def leaked_documents(self) -> int:
        """Counts the documents of table A in all that dbt told. Counts, because a failure is a log too."""
        told = self.told()
        files = self.cpfs.iterdir() if self.cpfs.is_dir() else []
        columns = (pq.read_table(file).column(0).to_pylist() for file in files)
        # Short ones that are made up for a test of malformed documents are in every log.
        documents = (str(document) for column in columns for document in column if document)
        return sum(document in told for document in documents if len(document) > 8)


@pytest.fixture(scope="session", autouse=True)
def dbt_runs_repeatedly() -> None:
    repeated_dbt.prepare()


@pytest.fixture(scope="session")
def spark_folder(
    tmp_path_factory: pytest.TempPathFactory, path_without_java: str, quick_java: None, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """The metastore and warehouse that the session's Spark is started with."""
    folder = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as patch:
        if WITH_COMET:
            patch.setenv("MATCHED_IDS_SPARK_ACCELERATOR", "comet")
            patch.setenv("MATCHED_IDS_SPARK_ACCELERATOR_JAR", str(request.getfixturevalue("comet_jar")))
        patch.setenv("MATCHED_IDS_LOCAL_DIR", str(folder))
        patch.setenv("MATCHED_IDS_SPARK_MEMORY", "2g")
        patch.setitem(_of_this_process, "PATH", path_without_java)
        patch.delenv("JAVA_HOME", raising=False)
        yield folder


def new_lake(folder: Path) -> Lake:
    """Returns a lake on the session's Spark, with names that no other has."""
    return Lake(folder, next(_numbers))


@pytest.fixture
def lake(spark_folder: Path, tmp_path: Path) -> Iterator[Lake]:
    lake = new_lake(tmp_path)
    yield lake
    assert lake.leaked_documents() == 0


@pytest.fixture
def small_lake(lake: Lake) -> Lake:
    """Two documents, two days, three matches in the newest; not registered yet."""
    fill_small_lake(lake)
    return lake


def copy_of_project(folder: Path) -> Path:
    """Returns a copy of the dbt project below a folder, in which a test may change what it likes."""
    project = folder / "project"
    for name in ("macros", "models", "tests/dbt"):
        shutil.copytree(PROJECT / name, project / name)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT / name, project / name)
    return project


def fill_small_lake(lake: Lake) -> None:
    lake.write_cpfs([CPF_ONE, CPF_TWO])
    lake.write_records("ano_mes_dia=20251021", [("gone", "000" + CPF_ONE), ("a", "000" + CPF_ONE)])
    lake.write_records(
        "ano_mes_dia=20251022",
        [("c", "000" + CPF_ONE), ("a", "000" + CPF_TWO), ("b", "000" + CPF_ONE), ("x", "000" + CPF_OTHER)],
    )


# Made up, with valid check digits; others than those of dbt's unit tests, which dbt logs.
CPF_ONE = "12345678909"
CPF_TWO = "51087727855"
CPF_OTHER = "89829776786"
