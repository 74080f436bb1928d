"""The Glue job: its package, installed beside what Glue brings, builds and publishes on the stand-in."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deploy.glue import package
from tests.conftest import Bucket
from tests.deploy import alarms
from tests.deploy.conftest import JOB
from tests.deploy.stack import Stack
from tests.deploy.test_watching import NOW
from tests.glue import jobs
from tests.glue.conftest import GlueLake, GlueStore, fill, new_lake
from tests.glue.jobs import Ended
from tests.glue.policies import Policy
from tests.glue.standin import Call, StandIn
from tests.glue.watch import METASTORE, POLICIES, READY_FILE, REFUSED_ON_PURPOSE, Watch, spare, unused, values
from tests.publisher.crash import fault_proxy

ACTIVE = "ids/active/latest.txt.gz"


@dataclass(frozen=True)
class Job:
    """The job in one version of Glue, on a lake, with a bucket to publish to.

    Attributes:
        calls: What `ran` asked of AWS, S3 aside.
    """

    python: Path
    made: Path
    lake: GlueLake
    bucket: Bucket
    jars: list[Path]
    folder: Path
    calls: list[Call] = field(default_factory=list)

    def run(self, *runs: dict[str, str | None], name: str, conf: str | None = None) -> list[Ended]:
        around = jobs.surroundings_of(self.lake, self.jars, self.folder)
        given = {
            **given_to(self),
            "--PUBLISHER_MAX_PERCENT_REMOVED": "100",  # of two ids
            "--PUBLISHER_TAG_SNAPSHOT": "true",
        }
        return jobs.submit(self.python, self.made, self.lake, around, given, runs, self.folder / name, conf)


def given_to(job: Job) -> dict[str, str]:
    """Returns the arguments that the template gives to the job."""
    return jobs.arguments_of(job.lake, job.bucket.name)


@pytest.fixture(scope="module")
def job(
    packages: dict[str, Path], session_stand_in: StandIn, glue_store: GlueStore, glue_bucket: Bucket, jars: list[Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Job]:  # fmt: skip
    folder = tmp_path_factory.mktemp("job")
    session_stand_in.reset()
    with new_lake(session_stand_in, glue_store, glue_bucket, folder) as lake:
        fill(lake)
        lake.register_suppressed(documento=[CPF_NOBODY], id=["nowhere"])
        bucket = Bucket(glue_store.role, "job-published")
        bucket.client.create_bucket(Bucket=bucket.name)
        python = jobs.make_environment("5.1", packages["5.1"], folder / "python")
        yield Job(python, packages["5.1"], lake, bucket, jars, folder)


# Valid, and of no record: the list is read, and keeps nothing out.
CPF_NOBODY = "39053344705"
OLDER: dict[str, str | None] = {"--MATCHED_IDS_PINNED_PARTITION": "20251021"}
# In one process, in this order: each finds what those before it left.
RUNS: dict[str, dict[str, str | None]] = {
    "first": OLDER,
    "next day": {"--PUBLISHER_READY_FILE": READY_FILE, "--MATCHED_IDS_SUPPRESSED_BY": "documents_and_ids"},
    "nothing new": {"--PUBLISHER_READY_FILE": READY_FILE},
    "refused": OLDER,
    "failing test": {"--MATCHED_IDS_DOCUMENT_LENGTH": "14", "--ONLY_WHEN_NEW": "false"},
    "lost table": {"--MATCHED_IDS_RECORDS_TABLE": "gone", "--ONLY_WHEN_NEW": "false"},
}


# Statements that AWS needs though no call here shows it, and why.
UNSEEN = {
    "ListAndPrunePartitionsOfRawTables": METASTORE,
    "FindSchemaAndTables": METASTORE,
    "UseSchemaOfModels": METASTORE,
    "SparkLooksForThemWhenItStarts": METASTORE,
    "TidyUpAfterFailedWrites": "S3FileIO and Iceberg remove what a write or a commit that failed has left",
    "TellMissingFilesOfTheTablesFromDeniedOnes": "a file that is lost between build and publish; the CI role's is seen",
    "TryTheStoreWithScratchObjectsBeforeALargeFile": "the publisher, of a file of more than 5 GiB",
    "ThrowAwayUploadsOfTheJobThatFailed": "likewise",
    "TellAMissingStagedFileFromADeniedOne": "what was promoted last, where somebody removed it; the CI role's is seen",
    "ReadThePackage": "Glue reads it, with the job's role",
    "WriteLogsOfTheJob": "the Glue service writes them, likewise",
}


@pytest.fixture(scope="module")
def watch(job: Job, glue_store: GlueStore) -> Watch:
    """What stands between the job's role and S3: its policy."""
    given = {**values(job.lake, job.bucket.name), "package_bucket": "packages", "package_prefix": "", "job": "daily"}
    given["topic_arn"] = given_to(job)["--PUBLISHER_NOTIFY"]
    documents = (
        "glue-job-role.json",
        "optional-metrics.json",
        "optional-notices.json",
        "optional-suppression.json",
    )
    role = Policy.load([POLICIES / name for name in documents], given)
    return Watch({"glue": role}, glue_store.callers, f"tables/{job.lake.schema}")


