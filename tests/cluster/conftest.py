"""One cluster for all tests here: a master, two workers and a Thrift server, with its tables in a real object store."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo import cluster, seaweedfs
from demo.cluster import Cluster
from demo.seaweedfs import Endpoint
from tests import forked, jvm_archive
from tests.cluster.spark_status import SparkStatus
from tests.conftest import PROJECT, SPARK_OPTIONS
from tests.glue import jars as test_jars

_BUCKET = "lake"
_numbers = itertools.count(1)
NEWEST = "ano_mes_dia=20251022"
# Each file is a task, so that a worker can be lost when some are done and others are not.
FILES = 40


@dataclass(frozen=True)
class Running:
    """A cluster, the store that the publisher writes to, and where the cluster's tables are.

    Attributes:
        root: `s3://bucket`; where the jars of S3A could not be had, a folder that all processes see.
        without_s3: Why it is a folder; blank where it is not.
    """

    cluster: Cluster
    store: Endpoint
    root: str
    without_s3: str = ""

    @property
    def status(self) -> SparkStatus:
        return SparkStatus(self.cluster.ui_url)

    def put(self, key: str, content: bytes) -> None:
        if self.without_s3:
            path = Path(self.root, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        else:
            self.store.client().put_object(Bucket=_BUCKET, Key=key, Body=content)


def options(store: Endpoint, jars: Sequence[Path], **settings: str) -> cluster.Options:
    """What every cluster of the tests is started with; short-lived JVMs, as in tests/conftest.py."""
    of_java = [option for option in SPARK_OPTIONS.split() if not option.startswith("-Dspark.")]
    of_spark = [option.removeprefix("-D").split("=", 1) for option in SPARK_OPTIONS.split() if "-Dspark." in option]
    in_s3 = {**cluster.s3_settings(store), **cluster.iceberg_settings(f"s3://{_BUCKET}/tables")} if jars else {}
    return cluster.Options(
        settings={
            **dict(of_spark),
            **in_s3,
            "spark.sql.files.maxPartitionBytes": "4m",  # as much as Spark counts for opening a file: one in each task
            # An executor that says nothing is given up after so long, and that is looked for so often.
            "spark.network.timeout": "20s",
            "spark.network.timeoutInterval": "5s",
            "spark.executor.heartbeatInterval": "2s",
            **cluster.FAULT_SETTINGS,
            **settings,
        },
        java_options=" ".join(of_java),
        environment={"SPARK_CONF_DIR": jvm_archive.SPARK_CONF_DIR},
        jars=jars,
        executor_memory="600m",
    )


def start(folder: Path, store: Endpoint, **settings: str) -> Iterator[Running]:
    try:
        jars, reason = test_jars.jars(), ""
    except test_jars.JarsUnavailable as unavailable:
        if test_jars.are_required():
            raise  # a green run means that the tables were in the store
        jars, reason = [], str(unavailable)
    store.client().create_bucket(Bucket=_BUCKET)
    with cluster.running(folder / "cluster", options(store, jars, **settings)) as started:
        yield Running(started, store, str(folder / "lake") if reason else f"s3://{_BUCKET}", reason)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, quick_java: None) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("spark-cluster")
    with seaweedfs.running(folder / "store") as store:
        yield from start(folder, store)


@dataclass
class Day:
    """Rows of table B's newest partition beside documents of table A, and the file that must come of them."""

    documents: list[str] = field(repr=False)
    rows: list[tuple[str, str]] = field(repr=False)

    @property
    def content(self) -> bytes:
        wanted = {f"000{document}" for document in self.documents}
        return b"\n".join(sorted({name.encode() for name, document in self.rows if document in wanted}))


def small_day() -> Day:
    """Half of the records are of one document; a third of the others match; some ids are there twice, not all ASCII."""
    made_up = random.Random(20251022)
    documents = [f"{number:011}" for number in made_up.sample(range(10**11), 3_000)]
    letters = ["", "A", "z", "é", "ção", "日"]
    rows = [
        (f"{made_up.choice(letters)}{made_up.randrange(10 ** made_up.randrange(1, 8))}", f"000{document}")
        for document in made_up.choices(documents, k=12_000) + [documents[0]] * 12_000
    ]
    made_up.shuffle(rows)
    return Day(documents[:1_000], rows)


