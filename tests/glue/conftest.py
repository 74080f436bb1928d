"""The stand-in, its store, and lakes on it. One Spark serves all tests of a run; every test has names of its own."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import jinja2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from demo import children, seaweedfs
from demo.seaweedfs import Endpoint
from tests import forked
from tests.conftest import PROJECT, Bucket
from tests.glue import standin
from tests.glue.catalog import ACCOUNT, REGION, parquet_table
from tests.glue.standin import StandIn
from tests.publisher.crash import fault_proxy
from tests.publisher.crash.fault_proxy import FaultProxy

ROLE = f"arn:aws:iam::{ACCOUNT}:role/matched-ids-glue"
# Made up, with valid check digits; others than those of dbt's unit tests, which dbt logs.
CPF_ONE = "12345678909"
CPF_TWO = "51087727855"
CPF_OTHER = "89829776786"
DEFAULT_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class GlueStore:
    """An S3 with three accounts, behind a proxy that records.

    Attributes:
        ci: The store as dbt and the publisher see it.
        role: The store as the Glue role, so Spark, sees it.
        consumer: The store as a system downstream sees it.
        proxy: Its `requests` are all requests so far.
    """

    ci: Endpoint
    role: Endpoint
    consumer: Endpoint
    proxy: FaultProxy

    @property
    def callers(self) -> dict[str, str]:
        return {self.ci.access_key: "ci", self.role.access_key: "glue", self.consumer.access_key: "consumer"}

    def requests(self) -> list[tuple[str | None, str, str]]:
        """Returns the requests so far: caller, method, path."""
        found = []
        for request in list(self.proxy.requests):
            key = request.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]
            found.append((self.callers.get(key), request.method, request.path))
        return found


@pytest.fixture(scope="session")
def glue_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GlueStore]:
    folder = tmp_path_factory.mktemp("glue-s3")
    accounts = [(secrets.token_hex(10).upper(), secrets.token_urlsafe(30)) for _ in range(3)]
    identities = [
        {
            "name": name,
            "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        for name, (access_key, secret_key) in zip(("ci", "glue", "consumer"), accounts, strict=True)
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    with seaweedfs.running(folder, keep=False) as store, fault_proxy.running(store.url) as proxy:
        ci, role, consumer = (Endpoint(proxy.url, *account) for account in accounts)
        yield GlueStore(ci, role, consumer, proxy)


@pytest.fixture(scope="session")
def session_stand_in(
    tmp_path_factory: pytest.TempPathFactory, jars: list[Path], glue_store: GlueStore, quick_java: None
) -> Iterator[StandIn]:
    with standin.running(tmp_path_factory.mktemp("glue"), jars, glue_store.role, glue_store.callers) as running:
        yield running


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The Glue job's package for each version of Glue: a folder."""
    from tests.glue import jobs  # which imports what is above

    if not jobs.has_python():
        pytest.skip(f"Glue's jobs run on Python {jobs.PYTHON}, and there is none here")
    try:
        return jobs.make_packages(tmp_path_factory.mktemp("packages"))
    except jobs.NoPackage as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(reason))


@pytest.fixture
def stand_in(session_stand_in: StandIn) -> Iterator[StandIn]:
    """The stand-in without faults, and with nothing recorded yet."""
    session_stand_in.reset()
    yield session_stand_in
    session_stand_in.reset()


@pytest.fixture(scope="session")
def glue_bucket(glue_store: GlueStore) -> Bucket:
    """One for all lakes: another location would be another setting of Spark, and so another JVM."""
    bucket = Bucket(glue_store.ci, "glue-lakes")
    bucket.client.create_bucket(Bucket=bucket.name)
    return bucket


@dataclass(frozen=True)
class Ended:
    """A dbt invocation that is over."""

    code: int
    output: str

    @property
    def success(self) -> bool:
        return self.code == 0


