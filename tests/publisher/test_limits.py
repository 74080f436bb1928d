"""The guards that look at what is active, the hold, and how each of them is overruled once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from publisher import guards
from publisher.errors import Conflict, GuardRefusal, SourceNotReady, UsageError
from publisher.guards.limits import Limits
from publisher.publish import Watcher, publish
from publisher.store.hold import current_hold, release_hold, set_hold
from publisher.store.protocol import PreconditionFailed, Store
from tests.conftest import Bucket, WriteTable
from tests.memory_store import MemoryStore
from tests.publisher.cli.test_cli import publish as publish_by_cli
from tests.publisher.cli.test_cli import run
from tests.publisher.publishing import ACTIVE, DESTINATION, HUNDRED, Between, Clock, active_content, settings


@pytest.fixture
def store(write_table: WriteTable, clock: Clock) -> MemoryStore:
    """A store in which a hundred ids are active."""
    store = MemoryStore()
    publish(settings(write_table(HUNDRED)), store, now=clock)
    return store


def test_what_changed_is_in_the_report_and_in_the_metadata(
    store: MemoryStore, write_table: WriteTable, clock: Clock
) -> None:
    report = publish(settings(write_table([*HUNDRED[10:], "new", "newer"])), store, now=clock)
    assert (report.metadata.ids_added, report.metadata.ids_removed) == (2, 10)
    texts = store.head(ACTIVE).texts  # type: ignore[union-attr]
    assert (texts["ids_added"], texts["ids_removed"]) == ("2", "10")
    staged = store.head(report.staged_key).texts  # type: ignore[union-attr]
    assert {**staged, "promoted_by": "publish", "record": texts["record"]} == texts


def test_the_first_file_changes_nothing(write_table: WriteTable) -> None:
    assert publish(settings(write_table(HUNDRED), limits=Limits()), MemoryStore()).metadata.ids_removed is None


LIMITS: dict[str, tuple[list[str], Limits, str | None]] = {
    "too many": ([*HUNDRED, "x"], Limits(max_ids=100), "too_many_ids"),
    "just not too many": ([*HUNDRED, "x"], Limits(max_ids=101), None),
    "too few": (HUNDRED[:49], Limits(None, 50, 100), "too_few_ids"),
    "just enough": (HUNDRED[:50], Limits(None, 50, 100), None),
    "too many removed": ([*HUNDRED[31:], *map(str, range(1000, 1031))], Limits(None, 50, 30), "too_many_removed"),
    "just not too many removed": (HUNDRED[30:], Limits(None, 50, 30), None),
    "defaults on a good day": ([*HUNDRED[5:], "x", "y"], Limits(), None),
    "defaults when half is gone": (HUNDRED[:45], Limits(), "too_few_ids"),
    "defaults when all ids are others": ([f"x{number}" for number in HUNDRED], Limits(), "too_many_removed"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name: str, store: MemoryStore, write_table: WriteTable, clock: Clock) -> None:
    ids, limits, guard = LIMITS[name]
    ids = sorted(ids)
    before = store.data
    if guard is None:
        publish(settings(write_table(ids), limits=limits), store, now=clock)
        assert active_content(store) == "\n".join(ids).encode()
        return
    with pytest.raises(GuardRefusal) as raised:
        publish(settings(write_table(ids), limits=limits), store, now=clock)
    assert raised.value.guard == guard
    assert f"--overrule {guard}" in raised.value.hint
    assert store.data == before
    overrule = frozenset({guard, "too_many_removed"})  # half of the ids cannot go without many being removed
    report = publish(settings(write_table(ids), limits=limits, overrule=overrule), store, now=clock)
    assert report.metadata.overruled is not None
    assert guard in report.metadata.overruled.split(",")
    assert store.head(ACTIVE).metadata == report.metadata  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "limits",
    [{"max_ids": 0}, {"min_percent_of_active": 101}, {"max_percent_removed": -1}, {"max_percent_removed": 1e9}],
)
def test_limits_that_cannot_be_meant_are_usage_errors(limits: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Limits(**limits)


def test_a_damaged_active_file_is_replaced_but_its_count_is_still_a_limit(
    bucket: Bucket, write_table: WriteTable
) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=ACTIVE, Body=b"damaged", Metadata={"total_ids": "100"})
    warnings: list[str] = []

    class Listening(Watcher):
        def warn(self, text: str) -> None:
            warnings.append(text)

    with pytest.raises(GuardRefusal) as raised:
        publish(settings(write_table(["a"]), limits=Limits()), bucket.store, Listening())
    assert raised.value.guard == "too_few_ids"
    report = publish(settings(write_table(HUNDRED), limits=Limits()), bucket.store, Listening())
    assert report.metadata.ids_removed is None
    assert "not one whole gzip file" in warnings[-1]


@pytest.mark.parametrize("change", ["a file more", "a file written again", "a file less"])
def test_files_that_change_while_they_are_read(
    change: str, store: MemoryStore, write_table: WriteTable, clock: Clock
) -> None:
    folder = write_table(HUNDRED, [])

    class Meddling(Watcher):
        def read(self, rows: int) -> None:  # noqa: ARG002 -- the base class's signature
            empty = folder / "part-00001.parquet"
            if change == "a file more":
                (folder / "part-00002.parquet").write_bytes(empty.read_bytes())
            elif change == "a file written again":
                empty.write_bytes(empty.read_bytes())
            else:
                empty.unlink()

    with pytest.raises(SourceNotReady) as raised:
        publish(settings(folder), store, Meddling(), now=clock)
    assert (raised.value.guard, raised.value.exit_code) == ("files_changed", 5)
    assert "1 of the table's files changed" in raised.value.message


def test_a_hold_refuses_until_it_is_released(bucket: Bucket, write_table: WriteTable) -> None:
    bucket_store, clock = bucket.store, Clock()
    publish(settings(write_table(HUNDRED)), bucket_store, now=clock)
    held = set_hold(bucket_store, DESTINATION, "wrong partition, INC-1", "ana", clock())
    assert current_hold(bucket_store, DESTINATION) == held
    with pytest.raises(GuardRefusal, match="by ana: wrong partition, INC-1") as raised:
        publish(settings(write_table([*HUNDRED, "x"])), bucket_store, now=clock)
    assert raised.value.guard == "hold"
    with pytest.raises(UsageError, match="set already"):
        set_hold(bucket_store, DESTINATION, "another", None, clock())
    report = publish(settings(write_table([*HUNDRED, "x"]), overrule=frozenset({"hold"})), bucket_store, now=clock)
    assert report.metadata.overruled == "hold"
    assert release_hold(bucket_store, DESTINATION) == held
    assert release_hold(bucket_store, DESTINATION) is None
    assert publish(settings(write_table(HUNDRED)), bucket_store, now=clock).metadata.overruled is None


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"{}", b'{"reason": null'])
def test_a_hold_that_cannot_be_read_is_a_hold(body: bytes, bucket: Bucket, write_table: WriteTable) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=DESTINATION.hold_key, Body=body)
    with pytest.raises(GuardRefusal, match="cannot be read"):
        publish(settings(write_table(HUNDRED)), bucket.store)
    assert release_hold(bucket.store, DESTINATION) is not None


@pytest.mark.parametrize("reason", ["", " ", "two\nlines"])
def test_a_hold_needs_a_reason_of_one_line(reason: str) -> None:
    with pytest.raises(UsageError):
        set_hold(MemoryStore(), DESTINATION, reason, None, Clock()())


def test_a_hold_that_is_set_while_a_publish_runs_stops_it(
    store: MemoryStore, write_table: WriteTable, clock: Clock
) -> None:
    def held_after(create: Any, key: str, *rest: Any) -> str:
        etag: str = create(key, *rest)
        set_hold(store, DESTINATION, "stop", None, clock())
        return etag

    with pytest.raises(GuardRefusal) as raised:
        publish(settings(write_table([*HUNDRED, "x"])), Between(store, create=held_after), now=clock)
    assert raised.value.guard == "hold"
    assert active_content(store) == "\n".join(HUNDRED).encode()


def test_an_overruled_hold_that_was_set_during_the_publish_is_recorded(write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()

    class Holding(Watcher):
        def step(self, name: str) -> None:
            if name == "compare":
                set_hold(store, DESTINATION, "stop", None, clock())

    publish(settings(write_table(["a"]), overrule=frozenset({"hold"})), store, Holding(), now=clock)
    active = store.head(ACTIVE)
    assert active is not None
    assert active.metadata.overruled == "hold"


def test_what_somebody_else_promoted_in_between_is_compared_with(
    store: MemoryStore, write_table: WriteTable, clock: Clock
) -> None:
    others: list[Store] = [store]

    def interrupted(copy: Any, source: str, source_etag: str, destination: str, *rest: Any) -> str:
        if destination == ACTIVE and others:
            publish(settings(write_table(["a", "b"])), others.pop(), now=clock)
        etag: str = copy(source, source_etag, destination, *rest)
        return etag

    report = publish(settings(write_table(["a", "c", "d"])), Between(store, copy=interrupted), now=clock)
    assert (report.metadata.ids_added, report.metadata.ids_removed) == (2, 1)  # against a and b, not the hundred


def test_a_hold_on_the_command_line(bucket: Bucket, write_table: WriteTable) -> None:
    assert publish_by_cli(bucket, write_table(HUNDRED)).returncode == 0
    held = json.loads(run(bucket, "hold", "--reason", "INC-1", "--json").stdout)
    assert (held["status"], held["reason"]) == ("held", "INC-1")
    assert json.loads(run(bucket, "status", "--json").stdout)["hold"]["reason"] == "INC-1"
    assert "INC-1" in run(bucket, "status").stdout
    refused = publish_by_cli(bucket, write_table(HUNDRED), "--json")
    assert (refused.returncode, json.loads(refused.stdout)["guard"]) == (3, "hold")
    assert run(bucket, "hold", "--reason", "INC-2").returncode == 2
    assert "released: INC-1" in run(bucket, "release").stdout
    assert "nothing was held" in run(bucket, "release").stdout
    assert publish_by_cli(bucket, write_table(HUNDRED)).returncode == 0


def test_an_overrule_on_the_command_line(bucket: Bucket, write_table: WriteTable) -> None:
    assert publish_by_cli(bucket, write_table(HUNDRED)).returncode == 0
    few = write_table(HUNDRED[:10])
    assert publish_by_cli(bucket, few).returncode == 3
    ended = publish_by_cli(bucket, few, "--json", "--overrule", "too_few_ids", "--overrule", "too_many_removed")
    assert json.loads(ended.stdout)["overruled"] == ["too_few_ids", "too_many_removed"]
    assert publish_by_cli(bucket, write_table(HUNDRED[:5]), "--min-percent-of-active", "0").returncode == 3
    for name in ("bad_ids", "not_ascending", "nonsense"):
        assert publish_by_cli(bucket, few, "--overrule", name).returncode == 2


def test_an_empty_file_can_be_meant(store: MemoryStore, write_table: WriteTable, clock: Clock) -> None:
    report = publish(settings(write_table([]), overrule=frozenset({"no_ids"})), store, now=clock)
    assert active_content(store) == b""
    assert (report.metadata.ids_removed, report.metadata.overruled) == (100, "no_ids")
    assert publish(settings(write_table(HUNDRED)), store, now=clock).metadata.ids_added == 100


def test_every_guard_but_those_of_the_format_can_be_overruled() -> None:
    assert set(guards.ALL) - set(guards.OVERRULABLE) == {"bad_ids", "not_ascending", "suppressed_ids"}


def test_a_hold_that_was_replaced_is_not_released_blindly(store: MemoryStore, clock: Clock) -> None:
    set_hold(store, DESTINATION, "first", None, clock())

    def replaced(delete: Any, key: str, etag: str) -> None:
        release_hold(store, DESTINATION)
        set_hold(store, DESTINATION, "second", None, clock())
        delete(key, etag)

    with pytest.raises(Conflict):
        release_hold(Between(store, delete=replaced), DESTINATION)
    assert current_hold(store, DESTINATION).reason == "second"  # type: ignore[union-attr]


def test_active_that_is_replaced_while_it_is_compared_is_a_conflict(
    store: MemoryStore, write_table: WriteTable, clock: Clock
) -> None:
    # Not a comparison left out: the limits on what is removed would then be left out, too.
    def replaced(read: Any, key: str, etag: str) -> Any:
        if key == ACTIVE:
            raise PreconditionFailed(key)
        return read(key, etag)

    before = store.data
    with pytest.raises(Conflict):
        publish(settings(write_table(HUNDRED[:1])), Between(store, read=replaced), now=clock)
    assert store.data == before


def test_a_bit_that_flips_on_the_way_leaves_no_limit_out(
    store: MemoryStore, write_table: WriteTable, clock: Clock
) -> None:
    flips = [True]

    @contextmanager
    def damaged_once(read: Any, key: str, etag: str) -> Iterator[Iterator[bytes]]:
        with read(key, etag) as pieces:
            raw = bytearray(b"".join(pieces))
        if key == ACTIVE and flips:
            flips.pop()
            raw[len(raw) // 2] ^= 4
        yield iter([bytes(raw)])

    with pytest.raises(GuardRefusal) as raised:
        publish(settings(write_table(HUNDRED[:60]), limits=Limits()), Between(store, read=damaged_once), now=clock)
    assert raised.value.guard == "too_many_removed"
    assert not flips
