"""The ways in which Glue hurts: how dbt and the publisher end, what they say, and that active is what it was.

The tests share one lake, and so one good build: each leaves it fit for the next, in this order.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from publisher.errors import SourceNotReady
from publisher.guards.limits import NO_LIMITS
from publisher.lake.access import LakeAccess
from publisher.lake.glue import GlueCatalog
from publisher.lake.s3_files import S3Files
from publisher.publish import Watcher, publish
from publisher.settings import PublishSettings
from tests import forked
from tests.conftest import Bucket
from tests.glue.catalog import parquet_table
from tests.glue.conftest import CPF_ONE, CPF_TWO, GlueLake, GlueStore, fill, new_lake
from tests.glue.standin import StandIn
from tests.publisher.crash import fault_proxy

_numbers = itertools.count(1)
ACTIVE = "active/latest.txt.gz"
# The limits on change would be one more thing that could refuse.
LIMITS = ("--min-percent-of-active", "0", "--max-percent-removed", "100")
THE_TABLE = r"create or replace table \S+\.int_matched_ids\s"
THE_SUMMARY = r"create or replace table \S+\.int_matched_ids_summary\s"
THE_VIEW = r"create or replace view \S+\.stg_records\s"


@dataclass(frozen=True)
class Published:
    """How a publish ended."""

    code: int
    fields: dict[str, Any]
    messages: str

    @property
    def reason(self) -> tuple[int, str | None]:
        return self.code, self.fields.get("guard") or self.fields.get("error")


@pytest.fixture(scope="module")
def built(
    session_stand_in: StandIn, glue_store: GlueStore, glue_bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GlueLake]:
    """Built and tested, and so ready to be published."""
    session_stand_in.reset()
    with new_lake(session_stand_in, glue_store, glue_bucket, tmp_path_factory.mktemp("lake")) as lake:
        built = fill(lake).build()
        assert built.success, built.output
        yield lake


@pytest.fixture
def lake(built: GlueLake, stand_in: StandIn) -> GlueLake:
    assert built.stand_in is stand_in  # which is without faults now
    return built


@pytest.fixture
def target(lake: GlueLake) -> Bucket:
    """A bucket of the test's own, where an older file is active."""
    bucket = Bucket(lake.store.ci, f"published-{next(_numbers)}")
    bucket.client.create_bucket(Bucket=bucket.name)
    texts = {"total_ids": "1", "source_partition": "20251020"}
    bucket.client.put_object(Bucket=bucket.name, Key=ACTIVE, Body=gzip.compress(b"older"), Metadata=texts)
    return bucket


def publisher(lake: GlueLake, target: Bucket, *arguments: str) -> Published:
    """Runs `publisher publish` as a process of its own, and checks that a failure leaves active alone."""
    before = target.get(ACTIVE)
    ended = forked.publisher.run(
        ["publish", "--json", *LIMITS, *arguments],
        {
            **lake.environment(),
            "PUBLISHER_TO": f"s3://{target.name}",
            "PUBLISHER_TARGET_PATH": str(lake.target_path),
        },
    )
    lake.printed.append(ended.stdout + ended.stderr)
    if ended.returncode:
        assert target.get(ACTIVE) == before
        assert len(ended.stderr.splitlines()) == 2, ended.stderr
    return Published(ended.returncode, json.loads(ended.stdout), ended.stderr)


def content(target: Bucket) -> bytes:
    return gzip.decompress(target.get(ACTIVE)[0])


def test_a_build_is_published_and_its_snapshot_told(lake: GlueLake, target: Bucket) -> None:
    ended = publisher(lake, target)
    assert ended.code == 0, ended.messages
    assert content(target) == b"a\nb\nc"
    assert target.get(ACTIVE)[1]["snapshot_id"] == str(json.loads(metadata_text(lake)[1])["current-snapshot-id"])


