"""The Glue job: its package, installed beside what Glue brings, builds and publishes on the stand-in."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Bucket
from tests.glue import jobs
from tests.glue.conftest import CPF_ONE, CPF_TWO, GlueLake, GlueStore, fill, new_lake
from tests.glue.jobs import Ended
from tests.glue.standin import StandIn

ACTIVE = "ids/active/latest.txt.gz"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    try:
        return jobs.make_packages(tmp_path_factory.mktemp("packages"))
    except jobs.NoPackage as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(reason))


@dataclass(frozen=True)
class Job:
    """The job in one version of Glue, on a lake, with a bucket to publish to."""

    python: Path
    made: Path
    lake: GlueLake
    bucket: Bucket
    jars: list[Path]
    folder: Path

    def run(self, *runs: dict[str, str | None], name: str, conf: str | None = None) -> list[Ended]:
        around = jobs.surroundings_of(self.lake, self.jars, self.folder)
        of_all: dict[str, str | None] = {
            "--PUBLISHER_TO": f"s3://{self.bucket.name}/ids",
            "--PUBLISHER_MAX_PERCENT_REMOVED": "100",  # of two ids
        }
        given = [{**of_all, **run} for run in runs]
        return jobs.submit(self.python, self.made, self.lake, around, given, self.folder / name, conf)

    @property
    def published(self) -> list[str]:
        return gzip.decompress(self.bucket.client.get_object(Bucket=self.bucket.name, Key=ACTIVE)["Body"].read()).decode().split("\n")


@pytest.fixture(scope="module")
def job(
    packages: dict[str, Path], session_stand_in: StandIn, glue_store: GlueStore, glue_bucket: Bucket, jars: list[Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Job]:  # fmt: skip
    folder = tmp_path_factory.mktemp("job")
    session_stand_in.reset()
    with new_lake(session_stand_in, glue_store, glue_bucket, folder) as lake:
        fill(lake)
        bucket = Bucket(glue_store.role, "job-published")
        bucket.client.create_bucket(Bucket=bucket.name)
        python = jobs.make_environment("5.1", packages["5.1"], folder / "python")
        yield Job(python, packages["5.1"], lake, bucket, jars, folder)


OLDER: dict[str, str | None] = {"--MATCHED_IDS_PINNED_PARTITION": "20251021"}
# In one process, in this order: each finds what those before it left.
RUNS: dict[str, dict[str, str | None]] = {
    "first": OLDER,
    "next day": {},
    "nothing new": {"--ONLY_WHEN_NEW": "true"},
    "refused": OLDER,
    "failing test": {"--MATCHED_IDS_DOCUMENT_LENGTH": "14"},
    "lost table": {"--MATCHED_IDS_RECORDS_TABLE": "gone"},
    "overruled": {**OLDER, "--OVERRULE": "older_partition", "--REASON": "the load of the 22nd was wrong"},
}


@pytest.fixture(scope="module")
def ran(job: Job) -> dict[str, Ended]:
    return dict(zip(RUNS, job.run(*RUNS.values(), name="runs"), strict=True))


def files(job: Job) -> list[list[str]]:
    """Returns what was published, in its order."""
    listed = job.bucket.client.list_objects_v2(Bucket=job.bucket.name, Prefix="ids/stage/")["Contents"]
    keys = sorted(entry["Key"] for entry in listed)
    return [lines(job.bucket, key) for key in keys]


def lines(bucket: Bucket, key: str) -> list[str]:
    body = bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].read()
    return gzip.decompress(body).decode().split("\n")


def test_each_run_ends_as_glue_is_to_show_it(ran: dict[str, Ended]) -> None:
    well = ("first", "next day", "nothing new", "overruled")
    assert {name: ran[name].text for name in well if ran[name].error} == {}
    others = [ran[name] for name in RUNS if name not in well]
    # The text is all: no traceback shows what it was raised for.
    assert {(one.error, one.is_chained) for one in others} == {("JobFailed", False)}


def test_the_next_day_replaces_without_a_gap(ran: dict[str, Ended]) -> None:
    assert not [sql for sql in ran["next day"].statements if re.search(r"\bdrop\b", sql, re.I)]
