"""What a run leaves behind, whatever its end."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo.seaweedfs import Endpoint
from publisher import holding
from publisher.errors import GuardRefusal, IntegrityError, SourceNotReady, StoreFailed
from publisher.guards.limits import Limits
from publisher.history import history
from publisher.publish import publish
from publisher.records.actor import Actor
from publisher.records.journal import Journal
from publisher.records.keys import RecordKey
from publisher.records.record import OUTCOMES, Record, parse_record
from publisher.rollback import rollback
from publisher.status import status
from publisher.store.keys import Destination
from publisher.store.protocol import PreconditionFailed
from publisher.store.s3 import S3Store
from tests.conftest import Bucket, WriteTable
from tests.memory_store import MemoryStore
from tests.publisher.publishing import (
    ACTIVE,
    DESTINATION,
    HUNDRED,
    Between,
    Clock,
    active_content,
    promotion_ends,
    settings,
)


def records(store: MemoryStore | S3Store) -> list[dict[str, Any]]:
    """All records, oldest first."""
    keys = list(store.list(DESTINATION.runs_prefix))
    return [json.loads(store.read_small(key, 1 << 20) or b"") for key in keys]


def outcomes(store: MemoryStore | S3Store) -> list[str]:
    return [record["outcome"] for record in records(store)]


class Killed(BaseException):
    """What no handler sees, as SIGKILL."""


@pytest.fixture
def store(write_table: WriteTable, clock: Clock) -> MemoryStore:
    """A store in which a hundred ids are active."""
    store = MemoryStore()
    publish(settings(write_table(HUNDRED)), store, now=clock)
    return store


def test_a_promotion_is_announced_and_then_recorded(any_bucket: Bucket, write_table: WriteTable, clock: Clock) -> None:
    first = publish(settings(write_table(HUNDRED)), any_bucket.store, now=clock)
    second = publish(
        settings(write_table([*HUNDRED[10:], "new"]), "20251023", reason="half of A is gone", limits=Limits()),
        any_bucket.store,
        now=clock,
    )
    announced, done, *_ = records(any_bucket.store)[2:]
    assert (announced["outcome"], done["outcome"]) == ("intended", "published")
    assert announced["run_id"] == done["run_id"]
    expected = {
        "command": "publish",
        "source_partition": "20251023",
        "total_ids": 91,
        "ids_added": 1,
        "ids_removed": 10,
        "staged_key": second.staged_key,
        "sha256": second.encoded.sha256,
        "md5_checksum": second.encoded.md5,
        "bytes": second.encoded.bytes,
        "previous_staged_key": first.staged_key,
        "previous_partition": "20251022",
        "previous_total_ids": 100,
        "previous_etag": first.etag,
        "reason": "half of A is gone",
        "max_ids": 10_000_000,
        "max_percent_removed": 30,
    }
    assert {name: done[name] for name in expected} == expected
    assert (done["active_etag"], done["exit_code"]) == (second.etag, 0)
    assert "active_etag" not in announced
    for step in ("prepare", "encode", "compare", "stage", "read_back", "promote"):
        assert done[f"seconds_{step}"] >= 0
    content_type = any_bucket.client.head_object(Bucket=any_bucket.name, Key=second.metadata.record)["ContentType"]
    assert content_type == "application/json"


def test_every_end_is_recorded_and_nothing_of_the_ids(store: MemoryStore, write_table: WriteTable) -> None:
    with pytest.raises(GuardRefusal):
        publish(settings(write_table(["SECRET1", "SECRET1"])), store)
    with pytest.raises(GuardRefusal):
        publish(settings(write_table(HUNDRED[:10]), limits=Limits()), store)
    with pytest.raises(GuardRefusal):
        publish(settings(write_table(["SECRET2"]), "20251001"), store)
    with pytest.raises(SourceNotReady):
        publish(settings(write_table(["a"]) / "nowhere"), store)
    holding.hold(store, DESTINATION, "INC-1 for a look", "ana")
    with pytest.raises(GuardRefusal):
        publish(settings(write_table(HUNDRED)), store)
    holding.release(store, DESTINATION)
    found = records(store)[2:]
    assert [record["outcome"] for record in found] == [
        "refused", "refused", "refused", "failed", "held", "refused", "released",
    ]  # fmt: skip
    twice, few, older, nowhere, held, stopped, released = found
    assert (twice["guard"], twice["step"], twice["exit_code"]) == ("not_ascending", "encode", 3)
    assert (few["guard"], few["guard_saw"], few["guard_limit"]) == ("too_few_ids", "10", "50 % of 100")
    assert (older["guard"], older["guard_saw"], older["guard_limit"]) == ("older_partition", "20251001", "20251022")
    assert (nowhere["error"], nowhere["step"], nowhere["exit_code"]) == ("SourceNotReady", "prepare", 5)
    assert (held["command"], held["reason"], stopped["guard"], released["is_held"]) == (
        "hold", "INC-1 for a look", "hold", False,
    )  # fmt: skip
    for record in found:
        assert record["user_name"]
        assert record["host_name"]
        assert "SECRET" not in json.dumps(record)


@pytest.mark.parametrize(
    ("end", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143), (RuntimeError("SECRET"), 1)]
)
def test_an_interrupted_run_and_a_bug_are_recorded(
    end: BaseException, code: int, store: MemoryStore, write_table: WriteTable
) -> None:
    def interrupted(*_: Any) -> Any:
        raise end

    with pytest.raises(type(end)):
        publish(settings(write_table(HUNDRED)), Between(store, read=interrupted))
    last = records(store)[-1]
    assert (last["outcome"], last["exit_code"]) == ("failed" if code == 1 else "interrupted", code)
    assert (last["step"], last.get("error")) == ("compare", "RuntimeError" if code == 1 else None)
    assert "SECRET" not in json.dumps(last)


def denied(create: Any, key: str, *rest: Any) -> str:
    if "runs/" in key:
        raise StoreFailed("The store failed while writing the record: AccessDenied.", "Grant s3:PutObject on runs/.")
    etag: str = create(key, *rest)
    return etag


def test_a_record_that_cannot_be_written_is_said_and_stops_nothing(store: MemoryStore, write_table: WriteTable) -> None:
    before = len(records(store))
    report = publish(settings(write_table(["b"]), "20251023"), Between(store, create=denied))
    assert active_content(store) == b"b"
    assert [text for text in report.warnings if "could not be written" in text]
    assert len(records(store)) == before
    # And the next run takes what was promoted so for what it is.
    assert publish(settings(write_table(["c"]), "20251024"), store).metadata.replaces == report.staged_key
    with pytest.raises(GuardRefusal, match="hold"):
        holding.hold(Between(store, create=denied), DESTINATION, "INC-1", None)
        publish(settings(write_table(["c"]), "20251024"), store)


def test_the_next_run_completes_the_record_of_one_that_was_killed_after_its_swap(
    store: MemoryStore, write_table: WriteTable
) -> None:
    with pytest.raises(Killed):
        publish(settings(write_table(["b"]), "20251023"), promotion_ends(store, Killed(), is_done=True))
    assert outcomes(store)[2:] == ["intended"]
    assert history(store, DESTINATION, 1).runs[0].outcome == "published"  # active says so
    with pytest.raises(GuardRefusal):  # even if it is refused itself
        publish(settings(write_table(["c"]), "20251021"), store)
    killed, completed, refused = records(store)[2:]
    assert (completed["outcome"], completed["run_id"]) == ("published", killed["run_id"])
    assert (completed["completed_by"], refused["outcome"]) == (refused["run_id"], "refused")
    assert completed["source_partition"] == "20251023"


def test_the_next_promotion_closes_what_was_announced_and_never_happened(
    store: MemoryStore, write_table: WriteTable
) -> None:
    with pytest.raises(Killed):
        publish(settings(write_table(["b"]), "20251023"), promotion_ends(store, Killed()))
    assert active_content(store) == "\n".join(HUNDRED).encode()
    publish(settings(write_table(["c"]), "20251023"), store)
    assert outcomes(store)[2:] == ["intended", "interrupted", "intended", "published"]
    assert [run.outcome for run in history(store, DESTINATION, 9).runs] == ["published", "interrupted", "published"]


def test_records_sort_by_what_happened_whatever_the_clocks_say(store: MemoryStore, write_table: WriteTable) -> None:
    slow = datetime.now(timezone.utc) - timedelta(minutes=10)
    journal = Journal(store, DESTINATION, "publish", warn=print, now=lambda: slow)
    newest = RecordKey.parse(DESTINATION, max(store.list(DESTINATION.runs_prefix)))
    assert newest is not None
    assert journal.announce() < newest.key
    journal.saw(newest)
    assert journal.announce() > newest.key


def test_what_is_no_record_is_told_from_one() -> None:
    for rubbish in (
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"run_id": 1, "recorded_at": 2}',
        b'{"run_id": "a"}',
    ):
        assert parse_record(rubbish) is None
    said = {
        "run_id": "a",
        "recorded_at": "b",
        "command": "publish",
        "outcome": "published",
        "total_ids": "many",
        "is_new": [1],
    }
    assert parse_record(json.dumps(said).encode()) == Record("a", "b", "publish", "published")


def test_a_record_is_one_line_without_a_password() -> None:
    message = "The store failed at http://ana:secret@host:1/\x1b[31m\nand more"
    line = Record("a", "b", "publish", "failed", message=message, user_name="\udce9").to_line()
    assert line.count("\n") == 1
    assert json.loads(line)["message"] == "The store failed at http://***@host:1/ [31m and more"


@pytest.mark.parametrize("prefix", ["", "a/b/"])
def test_a_key_tells_what_it_is(prefix: str) -> None:
    destination = Destination("bucket", prefix)
    at = datetime(2025, 10, 23, 4, 3, 12, 481_999, tzinfo=timezone.utc)
    for outcome in OUTCOMES:
        made = RecordKey.make(destination, at, "0123456789ab", outcome)
        assert made.key == f"{prefix}runs/2025/10/23/20251023_040312_481999_0123456789ab_{outcome}.json"
        assert RecordKey.parse(destination, made.key) == made
    for other in (
        "runs/2025/10/24/20251023_040312_481999_0123456789ab_published.json",
        "runs/2025/10/23/20259923_040312_481999_0123456789ab_published.json",
        "runs/2025/10/23/20251023_040312_481999_0123456789ab_eaten.json",
        "runs/2025/10/23/notes.txt",
        "elsewhere/2025/10/23/20251023_040312_481999_0123456789ab_published.json",
    ):
        assert RecordKey.parse(destination, f"{prefix}{other}") is None


def test_who_runs_is_told_by_what_the_ci_system_sets() -> None:
    github = {"GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"}
    assert Actor.current(github).ci_run == "https://git.example/a/b/actions/runs/7"
    assert Actor.current({**github, "PUBLISHER_CI_RUN": "mine"}).ci_run == "mine"
    assert Actor.current({"CI_JOB_URL": "https://gitlab.example/1"}).ci_run == "https://gitlab.example/1"
    assert Actor.current({}).ci_run is None


def test_the_folder_is_a_table(store: MemoryStore, write_table: WriteTable, tmp_path: Path) -> None:
    with pytest.raises(GuardRefusal):
        publish(settings(write_table(["b"]), "20251001"), store)
    rollback_days(store, write_table)
    for key in store.list(DESTINATION.runs_prefix):
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.read_small(key, 1 << 20) or b"")
    page = (Path(__file__).parents[3] / "docs" / "records.md").read_text()
    query = page.split("```sql\n")[1].split("```")[0]
    assert "s3://bucket/prefix/runs/" in query
    rows = duckdb.sql(query.replace("s3://bucket/prefix", f"{tmp_path}/ids")).fetchall()
    assert [(row[1], row[2], row[3], row[7]) for row in rows] == [
        ("rollback", "rolled_back", "20251022", None),
        ("publish", "published", "20251023", None),
        ("publish", "refused", "20251001", "older_partition"),
        ("publish", "published", "20251022", None),
    ]


def rollback_days(store: MemoryStore, write_table: WriteTable) -> None:
    publish(settings(write_table(["b"]), "20251023"), store)
    rollback(store, DESTINATION, reason="INC-1")


def requests_of(client: Any) -> list[tuple[str, str]]:
    """Collects each request from now on: its operation, and the key or prefix it is about."""
    sent: list[tuple[str, str]] = []

    def note(params: Any, model: Any, **_: Any) -> None:
        sent.append((model.name, params.get("StartAfter") or params.get("Key") or params.get("Prefix") or ""))

    client.meta.events.register("provide-client-params.s3", note)
    return sent


def test_a_publish_over_a_healthy_active_asks_three_requests_more_whatever_the_history(
    bucket: Bucket, write_table: WriteTable, clock: Clock
) -> None:
    begin = datetime.now(timezone.utc) - timedelta(days=9)
    for day in range(9):
        key = RecordKey.make(DESTINATION, begin + timedelta(days=day), f"{day:012x}", "refused")
        bucket.client.put_object(Bucket=bucket.name, Key=key.key, Body=b"{}")
    client = bucket.client
    store = S3Store(bucket.name, client=client)
    first = publish(settings(write_table(["a"]), "20251021"), store, now=clock)
    sent = requests_of(client)
    publish(settings(write_table(["a", "b"])), store, now=clock)
    (listed, begun_at), *written = [(name, about) for name, about in sent if "runs/" in about]
    # From active's own record on: what is older is not even listed.
    assert (listed, begun_at) == ("ListObjectsV2", first.metadata.record)
    assert [name for name, _ in written] == ["PutObject", "PutObject"]


def test_history_reads_the_runs_and_counts_them(bucket: Bucket, write_table: WriteTable, clock: Clock) -> None:
    store = bucket.store
    for day in range(1, 5):
        publish(settings(write_table([str(day)]), f"2025102{day}"), store, now=clock)
    rollback(store, DESTINATION, reason="INC-1")
    found = history(store, DESTINATION, 3)
    assert [(run.command, run.outcome, run.source_partition) for run in found.runs] == [
        ("rollback", "rolled_back", "20251023"),
        ("publish", "published", "20251024"),
        ("publish", "published", "20251023"),
    ]
    assert not found.is_whole
    assert [entry.state for entry in found.staged] == ["promoted", "active", "promoted"]
    everything = history(store, DESTINATION, 20)
    assert (len(everything.runs), len(everything.staged), everything.is_whole) == (5, 4, True)
    assert history(store, DESTINATION, 20, datetime.now(timezone.utc) + timedelta(days=1)).runs == ()


def test_what_was_active_stays_promoted_after_a_rollback_and_a_publish(
    store: MemoryStore, write_table: WriteTable, clock: Clock
) -> None:
    publish(settings(write_table(["b"]), "20251023"), store, now=clock)
    rollback(store, DESTINATION, hold=False)
    publish(settings(write_table(["c"]), "20251023"), store, now=clock)
    assert [entry.state for entry in history(store, DESTINATION, 20).staged] == ["active", "promoted", "promoted"]


def test_a_store_that_does_not_answer_gets_no_record_and_no_second_wait(write_table: WriteTable) -> None:
    asked = []

    def unreachable(_: Any, *arguments: Any) -> Any:
        asked.append(arguments)
        raise StoreFailed("no answer", "look at the network") from OSError("connection refused")

    with pytest.raises(StoreFailed, match="no answer"):
        publish(settings(write_table(["a"])), Between(MemoryStore(), head=unreachable, create=unreachable))
    assert len(asked) == 1


def test_a_bucket_that_is_not_there_is_not_made_by_a_record(seaweed: Endpoint, write_table: WriteTable) -> None:
    name = f"nowhere-{uuid.uuid4().hex[:12]}"
    store = S3Store(name, client=seaweed.client())
    for attempt in (
        lambda: publish(settings(write_table(["a"])), store),
        lambda: rollback(store, DESTINATION),
    ):
        with pytest.raises(StoreFailed, match="does not exist"):
            attempt()
    assert name not in {bucket["Name"] for bucket in seaweed.client().list_buckets()["Buckets"]}


def test_a_copy_that_landed_after_its_answer_was_given_up_is_recognised(
    store: MemoryStore, write_table: WriteTable
) -> None:
    late: list[Any] = []

    def copy(copy: Any, source: str, source_etag: str, destination: str, *rest: Any) -> str:
        if destination == ACTIVE and not late:
            late.append((copy, (source, source_etag, destination, *rest)))
            raise PreconditionFailed(destination)  # the client's second try, while the first one is still under way
        etag: str = copy(source, source_etag, destination, *rest)
        return etag

    def head(head: Any, key: str) -> Any:
        found = head(key)
        if key == ACTIVE and len(late) == 1:  # it lands right after the look that followed
            do, arguments = late[0]
            late.append(do(*arguments))
        return found

    report = publish(settings(write_table(["b"]), "20251023"), Between(store, copy=copy, head=head))
    assert active_content(store) == b"b"
    assert report.metadata.replaces != report.staged_key
    assert outcomes(store)[2:] == ["intended", "published"]


def test_a_staged_file_that_is_replaced_after_it_was_read_back_ends_as_integrity(
    store: MemoryStore, write_table: WriteTable
) -> None:
    def copy(copy: Any, source: str, source_etag: str, destination: str, *rest: Any) -> str:
        if destination == ACTIVE:
            store.remove([(source, None)])
        etag: str = copy(source, source_etag, destination, *rest)
        return etag

    with pytest.raises(IntegrityError, match="replaced or removed after it was read back"):
        publish(settings(write_table(["b"]), "20251023"), Between(store, copy=copy))


def test_once_active_is_new_a_look_that_fails_is_a_warning(store: MemoryStore, write_table: WriteTable) -> None:
    copied = []

    def copy(copy: Any, source: str, source_etag: str, destination: str, *rest: Any) -> str:
        etag: str = copy(source, source_etag, destination, *rest)
        copied.append(destination == ACTIVE)
        return etag

    def head(head: Any, key: str) -> Any:
        if any(copied):
            raise StoreFailed("timed out", "look at the network")
        return head(key)

    report = publish(settings(write_table(["b"]), "20251023"), Between(store, copy=copy, head=head))
    assert active_content(store) == b"b"
    assert [text for text in report.warnings if "could not be looked at" in text]
    assert outcomes(store)[-1] == "published"


@pytest.mark.parametrize("at", [datetime(2999, 1, 1, tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc)])
def test_a_record_of_the_far_future_moves_no_other_there(
    at: datetime, store: MemoryStore, write_table: WriteTable, clock: Clock
) -> None:
    key = RecordKey.make(DESTINATION, at, "0" * 12, "refused").key
    store.create(key, io.BytesIO(b"{}"), hashlib.sha256(b"{}").hexdigest(), {})
    for partition in ("20251023", "20251024"):
        published = publish(settings(write_table(HUNDRED), partition), store, now=clock)
        assert published.metadata.record is not None
        assert published.metadata.record < key
    assert status(store, DESTINATION).doubts == ()


def test_a_record_that_somebody_else_wrote_crashes_nothing(store: MemoryStore) -> None:
    key = RecordKey.make(DESTINATION, datetime.now(timezone.utc) + timedelta(minutes=1), "0" * 12, "published")
    staged = next(iter(store.list(DESTINATION.stage_prefix)))
    said = {"run_id": "x", "recorded_at": "yesterday", "command": "?", "outcome": "published", "staged_key": staged}
    body = json.dumps(said).encode()
    store.create(key.key, io.BytesIO(body), hashlib.sha256(body).hexdigest(), {})
    assert history(store, DESTINATION, 5).runs[0].moment is None
    assert status(store, DESTINATION).doubts
