"""Breaks active as people do, and gets home by the runbook's own commands, as they are written there."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import signal
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from publisher import holding
from publisher.aws import clients
from publisher.cli import main
from publisher.errors import GuardRefusal, IntegrityError, StoreFailed, UsageError
from publisher.guards.limits import Limits
from publisher.history import history
from publisher.prune.age import prune
from publisher.publish import Published, publish
from publisher.records.keys import RecordKey
from publisher.rollback import rollback
from publisher.status import status
from publisher.store.hold import current_hold, release_hold
from publisher.store.protocol import PreconditionFailed
from publisher.store.s3 import S3Store
from publisher.verify import verify
from tests.conftest import Bucket, WriteTable
from tests.memory_store import MemoryStore
from tests.publisher.publishing import ACTIVE, DESTINATION, Between, Clock, active_content, promotion_ends, settings

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"


@dataclass(frozen=True)
class Drill:
    """What somebody does to a destination, and which section of the runbook is for it.

    Attributes:
        section: Its heading.
        breaks: Does the damage.
        code: What `publisher status` ends with afterwards.
        home: The day that is active after the runbook's commands.
    """

    section: str
    breaks: Callable[[Bucket], None]
    code: int
    home: int = 3


def _delete(bucket: Bucket) -> None:
    bucket.client.delete_object(Bucket=bucket.name, Key=ACTIVE)


def _strip(bucket: Bucket) -> None:
    source = {"Bucket": bucket.name, "Key": ACTIVE}
    bucket.client.copy_object(
        Bucket=bucket.name, Key=ACTIVE, CopySource=source, MetadataDirective="REPLACE", Metadata={}
    )


def _foreign(bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=ACTIVE, Body=b"hello")


def _flip(bucket: Bucket) -> None:
    content, texts = bucket.get(ACTIVE)
    flipped = bytearray(content)
    flipped[len(flipped) // 2] ^= 1
    bucket.client.put_object(Bucket=bucket.name, Key=ACTIVE, Body=bytes(flipped), Metadata=texts)


def _staged(bucket: Bucket) -> list[str]:
    return [key for key in bucket.data_keys() if "/stage/" in key and key.endswith(".txt.gz")]


def _older(bucket: Bucket) -> None:
    source = {"Bucket": bucket.name, "Key": _staged(bucket)[0]}
    bucket.client.copy_object(Bucket=bucket.name, Key=ACTIVE, CopySource=source)


def _forge(bucket: Bucket) -> None:
    """Other bytes under the metadata of what was promoted."""
    content, _ = bucket.get(_staged(bucket)[0])
    _, texts = bucket.get(ACTIVE)
    bucket.client.put_object(Bucket=bucket.name, Key=ACTIVE, Body=content, Metadata=texts)


def _roll_back_and_forth(bucket: Bucket) -> None:
    bad = _staged(bucket)[-1]
    rollback(bucket.store, DESTINATION, reason="INC-1: bad")
    with pytest.raises(UsageError, match="rolled back to already"):
        rollback(bucket.store, DESTINATION, reason="INC-1: a second operator")
    rollback(bucket.store, DESTINATION, bad, reason="by mistake")


def _rubbish_hold(bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=DESTINATION.hold_key, Body=b"[" * 5_000_000)


DRILLS = {
    "delete": Drill("Active was deleted", _delete, 5),
    "strip": Drill("Active lost its metadata, or is another program's file", _strip, 4),
    "foreign": Drill("Active lost its metadata, or is another program's file", _foreign, 4),
    "flip": Drill("Active's bytes are damaged", _flip, 4),
    "replace": Drill("Active is an older file, or one that was never promoted", _older, 4),
    "forge": Drill("Active's bytes are damaged", _forge, 4),
    "roll back twice": Drill("The bad file came back", _roll_back_and_forth, 0, home=2),
    "hold with rubbish": Drill("The hold cannot be read", _rubbish_hold, 0),
}


def commands(section: str) -> list[str]:
    """Returns the commands of a section of the runbook, as they are written."""
    text = RUNBOOK.read_text().split(f"\n### {section}\n")[1]
    text = re.split(r"\n##+ ", text)[0]
    return [line.removeprefix("$ ") for line in re.findall(r"^\$ .*", text, re.MULTILINE)]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


def run(bucket: Bucket, command: str) -> Ended:
    """Runs a command as a shell would, but within this process, which takes a fraction of the time."""
    words = shlex.split(command)
    assert words[0] == "publisher"
    stdout, stderr, handlers = io.StringIO(), io.StringIO(), (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(handler) for handler in handlers]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr):
        for name, value in bucket.endpoint.environment().items():
            patch.setenv(name, value)
        patch.setenv("PUBLISHER_TO", f"s3://{bucket.name}/ids")
        clients.forget_session()
        with pytest.raises(SystemExit) as ended:
            main(words[1:])
    for handler, was in zip(handlers, before, strict=True):
        signal.signal(handler, was)
    return Ended(int(ended.value.code or 0), stdout.getvalue(), stderr.getvalue())


def day(bucket: Bucket, write_table: WriteTable, clock: Clock, number: int) -> Published:
    ids = [f"{id_:04}" for id_ in range(number, 200)]
    return publish(settings(write_table(ids), f"2025102{number}", limits=Limits()), bucket.store, now=clock)


@pytest.mark.parametrize("name", DRILLS)
def test_the_runbook_leads_home(name: str, bucket: Bucket, write_table: WriteTable) -> None:
    drill, clock = DRILLS[name], Clock()
    days = {number: day(bucket, write_table, clock, number) for number in (1, 2, 3)}
    drill.breaks(bucket)
    shown = run(bucket, "publisher status --json")
    assert shown.code == drill.code, shown
    # Until somebody comes, nothing wrong is promoted: neither an older day, nor one that is out of bounds.
    for partition, ids in (("20251022", 200), ("20251024", 5)):
        with pytest.raises(GuardRefusal):
            table = write_table([f"{id_:04}" for id_ in range(ids)])
            publish(settings(table, partition, limits=Limits()), bucket.store, now=clock)
    written = commands(drill.section)
    assert written
    for command in written:
        ended = run(bucket, command.replace("GOOD_KEY", f"s3://{bucket.name}/{days[2].staged_key}"))
        expected = drill.code if command == "publisher status" else 0
        assert ended.code == expected, (command, ended.stdout, ended.stderr)
    assert run(bucket, "publisher status").code == 0
    assert verify(bucket.store, DESTINATION).differences == ()
    assert bucket.get(ACTIVE)[0] == bucket.get(days[drill.home].staged_key)[0]
    assert current_hold(bucket.store, DESTINATION) is None
    report = day(bucket, write_table, clock, 4)
    assert report.warnings == ()
    assert report.metadata.replaces == days[drill.home].staged_key
    assert run(bucket, "publisher verify").code == 0


def test_every_section_about_a_broken_active_has_a_drill() -> None:
    part = RUNBOOK.read_text().split("\n## Active is not right\n")[1].split("\n## ")[0]
    sections = set(re.findall(r"^### (.*)", part, re.MULTILINE))
    assert sections - {drill.section for drill in DRILLS.values()} == {"A run was killed"}  # tested by real kills


@pytest.fixture
def store(write_table: WriteTable, clock: Clock) -> MemoryStore:
    store = MemoryStore()
    for number in (1, 2, 3):
        publish(settings(write_table([f"{number}"]), f"2025102{number}"), store, now=clock)
    return store


def staged(store: MemoryStore) -> list[str]:
    return sorted(key for key in store.data if "/stage/" in key and key.endswith(".txt.gz"))


def test_a_rollback_of_which_nobody_knows_whether_it_happened_keeps_its_hold(store: MemoryStore) -> None:
    happened = []

    def copy(copy: Any, source: str, source_etag: str, destination: str, *rest: Any) -> str:
        etag: str = copy(source, source_etag, destination, *rest)
        if destination == ACTIVE:
            happened.append(etag)
            raise StoreFailed("timed out", "run again")
        return etag

    def head(head: Any, key: str) -> Any:
        if happened and key == ACTIVE:
            raise StoreFailed("timed out", "run again")
        return head(key)

    with pytest.raises(StoreFailed) as raised:
        rollback(Between(store, copy=copy, head=head), DESTINATION, reason="INC-1")
    assert "not known" in raised.value.hint
    assert active_content(store) == b"2"
    hold = current_hold(store, DESTINATION)
    assert hold is not None
    assert hold.reason == "INC-1"


@pytest.mark.parametrize("failure", [StoreFailed("500", "run again"), KeyboardInterrupt()])
def test_a_rollback_that_may_land_later_keeps_its_hold_too(failure: BaseException, store: MemoryStore) -> None:
    with pytest.raises(type(failure)):
        rollback(promotion_ends(store, failure), DESTINATION, reason="INC-1")
    assert current_hold(store, DESTINATION) is not None


def test_a_rollback_that_certainly_did_not_happen_releases_its_hold(store: MemoryStore) -> None:
    with pytest.raises(Exception, match="promoted twice"):
        rollback(promotion_ends(store, PreconditionFailed(ACTIVE)), DESTINATION, reason="INC-1")
    assert current_hold(store, DESTINATION) is None


def test_a_file_that_a_guard_refused_takes_force(store: MemoryStore, write_table: WriteTable, clock: Clock) -> None:
    def hold_meanwhile(read: Any, key: str, etag: str) -> Any:
        if "stage/" in key and current_hold(store, DESTINATION) is None:
            holding.hold(store, DESTINATION, "INC-2", None)
        return read(key, etag)

    with pytest.raises(GuardRefusal):
        publish(settings(write_table(["4"]), "20251024"), Between(store, read=hold_meanwhile), now=clock)
    release_hold(store, DESTINATION)
    refused = staged(store)[-1]
    with pytest.raises(UsageError, match=r"A guard refused .*hold: .*INC-2") as raised:
        rollback(store, DESTINATION, refused)
    assert "--force" in raised.value.hint
    assert active_content(store) == b"3"
    rollback(store, DESTINATION, refused, force=True)
    assert active_content(store) == b"4"
    assert history(store, DESTINATION, 1).runs[0].forced is True


def test_an_overrule_stays_in_the_metadata_of_what_is_rolled_back_to(
    store: MemoryStore, write_table: WriteTable, clock: Clock
) -> None:
    overrule = frozenset({"too_few_ids"})
    publish(settings(write_table(["5"]), "20251024", overrule=overrule, limits=Limits(1, 100, 100)), store, now=clock)
    publish(settings(write_table(["5", "6"]), "20251025"), store, now=clock)
    publish(settings(write_table([]), "20251025", overrule=frozenset({"no_ids"})), store, now=clock)
    publish(settings(write_table(["7"]), "20251026"), store, now=clock)
    assert rollback(store, DESTINATION, hold=False).active.metadata.overruled == "no_ids,older_partition"


def test_who_overruled_what_and_why_is_on_record(bucket: Bucket, write_table: WriteTable, clock: Clock) -> None:
    day(bucket, write_table, clock, 1)
    table = f"--table parquet:{write_table(['0001'])} --source-partition 20251022"
    overrules = "--overrule too_few_ids --overrule too_many_removed --reason 'INC-9: a small day'"
    assert run(bucket, f"publisher publish {table}").code == 3
    assert run(bucket, f"publisher publish {table} {overrules}").code == 0
    record = history(bucket.store, DESTINATION, 1).runs[0]
    assert (record.overruled, record.reason) == ("too_few_ids,too_many_removed", "INC-9: a small day")
    assert record.user_name
    assert run(bucket, f"publisher publish {table} --reason ' '").code == 2


def test_a_staged_file_is_taken_as_commands_print_it(store: MemoryStore) -> None:
    done = rollback(store, DESTINATION, DESTINATION.url(staged(store)[0]))
    assert done.active.metadata.source_partition == "20251021"
    with pytest.raises(UsageError):
        rollback(store, DESTINATION, f"s3://elsewhere/{staged(store)[0]}")


def test_a_rollback_to_a_damaged_copy_is_refused_also_where_active_is_gone(store: MemoryStore) -> None:
    last = staged(store)[-1]
    kept = store._objects[last]
    store._objects[last] = type(kept)(kept.content[:-1] + b"x", kept.texts, kept.at)
    del store._objects[ACTIVE]
    with pytest.raises(IntegrityError):
        rollback(store, DESTINATION)
    assert ACTIVE not in store.data


def test_a_hold_where_nothing_was_ever_published_warns(bucket: Bucket) -> None:
    ended = run(bucket, "publisher hold --reason INC-1")
    assert ended.code == 0
    assert f"nothing was ever published to s3://{bucket.name}/ids/" in ended.stderr
    shown = run(bucket, "publisher status")
    assert shown.code == 5
    assert "PUBLISHING IS HELD" in shown.stdout
    assert "INC-1" in shown.stdout


def test_history_as_a_table_as_csv_and_as_json(bucket: Bucket, write_table: WriteTable, clock: Clock) -> None:
    day(bucket, write_table, clock, 2)
    with pytest.raises(GuardRefusal):
        day(bucket, write_table, clock, 1)
    names, refused, published, *_ = run(bucket, "publisher history").stdout.splitlines()
    assert names.split()[:4] == ["at", "command", "outcome", "partition"]
    assert "publish  refused    20251021" in refused
    assert "older_partition: Partition 20251021 is older than" in refused
    assert "publish  published  20251022   198" in published
    rows = list(csv.DictReader(io.StringIO(run(bucket, "publisher history --csv --since 2020-01-01").stdout)))
    assert [(row["outcome"], row["guard"], row["total_ids"]) for row in rows] == [
        ("refused", "older_partition", ""),
        ("published", "", "198"),
    ]
    said = json.loads(run(bucket, "publisher history --json --limit 1").stdout)
    assert ([one["outcome"] for one in said["runs"]], said["is_whole"]) == (["refused"], False)
    assert json.loads(run(bucket, "publisher history --json --since 2999-01-01").stdout)["runs"] == []
    assert run(bucket, "publisher history --csv --json").code == 2


def test_what_somebody_else_wrote_can_forge_no_line_and_clear_no_screen(
    bucket: Bucket, write_table: WriteTable, clock: Clock
) -> None:
    day(bucket, write_table, clock, 1)
    reason = "all is well\nPublishing is not held.\x1b[2J\x9b2J\u2028 \udce9"
    body = json.dumps({"reason": reason, "since": "now\r", "by": "ana\x07"}).encode()
    bucket.client.put_object(Bucket=bucket.name, Key=DESTINATION.hold_key, Body=body)
    table = f"--table parquet:{write_table(['a'])} --source-partition 20251022"
    texts = {"source_partition": "2025", "created_at": "20251022_000000"}
    forged = RecordKey.make(DESTINATION, datetime.now(timezone.utc) + timedelta(minutes=1), "0" * 12, "failed")
    record = {"run_id": "x", "recorded_at": "now\x1b[2J", "command": "x\ny", "outcome": "failed", "message": reason}
    bucket.client.put_object(Bucket=bucket.name, Key=forged.key, Body=json.dumps(record).encode())
    bucket.client.put_object(
        Bucket=bucket.name, Key=DESTINATION.stage_key("20251022_000000"), Body=b"x", Metadata=texts
    )
    for command in ("status", "status --json", f"publish {table}", f"publish {table} --json", "history", "release"):
        ended = run(bucket, f"publisher {command}")
        assert "all is well" in ended.stdout + ended.stderr
        for line in (ended.stdout + ended.stderr).split("\n"):
            assert line.isprintable(), (command, line)
            assert not line.startswith("Publishing is not held")


def test_status_answers_in_words_first(bucket: Bucket, write_table: WriteTable, clock: Clock) -> None:
    day(bucket, write_table, clock, 1)
    day(bucket, write_table, clock, 2)
    with pytest.raises(GuardRefusal):
        day(bucket, write_table, clock, 1)
    first, held, last, *_ = run(bucket, "publisher status").stdout.splitlines()
    assert re.fullmatch(
        r"198 ids of partition 20251022 are active \(\+0 added, -1 removed\), promoted \d+ seconds ago\.", first
    )
    assert held == "Publishing is not held."
    assert re.match(r"The last run, publish \d+ seconds ago by \S+, was refused by older_partition: Partition ", last)


def test_a_dry_run_writes_nothing_and_says_what_would_change(
    store: MemoryStore, write_table: WriteTable, clock: Clock
) -> None:
    before = dict(store._objects)
    report = publish(settings(write_table(["3", "4"]), "20251024", dry_run=True), store, now=clock)
    assert (report.is_dry_run, report.metadata.ids_added, report.metadata.ids_removed) == (True, 1, 0)
    with pytest.raises(GuardRefusal):
        publish(settings(write_table(["3"]), "20251021", dry_run=True), store, now=clock)
    assert store._objects == before


def test_a_dry_run_on_the_command_line(bucket: Bucket, write_table: WriteTable, clock: Clock) -> None:
    day(bucket, write_table, clock, 1)
    before = bucket.keys()
    table = write_table([f"{number:04}" for number in range(150)])
    ended = run(bucket, f"publisher publish --table parquet:{table} --source-partition 20251022 --dry-run --json")
    said = json.loads(ended.stdout)
    assert (ended.code, said["status"], said["staged_key"]) == (0, "would be published", None)
    assert (said["ids_added"], said["ids_removed"], said["previous"]["source_partition"]) == (1, 50, "20251021")
    assert bucket.keys() == before


def test_prune_keeps_what_a_rollback_needs_and_removes_the_rest(
    store: MemoryStore, write_table: WriteTable, clock: Clock
) -> None:
    for number in (4, 5, 6):
        publish(settings(write_table([f"{number}"]), f"2025102{number}"), store, now=clock)
    with pytest.raises(GuardRefusal):
        publish(settings(write_table(["1"]), "20251001"), store, now=clock)
    before = dict(store._objects)
    later = datetime.now(timezone.utc) + timedelta(days=400)
    would = prune(store, DESTINATION, 30, dry_run=True, now=lambda: later)
    assert store._objects == before
    assert len(would.staged) == 2  # of six: the last three promotions', and what the oldest of them replaced
    assert len(would.records) == 7  # two for each of three promotions, and the refusal's
    done = prune(store, DESTINATION, 30, now=lambda: later)
    assert set(before) - set(store._objects) == {*would.staged, *would.records} == {*done.staged, *done.records}
    assert rollback(store, DESTINATION, hold=False).active.metadata.source_partition == "20251025"
    assert status(store, DESTINATION).doubts == ()
    assert not prune(store, DESTINATION, 3000).staged
    assert [run.outcome for run in history(store, DESTINATION, 9).runs if run.command == "prune"] == ["pruned"]


def test_prune_removes_older_versions_too(bucket: Bucket, write_table: WriteTable, clock: Clock) -> None:
    client = bucket.client
    client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    for number in range(1, 7):
        day(bucket, write_table, clock, number)
    gone = _staged(bucket)[0]
    client.put_object(Bucket=bucket.name, Key=gone, Body=b"another version")
    done = prune(bucket.store, DESTINATION, 1, now=lambda: datetime.now(timezone.utc) + timedelta(days=9))
    assert gone in done.staged
    left = client.list_object_versions(Bucket=bucket.name, Prefix="ids/stage/")
    assert gone not in {found["Key"] for found in (*left["Versions"], *left.get("DeleteMarkers", []))}


def test_prune_says_when_it_may_not_see_versions(store: MemoryStore, write_table: WriteTable) -> None:
    said: list[str] = []

    def versions(_: Any, prefix: str) -> Any:
        raise StoreFailed("The store failed: AccessDenied.", "Grant it.")

    with pytest.raises(GuardRefusal):
        publish(settings(write_table(["1"]), "20251001"), store)
    later = datetime.now(timezone.utc) + timedelta(days=400)
    done = prune(Between(store, versions=versions), DESTINATION, 1, warn=said.append, now=lambda: later)
    assert len(done.records) == 1
    assert not set(done.records) & set(store._objects)
    assert any("older versions below ids/runs/ may not be seen" in text for text in said)


def test_prune_does_nothing_while_active_is_not_what_was_promoted(store: MemoryStore) -> None:
    store._objects[ACTIVE] = store._objects[staged(store)[0]]
    with pytest.raises(GuardRefusal) as raised:
        prune(store, DESTINATION, 1, now=lambda: datetime.now(timezone.utc) + timedelta(days=400))
    assert raised.value.guard == "active_differs"
    assert (last := history(store, DESTINATION, 1).runs[0]).command == "prune"
    assert (last.outcome, last.guard) == ("refused", "active_differs")


def test_a_copy_takes_no_rights_on_tags(bucket: Bucket, write_table: WriteTable, clock: Clock) -> None:
    client = bucket.client
    sent: list[Any] = []
    client.meta.events.register("provide-client-params.s3.CopyObject", lambda params, **_: sent.append(params))
    publish(settings(write_table(["a"])), S3Store(bucket.name, client=client), now=clock)
    assert sent
    assert all(params["TaggingDirective"] == "REPLACE" and "Tagging" not in params for params in sent)
