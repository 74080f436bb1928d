"""What every test may use: real stores, buckets of their own, and Parquet tables of ids."""

from __future__ import annotations

import gc
import itertools
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from demo import children, seaweedfs
from demo.seaweedfs import Endpoint
from publisher.aws import clients
from publisher.store.keys import Destination
from publisher.store.s3 import S3Store
from tests import jvm_archive, one_loader, repeated_dbt, strict_moto
from tests.glue import jars as test_jars

PROJECT = Path(__file__).resolve().parent.parent
# A test must not fail because the machine was slow, nor today when it passed yesterday.
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=200)
settings.load_profile("steady")

# What Spark's start script gives to each JVM. A test's JVM ends before the second compiler has earned what it takes,
# which is half of all processor time; two hundred tasks for a shuffle of ten rows are not waited for; and code that is
# generated for a query runs once. Spark as it is by default is what the demo's test runs.
SPARK_OPTIONS = (
    "-XX:TieredStopAtLevel=1 -Dspark.sql.shuffle.partitions=2 -Dspark.default.parallelism=2"
    " -Dspark.sql.codegen.wholeStage=false -Dspark.sql.codegen.factoryMode=NO_CODEGEN"
    # Each transaction of the metastore would wait for the disk, and no test lets a machine fail.
    f" -Dderby.system.durability=test {jvm_archive.OPTIONS}"
)

# What is one worker's business, because it shares a JVM, which takes long to get going.
ONE_JVM = {
    "spark": (
        "tests/e2e/test_analyses.py",
        "tests/e2e/test_raw_data.py",
        "tests/e2e/test_build_and_publish.py",
        "tests/e2e/test_bad_builds.py",
        "tests/e2e/test_documents.py",
        "tests/e2e/test_latest_partition.py",
        "tests/e2e/test_errors_of_spark.py",
        "tests/e2e/test_many_partitions.py",
        "tests/e2e/test_package.py",
        "tests/e2e/test_suppression.py",
        "tests/e2e/test_published_ids.py",
        "tests/e2e/test_plan.py",
        "tests/e2e/test_comet.py",
    ),
    "jobs of glue": ("tests/glue/test_job.py", "tests/glue/test_same_file.py"),  # the packages, too, are made once
    "glue": ("tests/glue/",),
    "cluster": ("tests/cluster/",),
}
# Those that take longest, so that no worker begins one of them when the others have nothing left to do.
LONGEST_FIRST = (
    "spark",
    "glue",
    "jobs of glue",
    "cluster",
    "tests/e2e/test_local_iceberg.py",
    "tests/e2e/test_duckdb.py",
    "tests/publisher/crash/test_faults.py",
    "tests/publisher/crash/test_in_parts.py",
    "tests/benchmarks/test_benchmarks.py",
    "tests/e2e/test_other_targets.py",
    "tests/e2e/test_demo.py",
    "tests/e2e/test_comet.py",
    "tests/e2e/test_two_runs.py",
    "tests/publisher/crash/test_crash.py",
    "tests/publisher/table/test_iceberg.py",
    "tests/publisher/crash/test_races.py",
    "tests/publisher/cli/test_cli.py",
    "tests/e2e/test_duckdb_iceberg.py",
)

one_loader.share()
if "PYTEST_XDIST_WORKER" in os.environ:
    children.end_with(os.getppid())
_bucket_numbers = itertools.count(1)