@pytest.fixture(scope="module")
def ran(job: Job, watch: Watch, glue_store: GlueStore) -> dict[str, Ended]:
    first = len(job.lake.stand_in.calls)
    for day in ("20251021", "20251022"):
        key = f"{job.lake.raw}/records/ano_mes_dia={day}/{READY_FILE}"
        job.lake.bucket.client.put_object(Bucket=job.lake.bucket.name, Key=key, Body=b"")
    watch.is_on = True
    glue_store.proxy.inject(watch)
    try:
        ended = job.run(*RUNS.values(), name="runs")
    finally:
        glue_store.proxy.inject(fault_proxy.forwards, lambda _: False)
    job.calls.extend(job.lake.stand_in.calls[first:])
    for call in job.calls:
        watch.note(call, job.lake.schema)
    return dict(zip(RUNS, ended, strict=True))


def lines(bucket: Bucket, key: str) -> list[str]:
    body = bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].read()
    return gzip.decompress(body).decode().split("\n")


def staged(job: Job) -> list[str]:
    listed = job.bucket.client.list_objects_v2(Bucket=job.bucket.name, Prefix="ids/stage/")["Contents"]
    return sorted(entry["Key"] for entry in listed)


def records(job: Job) -> list[dict[str, Any]]:
    listed = job.bucket.client.list_objects_v2(Bucket=job.bucket.name, Prefix="ids/runs/")["Contents"]
    keys = sorted(entry["Key"] for entry in listed)
    return [json.load(job.bucket.client.get_object(Bucket=job.bucket.name, Key=key)["Body"]) for key in keys]


def test_each_run_ends_as_glue_is_to_show_it(ran: dict[str, Ended]) -> None:
    well = ("first", "next day", "nothing new")
    assert {name: ran[name].text for name in well if ran[name].error} == {}
    others = [ran[name] for name in RUNS if name not in well]
    # The text is all: no traceback shows what it was raised for.
    assert {(one.error, one.is_chained) for one in others} == {("JobFailed", False)}


def test_what_is_published_is_the_days_one_after_the_other(ran: dict[str, Ended], job: Job) -> None:
    older, newer = ["a", "gone"], ["a", "b", "c"]
    assert [lines(job.bucket, key) for key in staged(job)] == [older, newer]
    assert lines(job.bucket, ACTIVE) == newer
    promoted = [one for one in records(job) if one["outcome"] == "published"]
    assert [(one["source_partition"], one["ci_run"]) for one in promoted] == [
        ("20251021", "matched-ids/jr_0"),
        ("20251022", "matched-ids/jr_1"),
    ]