def metadata_text(lake: GlueLake) -> tuple[str, str]:
    """Returns the current metadata file of the table: where it is, and what it holds."""
    table = lake.glue.get_table(DatabaseName=lake.schema, Name="int_matched_ids")["Table"]
    location: str = table["Parameters"]["metadata_location"]
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return location, lake.bucket.client.get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def test_tables_that_are_named_by_hand(lake: GlueLake, target: Bucket) -> None:
    ended = publisher(lake, target, "--table", f"glue:{lake.schema}.int_matched_ids")
    assert ended.code == 0, ended.messages
    assert content(target) == b"a\nb\nc"
    assert target.get(ACTIVE)[1]["source_partition"] == "20251022"  # from the files' statistics
    ended = publisher(lake, target, "--table", f"iceberg:{metadata_text(lake)[0]}")
    assert ended.code == 0, ended.messages

    location = lake.write("plain/x.parquet", name=["x", "y"])
    definition = {"location": location, "columns": [["name", "string"]], "partition_keys": []}
    lake.glue.create_table(DatabaseName=lake.raw, TableInput=parquet_table("plain", definition))
    by_hand = ("--table", f"glue:{lake.raw}.plain", "--id-column", "name", "--source-partition", "20251022")
    ended = publisher(lake, target, *by_hand)
    assert ended.code == 0, ended.messages
    assert content(target) == b"x\ny"

    for table, words in {f"{lake.raw}.records": "is partitioned", f"{lake.schema}.stg_records": "kind view"}.items():
        ended = publisher(lake, target, "--table", f"glue:{table}")
        assert ended.reason == (2, "UsageError")
        assert words in ended.fields["message"]


def test_the_catalog_refuses(lake: GlueLake, target: Bucket) -> None:
    faults, table = lake.stand_in.faults, f"{lake.schema}.int_matched_ids"
    faults.throttle("GetTable", times=2)  # fewer than boto3's attempts
    ended = publisher(lake, target)
    assert ended.code == 0, ended.messages
    for code, words in {
        "ThrottlingException": "tried five times",
        "AccessDeniedException": "glue:GetTable",
        "ExpiredTokenException": "renew them",
        "InternalServiceException": "Check the region",  # of the stand-in a 400, which boto3 does not try again
    }.items():
        faults.clear()
        faults.refuse(code, "GetTable", table=table, caller="ci")
        ended = publisher(lake, target)
        assert ended.reason == (7, "StoreFailed"), code
        assert code in ended.fields["message"]
        assert words in ended.fields["hint"]


def test_the_table_s_bucket_refuses(lake: GlueLake, target: Bucket) -> None:
    def is_of_the_table(request: fault_proxy.Request) -> bool:
        return (
            request.path.startswith(f"/{lake.bucket.name}/tables/{lake.schema}/int_matched_ids/")
            and request.method == "GET"  # a HEAD's answer has no body that could tell a code
        )

    try:
        for status, code, words in [
            ("403 Forbidden", "AccessDenied", "s3:GetObject"),
            ("400 Bad Request", "ExpiredToken", "renew them"),
            ("503 Slow Down", "SlowDown", "Retries are spent"),
        ]:
            lake.store.proxy.inject(fault_proxy.answers(status, code), is_of_the_table)
            ended = publisher(lake, target)
            assert ended.reason == (7, "StoreFailed"), code
            assert code in ended.fields["message"]
            assert words in ended.fields["hint"]
    finally:
        lake.store.proxy.inject(fault_proxy.forwards)


def test_the_table_was_dropped_between_build_and_publish(lake: GlueLake, target: Bucket) -> None:
    table = lake.glue.get_table(DatabaseName=lake.schema, Name="int_matched_ids")["Table"]
    lake.glue.delete_table(DatabaseName=lake.schema, Name="int_matched_ids")
    ended = publisher(lake, target)
    assert ended.reason == (5, "SourceNotReady")
    assert f"{lake.schema}.int_matched_ids, or its database, is not in the Glue catalog" in ended.fields["message"]
    known = ("Name", "TableType", "Parameters", "StorageDescriptor")
    lake.glue.create_table(DatabaseName=lake.schema, TableInput={key: table[key] for key in known})
    assert publisher(lake, target).code == 0


def test_a_session_that_cannot_be_provisioned(lake: GlueLake, target: Bucket) -> None:
    lake.stand_in.faults.fail_sessions()
    assert not lake.build().success
    assert publisher(lake, target).code == 5


def test_a_session_that_dies_while_the_table_is_built(lake: GlueLake, target: Bucket) -> None:
    lake.stand_in.faults.end_session_at(THE_TABLE)
    assert not lake.build_only("int_matched_ids").success
    ended = publisher(lake, target)
    assert ended.reason == (5, "dbt_not_successful")
    assert "int_matched_ids (error)" in ended.fields["message"]