@dataclass(frozen=True)
class GlueLake:
    """Raw tables in the catalog, a schema and a target folder of one test's own.

    Attributes:
        settings: Environment variables for dbt, over what it gets anyway.
        unset: Those that it does not get.
    """

    stand_in: StandIn
    store: GlueStore
    bucket: Bucket
    folder: Path
    number: int
    settings: dict[str, str] = field(default_factory=dict)
    unset: set[str] = field(default_factory=set)
    printed: list[str] = field(default_factory=list)
    documents: set[str] = field(default_factory=set)

    @property
    def schema(self) -> str:
        return f"matched_{self.number}"

    @property
    def raw(self) -> str:
        return f"raw_{self.number}"

    @property
    def target_path(self) -> Path:
        return self.folder / "target"

    @property
    def glue(self) -> Any:
        """A boto3 client of the CI role."""
        return boto3.client(
            "glue",
            endpoint_url=self.stand_in.url,
            region_name=REGION,
            aws_access_key_id=self.store.ci.access_key,
            aws_secret_access_key=self.store.ci.secret_key,
        )

    def environment(self) -> dict[str, str]:
        """Returns what dbt and the publisher find this lake by."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_ENDPOINT")}
        given = {
            **inherited,
            **self.stand_in.environment(),
            "AWS_ENDPOINT_URL_S3": self.store.ci.url,
            "AWS_ACCESS_KEY_ID": self.store.ci.access_key,
            "AWS_SECRET_ACCESS_KEY": self.store.ci.secret_key,
            "MATCHED_IDS_GLUE_ROLE_ARN": ROLE,
            "MATCHED_IDS_GLUE_LOCATION": f"s3://{self.bucket.name}/tables",
            "MATCHED_IDS_SCHEMA": self.schema,
            "MATCHED_IDS_CPFS_SCHEMA": self.raw,
            "MATCHED_IDS_RECORDS_SCHEMA": self.raw,
            "MATCHED_IDS_TARGET": "glue",
            "DBT_TARGET_PATH": str(self.target_path),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            "DBT_PROFILES_DIR": str(PROJECT),
            "DBT_PROJECT_DIR": str(PROJECT),
            "DBT_USE_COLORS": "false",
            **self.settings,
        }
        return {name: value for name, value in given.items() if name not in self.unset}

    @property
    def conf(self) -> str:
        """Spark's settings as the profile gives them, for code that is to run where dbt's statements do."""
        profiles = yaml.safe_load((PROJECT / "profiles.yml").read_text())
        given = jinja2.Template(profiles["matched_ids"]["outputs"]["glue"]["conf"])
        environment = self.environment()
        return given.render(env_var=lambda name, default="": environment.get(name, default))

    def dbt(self, *arguments: str) -> Ended:
        """Runs dbt as a process of its own, as a scheduler does."""
        return self._ended(forked.dbt.run(arguments, self.environment()))

    def real_dbt(self, *arguments: str) -> Ended:
        """Does the same with the program that is installed, from its very start."""
        program = str(Path(sys.executable).with_name("dbt"))
        return self._ended(
            subprocess.run(
                children.bound([program, *arguments]), env=self.environment(), cwd=PROJECT, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=900, check=False,
            )
        )  # fmt: skip

    def _ended(self, ended: subprocess.CompletedProcess[str]) -> Ended:
        self.printed.append(ended.stdout + ended.stderr)
        return Ended(ended.returncode, ended.stdout + ended.stderr)

    def build(self, *arguments: str) -> Ended:
        """Runs `dbt build` without the unit tests, which do not depend on the data."""
        return self.dbt("build", "--target", "glue", "--exclude-resource-type", "unit_test", *arguments)

    def build_only(self, *nodes: str) -> Ended:
        """Builds what is named and no data test that is not: each takes three statements of a session."""
        return self.build("--indirect-selection", "empty", "--select", *nodes)

    def write(self, key: str, **columns: Sequence[Any]) -> str:
        """Writes a Parquet file of text columns under the lake's folder, and returns the address of its folder."""
        key = f"{self.raw}/{key}"
        buffer = io.BytesIO()
        pq.write_table(pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}), buffer)
        self.bucket.client.put_object(Bucket=self.bucket.name, Key=key, Body=buffer.getvalue())
        return f"s3://{self.bucket.name}/{key.rpartition('/')[0]}/"

    def register_cpfs(self, documents: Sequence[str]) -> None:
        self.documents.update(documents)
        location = self.write("cpfs/a.parquet", documento=documents)
        definition = {"location": location, "columns": [["documento", "string"]], "partition_keys": []}
        self.glue.create_table(DatabaseName=self.raw, TableInput=parquet_table("cpfs", definition))

    def register_suppressed(self, **columns: Sequence[str]) -> None:
        """Registers a suppression list of one row."""
        location = self.write("suppressed/a.parquet", **columns)
        definition = {
            "location": location,
            "columns": [[name, "string"] for name in columns],
            "partition_keys": [],
        }
        self.glue.create_table(DatabaseName=self.raw, TableInput=parquet_table("suppressed", definition))

    def register_records(self, days: dict[str, Sequence[tuple[str, str]]], key: str = "ano_mes_dia") -> None:
        """Registers table B, as a loader would; rows are ids and documents, without the prefix."""
        location = f"s3://{self.bucket.name}/{self.raw}/records/"
        columns = [["id", "string"], ["documento", "string"]]
        definition = {"location": location, "columns": columns, "partition_keys": [[key, "string"]]}
        self.glue.create_table(DatabaseName=self.raw, TableInput=parquet_table("records", definition))
        for day, rows in days.items():
            self.add_day(day, rows, key)

    def add_day(self, day: str, rows: Sequence[tuple[str, str]], key: str = "ano_mes_dia") -> None:
        self.documents.update(document for _, document in rows)
        location = self.write(
            f"records/{key}={day}/a.parquet", id=[row[0] for row in rows], documento=["000" + row[1] for row in rows]
        )
        storage = self.glue.get_table(DatabaseName=self.raw, Name="records")["Table"]["StorageDescriptor"]
        self.glue.batch_create_partition(
            DatabaseName=self.raw,
            TableName="records",
            PartitionInputList=[{"Values": [day], "StorageDescriptor": {**storage, "Location": location}}],
        )

    def leaked_documents(self) -> int:
        """Counts the documents in what dbt printed and logged. Counts, because a failure is a log too."""
        logs = [file.read_text() for file in (self.folder / "logs").glob("*.log")]
        told = "\n".join([*self.printed, *logs])
        return sum(document in told for document in self.documents)