def test_the_next_day_replaces_without_a_gap(ran: dict[str, Ended], job: Job) -> None:
    # The table of suppressed ids is new that day, and dbt-spark drops what is not there.
    dropped = [re.findall(r"\bdrop table if exists \w+\.(\w+)", sql, re.I) for sql in ran["next day"].statements]
    assert [name for names in dropped for name in names] == ["int_matched_ids_suppressed"]
    of_table = [call for call in job.calls if call.table == "int_matched_ids"]
    changes = [call.operation for call in of_table if call.operation not in ("GetTable", "GetTables")]
    # Built, tagged; replaced, tagged; and replaced by what a test then found wanting.
    assert changes == ["CreateTable", *["UpdateTable"] * 4]
    entry = job.lake.glue.get_table(DatabaseName=job.lake.schema, Name="int_matched_ids")["Table"]
    bucket, _, key = entry["Parameters"]["metadata_location"].partition("://")[2].partition("/")
    metadata = json.load(job.bucket.client.get_object(Bucket=bucket, Key=key)["Body"])
    (last,) = [one for one in records(job) if one["outcome"] == "published"][-1:]
    assert metadata["refs"]["published"]["snapshot-id"] == int(last["snapshot_id"]) != metadata["current-snapshot-id"]


def test_a_run_with_nothing_new_costs_no_statement(ran: dict[str, Ended]) -> None:
    assert ran["nothing new"].statements == ()
    assert "the newest partition of raw_" in ran["nothing new"].log


def test_what_failed_is_named(ran: dict[str, Ended]) -> None:
    assert ran["refused"].text.startswith("refused (exit code 3, guard older_partition): Partition 20251021 is older")
    assert "--overrule older_partition" in ran["refused"].text
    dbt = "failed (exit code 5): dbt build did not succeed: "
    assert ran["failing test"].text.startswith(f"{dbt}assert_cpfs_are_well_formed (fail).")
    assert ran["lost table"].text.startswith(f"{dbt}stg_records (error).")
    assert "raw" in ran["lost table"].log  # where dbt says which table that is


def test_the_role_suffices_and_nothing_of_it_can_be_taken_away(ran: dict[str, Ended], watch: Watch, job: Job) -> None:
    assert not watch.unknown
    # The role may see no other table than those that it was told of.
    purpose = rf"{REFUSED_ON_PURPOSE}|GetTable raw_\d+\.gone"
    refused = {str(need): what for (_, need), what in watch.refused.items()}
    assert {key: what for key, what in refused.items() if not re.fullmatch(purpose, what)} == {}
    role, needs = watch.policies["glue"], watch.needs("glue")
    assert set(unused(role, needs)) == set(UNSEEN), unused(role, needs)
    # The list lies in the database of the raw tables here, so that either of these two would do.
    twice = {("FindRawTables", f"database/{job.lake.raw}"), ("FindSuppressionList", f"database/{job.lake.raw}")}
    assert {(statement, arn.rsplit(":", 1)[-1]) for statement, arn in spare(role, needs, UNSEEN)} == twice


def test_the_place_of_the_schema_is_in_the_lake(ran: dict[str, Ended], job: Job) -> None:
    database = job.lake.glue.get_database(Name=job.lake.schema)["Database"]
    assert database["LocationUri"].replace("s3a:", "s3:") == f"s3://{job.lake.bucket.name}/tables/{job.lake.schema}"


WRONG: dict[str, tuple[dict[str, str | None], str]] = {
    "no destination": ({"--PUBLISHER_TO": None}, "The job has no argument --PUBLISHER_TO."),
    "a misspelt name": ({"--PUBLISHER_MAX_ID": "9"}, "--PUBLISHER_MAX_ID has no effect in a Glue job. Did you mean"),
    "neither yes nor no": ({"--DRY_RUN": "ture"}, "The argument --DRY_RUN is neither true nor false."),
    "another target's": ({"--MATCHED_IDS_RECORDS_PATH": "/lake"}, "--MATCHED_IDS_RECORDS_PATH has no effect"),
    "without the catalog": ({}, "The job's Spark has spark.sql.catalog.spark_catalog=None"),
}