def test_credentials_that_expire_during_a_build(lake: GlueLake, target: Bucket) -> None:
    lake.stand_in.faults.expire_credentials("ci")
    assert not lake.build().success
    lake.stand_in.faults.clear()
    assert publisher(lake, target).code == 5


def test_a_table_that_timed_out_on_the_day_of_a_good_build(lake: GlueLake, target: Bucket) -> None:
    """The same partition: no test of dbt's can tell that the table is the earlier one."""
    lake.stand_in.faults.time_out_statement(THE_TABLE)
    built = lake.build()
    assert built.success, built.output
    ended = publisher(lake, target)
    assert ended.reason == (5, "dbt_not_successful")
    assert "it did not build it" in ended.fields["message"]
    assert "timed out" in ended.fields["hint"]


def test_a_summary_that_timed_out(lake: GlueLake, target: Bucket) -> None:
    lake.stand_in.faults.time_out_statement(THE_SUMMARY)
    lake.build()
    assert publisher(lake, target).reason == (5, "dbt_not_successful")


def test_a_data_test_that_timed_out_did_not_pass(lake: GlueLake, target: Bucket) -> None:
    lake.stand_in.faults.time_out_statement(r"having count\(\*\) > 1")  # of the test `unique`
    unique = "unique_int_matched_ids_id"
    assert not lake.build_only("int_matched_ids", unique).success
    ended = publisher(lake, target)
    assert ended.reason == (5, "dbt_not_successful")
    assert f"{unique} (error)" in ended.fields["message"]


@pytest.mark.parametrize(("what", "day"), [(THE_TABLE, "20251023"), (THE_VIEW, "20251024")], ids=["table", "view"])
def test_a_statement_that_timed_out_on_a_new_day(what: str, day: str, lake: GlueLake, target: Bucket) -> None:
    """Yesterday's table or view stands where today's should be, and dbt believes that it built it."""
    lake.add_day(day, [("d", CPF_ONE), ("e", CPF_TWO)])
    lake.stand_in.faults.time_out_statement(what)
    read = "assert_newest_partition_was_read"
    built = lake.build_only("stg_records", "int_matched_ids", "int_matched_ids_summary", read)
    assert not built.success
    assert f"FAIL 1 {read}" in built.output
    ended = publisher(lake, target)
    assert ended.reason == (5, "dbt_not_successful")
    assert f"{read} (fail)" in ended.fields["message"]


def test_a_build_that_replaces_the_table_during_a_publish(lake: GlueLake, target: Bucket) -> None:
    built = lake.build()
    assert built.success, built.output
    own_lake = LakeAccess(s3=S3Files(target.client), glue=GlueCatalog(client=lake.glue))
    settings = PublishSettings(target.destination, target_path=lake.target_path, limits=NO_LIMITS)
    read: list[int] = []

    class Replacing(Watcher):
        def read(self, rows: int) -> None:
            """As another build does it, once the first rows were read."""
            read.append(rows)
            lake.stand_in.run_python(
                f"spark.sql('''create or replace table {lake.schema}.int_matched_ids using iceberg"
                f" location 's3://{lake.bucket.name}/tables/{lake.schema}/int_matched_ids'"
                " as select explode(array('d', 'e')) as id, '20251024' as source_partition''')",
                conf=lake.conf,
            )

    before = target.get(ACTIVE)
    with pytest.raises(SourceNotReady) as raised:
        publish(settings, target.store, Replacing(), own_lake)
    assert read == [2]  # the snapshot that was pinned, to its end
    assert raised.value.guard == "files_changed"
    assert target.get(ACTIVE) == before
    # The other build's summary row, and its tests, are still to come, though all numbers of the present row fit.
    ended = publisher(lake, target)
    assert ended.reason == (3, "summary_differs")


def test_lake_formation_s_tags_are_set_on_the_table_that_was_built(lake: GlueLake) -> None:
    """No failure, but it ends what the other tests rely on: dbt's results of a whole build."""
    lake.settings["MATCHED_IDS_GLUE_LF_TAGS"] = json.dumps({"enabled": True, "tags_table": {"owner": "lake"}})
    ended = lake.dbt("run", "--target", "glue", "--select", "int_matched_ids_summary")
    assert ended.success, ended.output
    (call,) = [call for call in lake.stand_in.calls if call.operation == "AddLFTagsToResource"]
    assert call.given["LFTags"] == [{"TagKey": "owner", "TagValues": ["lake"]}]
    assert call.given["Resource"]["Table"]["Name"] == "int_matched_ids_summary"