def _group(path: str) -> str:
    """Returns what a test file is scheduled with: itself, or several that share a JVM."""
    return next((name for name, files in ONE_JVM.items() if path.startswith(files)), path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Brings the tests into the order in which they are scheduled: the longest first."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(_group(item.nodeid.partition("::")[0]), len(places)))


def pytest_collection_finish() -> None:
    """Lets no garbage collection look at what was imported and collected, which stays; and few of them happen."""
    gc.freeze()
    gc.set_threshold(repeated_dbt.OBJECTS_BEFORE_COLLECTING, 20, 20)


class ByGroup(LoadScopeScheduling):
    """Gives a worker one group after the other, whole."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    """Schedules by group. xdist's own way, by a mark, adds to the names of tests, which pytest 9.2 does not let it."""
    return ByGroup(config, log)


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_the_caller() -> None:
    """The caller's credentials, endpoints and settings are none of the tests' business; Spark gets the tests' own."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "DBT_", "MATCHED_IDS_", "OPENLINEAGE_", "PUBLISHER_", "SPARK_")):
            del os.environ[name]
    os.environ["SPARK_SUBMIT_OPTS"] = SPARK_OPTIONS
    os.environ["SPARK_CONF_DIR"] = jvm_archive.SPARK_CONF_DIR
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


@pytest.fixture(autouse=True)
def no_credentials_of_another_test() -> None:
    """boto3's own session, and the publisher's, keep what they found first for the life of the process."""
    boto3.DEFAULT_SESSION = None
    clients.forget_session()


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_reaches_children() -> None:
    """Where SIGINT is ignored, as in a background job, every program that a test starts would ignore it, too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def quick_java() -> None:
    """Makes what lets a JVM of Spark start in half the time; for whoever is about to start one."""
    jvm_archive.make(SPARK_OPTIONS)


@pytest.fixture(scope="session")
def path_without_java(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with the system's programs, and no Java among them."""
    folder = tmp_path_factory.mktemp("bin")
    for program in [*Path("/usr/bin").iterdir(), *Path("/bin").iterdir()]:
        # /bin may be /usr/bin once more, and a link in either may lead nowhere: what is not a program is not taken.
        if (
            program.is_file()
            and not program.name.startswith(("java", "jshell"))
            and not (folder / program.name).exists()
        ):
            (folder / program.name).symlink_to(program)
    return str(folder)


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with seaweedfs.running(tmp_path_factory.mktemp("seaweedfs"), keep=False) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def moto() -> Iterator[Endpoint]:
    with strict_moto.running() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def jars() -> list[Path]:
    """Spark's jars for Iceberg and S3; without Maven the tests that need them are skipped."""
    return test_jars.jars_or_skip()


@pytest.fixture(scope="session")
def comet_jar() -> Path:
    """The accelerator's jar; without it the tests that need it are skipped."""
    return test_jars.jars_or_skip(PROJECT / "tests" / "comet")[0]


@pytest.fixture(scope="session")
def iceberg_jar(jars: list[Path]) -> Path:
    return next(jar for jar in jars if jar.name.startswith("iceberg-spark-runtime"))


@dataclass(frozen=True)
class Bucket:
    """A bucket of a test's own, in a real store."""

    endpoint: Endpoint
    name: str

    @property
    def client(self) -> Any:
        return self.endpoint.client()

    @property
    def store(self) -> S3Store:
        return S3Store(self.name, client=self.client)

    @property
    def destination(self) -> Destination:
        return Destination(self.name)

    def get(self, key: str) -> tuple[bytes, dict[str, str]]:
        answer = self.client.get_object(Bucket=self.name, Key=key)
        return answer["Body"].read(), answer["Metadata"]

    def keys(self) -> list[str]:
        return [found["Key"] for found in self.client.list_objects_v2(Bucket=self.name).get("Contents", [])]

    def data_keys(self) -> list[str]:
        """All keys but those of the records of runs, which every run leaves."""
        return [key for key in self.keys() if "runs/" not in key]


def new_bucket(endpoint: Endpoint) -> Bucket:
    bucket = Bucket(endpoint, f"bucket-{next(_bucket_numbers)}")
    bucket.client.create_bucket(Bucket=bucket.name)
    return bucket


@pytest.fixture
def bucket(seaweed: Endpoint) -> Bucket:
    return new_bucket(seaweed)


@pytest.fixture(params=["moto", "seaweed"])
def any_bucket(request: pytest.FixtureRequest) -> Bucket:
    return new_bucket(request.getfixturevalue(request.param))


WriteTable = Callable[..., Path]


@pytest.fixture
def write_table(tmp_path: Path) -> WriteTable:
    """Returns a function that writes ids as a Parquet folder, one file for each list."""
    numbers = itertools.count()

    def write(*files: Sequence[str | bytes | None], partition: str | None = None, **options: Any) -> Path:
        folder = tmp_path / f"table-{next(numbers)}"
        folder.mkdir()
        for number, ids in enumerate(files):
            columns = {"id": pa.array(ids, options.get("type", pa.string()))}
            if partition is not None:
                columns["source_partition"] = pa.array([partition] * len(ids), pa.string())
            pq.write_table(pa.table(columns), folder / f"part-{number:05}.parquet")
        return folder

    return write