def test_what_is_wrong_is_told_before_spark_begins(job: Job) -> None:
    ended = job.run(*(given for given, _ in WRONG.values()), name="wrong", conf="")
    told = dict(zip(WRONG, ended, strict=True))
    assert {name: one.text for name, one in told.items() if WRONG[name][1] not in one.text} == {}
    assert all(one.text.startswith("failed (exit code 2): ") for one in ended)
    assert not any(one.has_begun_spark or one.log for one in ended)


def test_the_same_inputs_give_the_same_package(packages: dict[str, Path], tmp_path: Path) -> None:
    archive = packages["5.1"] / package.ARCHIVE
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path)
    again = package.make("5.1", tmp_path / "wheels", tmp_path / "again")
    assert again.read_bytes() == archive.read_bytes()
    sums = (packages["5.1"] / "SHA256SUMS").read_text()
    assert sums == (again.parent / "SHA256SUMS").read_text()
    assert hashlib.sha256(archive.read_bytes()).hexdigest() in sums


def test_the_package_has_what_this_version_of_glue_lacks(packages: dict[str, Path]) -> None:
    of_version = {version: set(package.needed(version)) for version in package.VERSIONS}
    assert {"dbt-core", "dbt-spark", "pyiceberg", "isal"} <= of_version["5.1"]
    assert not of_version["5.1"] & {"boto3", "pyarrow", "pyspark", "numpy"}
    assert {"boto3", "pyarrow"} <= of_version["5.0"]
    with zipfile.ZipFile(packages["5.1"] / package.ARCHIVE) as file:
        wheels = [name for name in file.namelist() if name.endswith(".whl")]
        pinned = file.read("wheels/requirements.txt").decode().splitlines()
    assert len(wheels) == len(pinned) == len(of_version["5.1"]) + 1


def test_the_conf_is_the_one_of_the_sessions(job: Job) -> None:
    """Both run the same models; what one lacks, the other's tables would be read or written without."""
    of_job = given_to(job)["--conf"]
    confs = [re.split(r"/?\s+--conf\s+", conf.strip()) for conf in (of_job, job.lake.conf)]
    assert confs[0] == confs[1]


def test_whoever_is_on_call_is_told(ran: dict[str, Ended], job: Job) -> None:
    """By the metrics that the template's alarms look at, and by the topic."""
    resources = Stack({**JOB, "PublishBucket": job.bucket.name, "PublishPrefix": "ids/"}).resources
    outcomes: list[dict[str, float]] = []
    for call in job.calls:
        if call.operation == "PutMetricData":
            assert call.given["Namespace"] == alarms.metric(resources["Failed"])["Namespace"]
            ours = [
                datum
                for datum in call.given["MetricData"]
                if {one["Name"]: one["Value"] for one in datum["Dimensions"]} == alarms.dimensions(resources["Failed"])
            ]
            outcomes.append({datum["MetricName"]: float(datum["Value"]) for datum in ours})
    # One for each run but the one in which nothing was new.
    assert len(outcomes) == len(RUNS) - 1
    raised = {
        name: [
            alarms.is_raised(resources[name], {NOW - 1: told[alarms.metric(resources[name])["MetricName"]]}, NOW)
            for told in outcomes
        ]
        for name in ("NotPublished", "Refused", "Failed")
    }
    assert raised == {
        "NotPublished": [False, False, True, True, True],
        "Refused": [False, False, True, False, False],
        "Failed": [False, False, False, True, True],
    }
    notices = [call.given for call in job.calls if (call.service, call.operation) == ("sns", "Publish")]
    assert {notice["TopicArn"] for notice in notices} == {given_to(job)["--PUBLISHER_NOTIFY"]}
    for notice, name in zip(notices, ("refused", "failing test", "lost table"), strict=True):
        assert ran[name].text.partition(": ")[2].partition(". ")[0] in notice["Message"]
