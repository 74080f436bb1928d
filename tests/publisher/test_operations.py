"""What the engineer at 3 a.m. types: status, history, rollback, hold, doctor."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from demo.seaweedfs import Endpoint
from publisher.doctor import Check, examine
from publisher.errors import Conflict, GuardRefusal, IntegrityError, PublisherError, StoreFailed, UsageError
from publisher.guards.limits import Limits
from publisher.history import History, history
from publisher.publish import publish
from publisher.rollback import rollback
from publisher.settings import parse_duration
from publisher.store.conditions import SwapMethod
from publisher.store.hold import current_hold, set_hold
from publisher.store.protocol import PreconditionFailed, Store, Swap
from publisher.store.s3 import S3Store
from publisher.values import StoredObject
from publisher.verify import verify
from tests.conftest import Bucket, WriteTable, new_bucket
from tests.in_parts import ignoring, uploads
from tests.memory_store import MemoryStore
from tests.publisher.aws.answering import answering, error
from tests.publisher.cli.test_cli import publish as publish_by_cli
from tests.publisher.cli.test_cli import run
from tests.publisher.publishing import ACTIVE, DESTINATION, Between, Clock, active_content, promotion_ends, settings

NOW = datetime(2025, 10, 23, 12, tzinfo=timezone.utc)
DAYS = {"20251021": ["a", "b"], "20251022": ["a", "b", "c"], "20251023": ["a", "b", "c", "d"]}


def three_days(store: Store, write_table: WriteTable, clock: Clock) -> list[str]:
    """Publishes three days and returns their staged keys."""
    return [publish(settings(write_table(ids), day), store, now=clock).staged_key for day, ids in DAYS.items()]


def states(store: Store) -> dict[str, str]:
    return {staged.stored.key: staged.state for staged in history(store, DESTINATION, 20).staged}


def test_history_tells_what_is_active_what_was_and_what_never(
    bucket: Bucket, write_table: WriteTable, clock: Clock
) -> None:
    one, two, three = three_days(bucket.store, write_table, clock)

    with pytest.raises(Conflict):
        publish(
            settings(write_table(["x"]), "20251024"),
            promotion_ends(bucket.store, PreconditionFailed(ACTIVE)),
            now=clock,
        )
    present = bucket.data_keys()
    never, note = sorted(set(present) - {ACTIVE, one, two, three}, reverse=True)
    assert note == DESTINATION.failure_key(never)
    found = states(bucket.store)
    assert found == {never: "never promoted", three: "active", two: "promoted", one: "promoted"}
    assert list(found) == sorted(found, reverse=True)
    newest = history(bucket.store, DESTINATION, 1).staged[0]
    assert newest.why is not None
    assert newest.why.startswith("Conflict: Somebody else promoted twice")
    assert len(history(bucket.store, DESTINATION, 2).staged) == 2


def test_history_follows_what_was_promoted_in_between(bucket: Bucket, write_table: WriteTable, clock: Clock) -> None:
    publish(settings(write_table(["a"]), "20251021"), bucket.store, now=clock)
    others = [settings(write_table(["a", "b"]), "20251022")]

    def overtaken(create: Any, key: str, *rest: Any) -> str:
        etag: str = create(key, *rest)
        if others:
            publish(others.pop(), bucket.store, now=clock)
        return etag

    ours = settings(write_table(["a", "b", "c"]), "20251023")
    publish(ours, Between(bucket.store, create=overtaken), now=clock)
    publish(settings(write_table(["a", "b", "c", "d"]), "20251024"), bucket.store, now=clock)
    assert list(states(bucket.store).values()).count("promoted") == 3


def test_history_of_nothing() -> None:
    assert history(MemoryStore(), DESTINATION, 20) == History((), (), is_whole=True)


def test_a_rollback_goes_to_what_was_active_before_and_holds(
    bucket: Bucket, write_table: WriteTable, clock: Clock
) -> None:
    one, two, three = three_days(bucket.store, write_table, clock)
    done = rollback(bucket.store, DESTINATION, None, reason="INC-1")
    assert gzip.decompress(bucket.get(ACTIVE)[0]) == b"a\nb\nc"
    assert verify(bucket.store, DESTINATION).differences == ()
    said = done.active.metadata
    assert (said.staged_key, said.source_partition, said.overruled) == (two, "20251022", "older_partition")
    assert done.previous is not None
    assert (done.previous.metadata.staged_key, done.is_held) == (three, True)
    assert states(bucket.store) == {three: "promoted", two: "active", one: "promoted"}
    with pytest.raises(GuardRefusal, match="INC-1") as raised:
        publish(settings(write_table(["a", "b", "c", "d", "e"]), "20251024"), bucket.store, now=clock)
    assert raised.value.guard == "hold"


def test_a_rollback_to_a_named_file_without_a_hold(write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()
    one, _, three = three_days(store, write_table, clock)
    assert not rollback(store, DESTINATION, one, hold=False).is_held
    assert active_content(store) == b"a\nb"
    forward = rollback(store, DESTINATION, three, hold=False)
    assert forward.active.metadata.overruled is None  # to a newer partition nothing is overruled
    publish(settings(write_table(["a", "b"]), "20251024"), store, now=clock)


def test_a_rollback_keeps_a_hold_that_was_set_before(write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()
    three_days(store, write_table, clock)
    set_hold(store, DESTINATION, "earlier", "ana", NOW)
    assert rollback(store, DESTINATION, None, reason="later").is_held
    assert current_hold(store, DESTINATION).reason == "earlier"  # type: ignore[union-attr]


def test_a_damaged_staged_file_is_not_rolled_back_to(bucket: Bucket, write_table: WriteTable, clock: Clock) -> None:
    one, _, _ = three_days(bucket.store, write_table, clock)
    compressed, texts = bucket.get(one)
    bucket.client.put_object(Bucket=bucket.name, Key=one, Body=compressed[:-1], Metadata=texts)
    before = bucket.get(ACTIVE)
    with pytest.raises(IntegrityError, match="is damaged"):
        rollback(bucket.store, DESTINATION, one, reason="x")
    assert bucket.get(ACTIVE) == before
    assert current_hold(bucket.store, DESTINATION) is None


@pytest.mark.parametrize("key", ["ids/stage/stage_20200101_000000.txt.gz", "elsewhere/x", ACTIVE, "THREE", None])
def test_a_rollback_to_nowhere_is_a_usage_error(key: str | None, write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()
    if key is None:
        publish(settings(write_table(["a"])), store, now=clock)  # the first file replaces nothing
    else:
        three = three_days(store, write_table, clock)[-1]
        key = three if key == "THREE" else key
    before = store.data
    with pytest.raises(UsageError) as raised:
        rollback(store, DESTINATION, key, reason="x")
    assert "publisher history" in raised.value.hint
    assert store.data == before


def test_a_rollback_without_an_active_file() -> None:
    with pytest.raises(PublisherError) as raised:
        rollback(MemoryStore(), DESTINATION, None, reason="x")
    assert raised.value.exit_code == 5


def test_a_rollback_that_fails_releases_its_hold(write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()
    three_days(store, write_table, clock)

    with pytest.raises(Conflict):
        rollback(promotion_ends(store, PreconditionFailed(ACTIVE)), DESTINATION, None, reason="x")
    assert current_hold(store, DESTINATION) is None
    assert active_content(store) == b"a\nb\nc\nd"


def test_equal_bytes_with_a_newer_partition_are_noticed_before_the_copy(
    bucket: Bucket, write_table: WriteTable, clock: Clock
) -> None:
    # Both files have one ETag, so the condition of the copy cannot tell them apart.
    publish(settings(write_table(["a"]), "20251021"), bucket.store, now=clock)

    def overtaken(create: Any, key: str, *rest: Any) -> str:
        etag: str = create(key, *rest)
        publish(settings(write_table(["a"]), "20251023"), bucket.store, now=clock)
        return etag

    with pytest.raises(GuardRefusal) as raised:
        publish(settings(write_table(["b"]), "20251022"), Between(bucket.store, create=overtaken), now=clock)
    assert raised.value.guard == "older_partition"
    assert bucket.get(ACTIVE)[1]["source_partition"] == "20251023"


def checks(store: Store, target_path: Path | None = None) -> dict[str, Check]:
    found = examine(store, DESTINATION, target_path, "int_matched_ids", lambda: datetime.now(timezone.utc))
    return {check.name: check for check in found}


def test_a_good_store_passes_and_keeps_nothing(any_bucket: Bucket) -> None:
    for _ in range(2):
        found = checks(any_bucket.store)
        assert [check for check in found.values() if not check.passed] == []
        assert len(found) == 14
        assert "honoured by CopyObject" in found["condition on a copy's destination"].detail
    assert any_bucket.data_keys() == []
    assert uploads(any_bucket) == []


def test_doctor_tells_that_a_store_takes_parts_only(moto: Endpoint) -> None:
    bucket = new_bucket(moto)
    found = checks(S3Store(bucket.name, client=ignoring(bucket.client, SwapMethod.COPY)))
    assert [check for check in found.values() if not check.passed] == []
    assert "ignored by CopyObject, honoured by Comp" in found["condition on a copy's destination"].detail
    assert "CompleteMultipartUpload replaces exactly" in found["compare-and-swap"].detail
    assert bucket.keys() == []


def test_doctor_tells_what_becomes_of_larger_files(any_bucket: Bucket) -> None:
    found = checks(S3Store(any_bucket.name, client=ignoring(any_bucket.client, SwapMethod.PARTS)))
    assert [check for check in found.values() if not check.passed] == []
    assert "more than 5,368,709,120 bytes will be refused" in found["files beyond one copy"].detail
    assert "5,368,709,120 bytes" in checks(any_bucket.store)["files beyond one copy"].detail


def test_a_store_without_multipart_uploads_is_fit_for_other_files() -> None:
    def lacking(*_: Any) -> Any:
        raise StoreFailed("The store failed while copying: NotImplemented.", "use another")

    found = checks(Between(MemoryStore(), copy_in_parts=lacking))
    assert [check for check in found.values() if not check.passed] == []
    assert "will be refused: The store failed" in found["files beyond one copy"].detail


def racing(store: MemoryStore) -> Store:
    """A store that looks at the conditions of a copy, and replaces the object a moment later."""

    def copy(method: Any, source: str, source_etag: str, destination: str, expected: Any, texts: Any) -> str:
        found = store.head(destination)
        if (found.etag if found else None) != expected:
            raise PreconditionFailed(destination)
        time.sleep(0.02)
        found = store.head(destination)
        etag: str = method(source, source_etag, destination, found.etag if found else None, texts)
        return etag

    return Between(store, copy=copy)


def ignoring_destination(store: MemoryStore) -> Store:
    def copy(method: Any, source: str, source_etag: str, destination: str, _expected: Any, texts: Any) -> str:
        found = store.head(destination)
        etag: str = method(source, source_etag, destination, found.etag if found else None, texts)
        return etag

    @contextmanager
    def copy_in_parts(method: Any, source: str, source_etag: str, destination: str, texts: Any) -> Iterator[Swap]:
        found = store.head(destination)
        with method(source, source_etag, destination, texts) as swap:
            yield lambda _expected: swap(found.etag if found else None)

    return Between(store, copy=copy, copy_in_parts=copy_in_parts)


def ignoring_create_only(store: MemoryStore) -> Store:
    def create(method: Any, key: str, *rest: Any) -> str:
        store._objects.pop(key, None)
        etag: str = method(key, *rest)
        return etag

    return Between(store, create=create)


def ignoring_checksums(store: MemoryStore) -> Store:
    def create(method: Any, key: str, body: BinaryIO, _sha256: str, texts: Mapping[str, str]) -> str:
        content = body.read()
        etag: str = method(key, io.BytesIO(content), hashlib.sha256(content).hexdigest(), texts)
        return etag

    return Between(store, create=create)


@pytest.mark.parametrize(
    ("careless", "failing"),
    [
        (ignoring_destination, {"condition on a copy's destination", "compare-and-swap at once"}),
        (racing, {"compare-and-swap at once"}),
        (ignoring_create_only, {"create once only"}),
        (ignoring_checksums, set()),  # a publish reads back and compares all that it wrote
    ],
)
def test_a_careless_store_is_found_out(careless: Any, failing: set[str]) -> None:
    found = checks(careless(MemoryStore()))
    assert {name for name, check in found.items() if not check.passed} == failing
    assert all(check.exit_code == 7 and check.fix for check in found.values() if not check.passed)


def ignoring_read_conditions(store: MemoryStore) -> Store:
    def read(method: Any, key: str, _etag: str) -> Any:
        found = store.head(key)
        return method(key, found.etag if found else "")

    return Between(store, read=read)


def ignoring_the_source(store: MemoryStore) -> Store:
    def copy(method: Any, source: str, _source_etag: str, *rest: Any) -> str:
        found = store.head(source)
        etag: str = method(source, found.etag if found else "", *rest)
        return etag

    return Between(store, copy=copy)


@pytest.mark.parametrize(
    ("careless", "failing", "told"),
    [
        (ignoring_destination, "condition on a copy's destination", "a condition on a copy's destination"),
        (ignoring_create_only, "create once only", "If-None-Match when writing"),
        (ignoring_read_conditions, "read one version", "If-Match when reading"),
        (ignoring_the_source, "condition on a copy's source", "a condition on a copy's source"),
    ],
)
def test_what_doctor_refuses_no_publish_passes_without_a_word(
    careless: Any, failing: str, told: str, write_table: WriteTable
) -> None:
    assert not checks(careless(MemoryStore()))[failing].passed
    kept = MemoryStore()
    publish(settings(write_table(["a"])), kept)
    for store in (MemoryStore(), kept):
        with pytest.raises(StoreFailed, match=f"The store ignores {told}"):
            publish(settings(write_table(["a", "b"])), careless(store))
    assert active_content(kept) == b"a"


def test_a_store_that_tells_other_metadata_than_was_written_gets_no_publish(write_table: WriteTable) -> None:
    def head(method: Any, key: str) -> StoredObject | None:
        found = method(key)
        return replace(found, texts={k: v for k, v in found.texts.items() if "_" not in k}) if found else None

    store = Between(MemoryStore(), head=head)
    with pytest.raises(IntegrityError, match="metadata of the staged file") as raised:
        publish(settings(write_table(["a"])), store)
    assert "underscores_in_headers" in raised.value.hint
    assert not checks(store)["create an object"].passed


def test_a_clock_that_is_off_is_found_out() -> None:
    later = examine(
        MemoryStore(), DESTINATION, None, "int_matched_ids", lambda: datetime.now(timezone.utc) + timedelta(minutes=6)
    )
    (failed,) = [check for check in later if not check.passed]
    assert failed.name == "clock"


def test_doctor_reads_the_clock_of_a_store_that_refuses_everything_because_of_it() -> None:
    date = format_datetime(datetime.now(timezone.utc) - timedelta(hours=2), usegmt=True)
    with answering(403, error("RequestTimeTooSkewed"), {"date": date}) as url:
        found = checks(S3Store("ids", client=Endpoint(url, "A", "B").client(attempts=1)))
    assert re.search(r"RequestTimeTooSkewed, the clocks differ by 7,[12]\d\d s", found["bucket and credentials"].detail)
    assert re.search(r"differ by 7,[12]\d\d s", found["clock"].detail)
    assert "NTP" in (found["clock"].fix or "")
    assert found["list"].fix == "Mend what failed above."


def test_a_missing_table_is_found_out(tmp_path: Path) -> None:
    failed = checks(MemoryStore(), tmp_path)["dbt's artifacts and tables"]
    assert (failed.passed, failed.exit_code) == (False, 5)


def test_doctor_on_the_command_line(bucket: Bucket, tmp_path: Path) -> None:
    ended = run(bucket, "doctor", "--target-path", str(tmp_path), "--json")
    report = json.loads(ended.stdout)
    assert (ended.returncode, report["status"]) == (5, "failed")
    assert [check["name"] for check in report["checks"] if not check["passed"]] == ["dbt's artifacts and tables"]
    shown = run(bucket, "doctor", "--target-path", str(tmp_path), AWS_SECRET_ACCESS_KEY="wrong")
    assert shown.returncode == 7
    assert shown.stdout.count("FAILED") >= 13
    assert "credentials" in shown.stdout


def test_operations_on_the_command_line(bucket: Bucket, write_table: WriteTable) -> None:
    publish_by_cli(bucket, write_table(["a", "b"]))
    publish_by_cli(bucket, write_table(["a", "b", "c"]))
    listed = json.loads(run(bucket, "history", "--json").stdout)["staged"]
    assert [file["state"] for file in listed] == ["active", "promoted"]
    assert listed[1]["key"] in run(bucket, "history").stdout
    done = json.loads(run(bucket, "rollback", "--reason", "INC-1", "--json").stdout)
    assert (done["status"], done["staged_key"], done["is_held"]) == ("rolled back", listed[1]["key"], True)
    assert json.loads(run(bucket, "status", "--json").stdout)["hold"]["reason"] == "INC-1"
    run(bucket, "release")
    shown = run(bucket, "rollback", "--to-staged", listed[0]["key"], "--no-hold")
    assert "publishing is held  no" in shown.stdout
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == b"a\nb\nc"


def test_a_consumer_pulls_on_the_command_line(bucket: Bucket, write_table: WriteTable, tmp_path: Path) -> None:
    target = tmp_path / "ids.txt.gz"
    assert run(bucket, "pull", str(target)).returncode == 5
    publish_by_cli(bucket, write_table(["a", "b"]))
    first = json.loads(run(bucket, "pull", str(target), "--json").stdout)
    assert (first["status"], first["total_ids"], first["source_partition"]) == ("updated", 2, "20251022")
    assert gzip.decompress(target.read_bytes()) == b"a\nb"
    assert "unchanged" in run(bucket, "pull", str(target)).stdout
    assert run(bucket, "pull", str(target), "--max-age", "0s").returncode == 3
    assert run(bucket, "pull", str(tmp_path / "nowhere" / "x")).returncode == 2


def test_a_monitor_is_told_by_the_exit_code_that_active_is_stale(bucket: Bucket, write_table: WriteTable) -> None:
    assert run(bucket, "status", "--max-age", "26h").returncode == 5
    publish_by_cli(bucket, write_table(["a"]))
    assert run(bucket, "status", "--max-age", "26h").returncode == 0
    stale = run(bucket, "status", "--max-age", "0s", "--json")
    assert (stale.returncode, json.loads(stale.stdout)["status"]) == (3, "stale")
    assert json.loads(stale.stdout)["source_partition"] == "20251022"
    assert "ago" in stale.stderr
    assert run(bucket, "status", "--max-age", "yesterday").returncode == 2


@pytest.mark.parametrize(("text", "hours"), [("26h", 26), ("2d", 48), ("90m", 1.5), ("3600s", 1)])
def test_durations(text: str, hours: float) -> None:
    assert parse_duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "h", "1", "1.5h", "-1h", "1 h", "1w", "9999999999s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError):
        parse_duration(text)


def test_the_default_limits_let_a_rollback_s_next_publish_pass(write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()
    three_days(store, write_table, clock)
    rollback(store, DESTINATION, None, hold=False)
    publish(settings(write_table(["a", "b", "c", "d"]), "20251023", limits=Limits()), store, now=clock)


def test_two_doctors_at_once_do_not_meet(bucket: Bucket) -> None:
    def examined(_: int) -> list[str]:
        checks = examine(bucket.store, DESTINATION, None, "", lambda: datetime.now(timezone.utc))
        return [f"{check.name}: {check.detail}" for check in checks if not check.passed]

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(examined, range(3))) == [[], [], []]
    assert bucket.keys() == []


def test_doctor_sweeps_what_killed_ones_left_and_nothing_younger() -> None:
    store = MemoryStore()
    for name, age in (("old-one", timedelta(hours=2)), ("new-one", timedelta(minutes=2))):
        body = name.encode()
        store.create(f"ids/doctor/{name}", io.BytesIO(body), hashlib.sha256(body).hexdigest(), {})
        kept = store._objects[f"ids/doctor/{name}"]
        store._objects[f"ids/doctor/{name}"] = replace(kept, at=kept.at - age)
    assert all(check.passed for check in examine(store, DESTINATION, None, "", lambda: datetime.now(timezone.utc)))
    assert list(store._objects) == ["ids/doctor/new-one"]