@dataclass(frozen=True)
class ClusterLake:
    """Raw tables in the cluster's metastore, a schema, a bucket to publish to, and folders of dbt's."""

    running: Running
    folder: Path
    number: int = field(default_factory=lambda: next(_numbers))
    printed: list[str] = field(default_factory=list, repr=False)

    @property
    def raw_schema(self) -> str:
        return f"raw_{self.number}"

    @property
    def bucket(self) -> str:
        return f"published-{self.number}"

    def environment(self, **settings: str) -> dict[str, str]:
        return {
            **os.environ,
            **self.running.store.environment(),
            "MATCHED_IDS_TARGET": "spark",
            "MATCHED_IDS_SPARK_HOST": self.running.cluster.host,
            "MATCHED_IDS_SPARK_PORT": str(self.running.cluster.thrift_port),
            "MATCHED_IDS_SCHEMA": f"matched_{self.number}",
            "MATCHED_IDS_CPFS_SCHEMA": self.raw_schema,
            "MATCHED_IDS_RECORDS_SCHEMA": self.raw_schema,
            "MATCHED_IDS_LOCATION_ROOT": f"{self.running.root}/tables/matched_{self.number}",
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "DBT_PROFILES_DIR": str(PROJECT),
            "DBT_USE_COLORS": "false",
            **settings,
        }

    def dbt(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        ended = forked.dbt.run(arguments, self.environment(**settings))
        self.printed.append(ended.stdout + ended.stderr)
        return ended

    def real_dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Does the same with the program that is installed, from its very start."""
        program = str(Path(sys.executable).with_name("dbt"))
        ended = subprocess.run(
            [program, *arguments], cwd=PROJECT, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        self.printed.append(ended.stdout + ended.stderr)
        return ended

    def build(self, **settings: str) -> str:
        """Builds, which must succeed, and returns what dbt printed."""
        ended = self.dbt("build", **settings)
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def publish(self, below: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        place = f"s3://{self.bucket}/{below}"
        return forked.publisher.run(["publish", "--to", place, *arguments], self.environment())

    def published(self, below: str) -> bytes:
        """Publishes below a prefix, which must succeed, and returns the content of the active file."""
        ended = self.publish(below)
        assert ended.returncode == 0, ended.stderr
        return gzip.decompress(self.active(below))

    def active(self, below: str) -> bytes:
        found = self.running.store.client().get_object(Bucket=self.bucket, Key=f"{below}/active/latest.txt.gz")
        return found["Body"].read()

    def write_documents(self, documents: pa.Array | Sequence[str]) -> None:
        """Writes table A, in the place of an older one."""
        self.running.put(f"{self.raw_schema}/cpfs/a.parquet", parquet(documento=documents))

    def fill(self, day: Day) -> None:
        """Writes table A, and two partitions of table B, one of which nobody can read once it is registered."""
        raw = self.raw_schema
        self.running.store.client().create_bucket(Bucket=self.bucket)
        self.write_documents(day.documents)
        older = f"{raw}/records/ano_mes_dia=20251021/part-0.parquet"
        self.running.put(older, parquet(id=["gone"], documento=[f"000{day.documents[0]}"]))
        for number in range(FILES):
            rows = day.rows[number::FILES]
            file = parquet(id=[name for name, _ in rows], documento=[document for _, document in rows])
            self.running.put(f"{raw}/records/{NEWEST}/part-{number:03}.parquet", file)
        places = {name: f"{self.running.root}/{raw}/{name}" for name in ("cpfs", "records")}
        registered = self.dbt("run-operation", "register_raw_tables", "--args", json.dumps(places))
        assert registered.returncode == 0, registered.stdout
        self.running.put(older, b"whoever opens this fails")

    def told(self) -> str:
        """What dbt printed and logged so far."""
        return "\n".join([*self.printed, *(file.read_text() for file in (self.folder / "logs").glob("*.log"))])

    def leaked_documents(self, day: Day) -> int:
        """Counts the documents in all that dbt told. Counts, because a failure is a log too."""
        told = self.told()
        return sum(document in told for document in day.documents)


class Meanwhile:
    """Something that runs beside the test: `with Meanwhile(lake.build) as building: …`; then `building.result`."""

    def __init__(self, function: Callable[..., Any], *arguments: str, **named: str) -> None:
        self.result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(function, arguments, named))

    def _run(self, function: Callable[..., Any], arguments: Sequence[str], named: dict[str, str]) -> None:
        try:
            self.result = function(*arguments, **named)
        except BaseException as error:  # noqa: BLE001 -- raised where it is waited for
            self._error = error

    def __enter__(self) -> Meanwhile:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._thread.join()
        if self._error is not None and kind is None:
            raise self._error


def parquet(**columns: pa.Array | Sequence[str]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}), buffer)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def day() -> Day:
    return small_day()


@contextmanager
def filled_lake(running: Running, day: Day, folder: Path) -> Iterator[ClusterLake]:
    """Gives a lake with the raw tables of a day, whose documents nobody may have told of at its end."""
    lake = ClusterLake(running, folder)
    lake.fill(day)
    yield lake
    assert lake.leaked_documents(day) == 0


@pytest.fixture(scope="session")
def lake(running: Running, day: Day, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterLake]:
    with filled_lake(running, day, tmp_path_factory.mktemp("cluster-lake")) as lake:
        yield lake