@contextlib.contextmanager
def new_lake(stand_in: StandIn, store: GlueStore, bucket: Bucket, folder: Path) -> Iterator[GlueLake]:
    """Gives a lake with a database for raw tables and no table yet; its databases are deleted in the end."""
    lake = GlueLake(stand_in, store, bucket, folder, next(_numbers))
    lake.glue.create_database(DatabaseInput={"Name": lake.raw})
    try:
        yield lake
        assert lake.leaked_documents() == 0
    finally:
        stand_in.faults.clear()
        for database in (lake.raw, lake.schema):
            with contextlib.suppress(lake.glue.exceptions.EntityNotFoundException):
                lake.glue.delete_database(Name=database)


def fill(lake: GlueLake) -> GlueLake:
    """Registers two documents and three days, one of them the default partition; the newest matches a, b and c."""
    lake.register_cpfs([CPF_ONE, CPF_TWO])
    lake.register_records(
        {
            "20251021": [("gone", CPF_ONE), ("a", CPF_ONE)],
            "20251022": [("c", CPF_ONE), ("a", CPF_TWO), ("b", CPF_ONE), ("x", CPF_OTHER)],
            DEFAULT_PARTITION: [("null", CPF_ONE)],
        }
    )
    return lake


@pytest.fixture
def empty_glue_lake(
    stand_in: StandIn, glue_store: GlueStore, glue_bucket: Bucket, tmp_path: Path
) -> Iterator[GlueLake]:
    with new_lake(stand_in, glue_store, glue_bucket, tmp_path) as lake:
        yield lake


@pytest.fixture
def glue_lake(empty_glue_lake: GlueLake) -> GlueLake:
    return fill(empty_glue_lake)
