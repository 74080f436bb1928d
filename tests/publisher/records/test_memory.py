"""What the guards know of yesterday when active cannot tell it."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from publisher.errors import GuardRefusal, StoreFailed
from publisher.guards.limits import Limits
from publisher.publish import publish
from publisher.rollback import rollback
from publisher.status import status
from tests.conftest import WriteTable
from tests.memory_store import MemoryStore, _Kept
from tests.publisher.publishing import ACTIVE, DESTINATION, HUNDRED, Between, Clock, promotion_ends, settings


@pytest.fixture
def store(write_table: WriteTable, clock: Clock) -> MemoryStore:
    """A store in which a hundred ids of 20251024 replaced sixty of 20251022."""
    store = MemoryStore()
    publish(settings(write_table(HUNDRED[:60])), store, now=clock)
    publish(settings(write_table(HUNDRED), "20251024"), store, now=clock)
    return store


def kept(store: MemoryStore) -> _Kept:
    return store._objects[ACTIVE]


def delete(store: MemoryStore) -> None:
    del store._objects[ACTIVE]


def strip(store: MemoryStore) -> None:
    store._objects[ACTIVE] = _Kept(kept(store).content, {}, kept(store).at)


def overwrite(store: MemoryStore) -> None:
    store._objects[ACTIVE] = _Kept(b"hello", {}, kept(store).at)


def flip(store: MemoryStore) -> None:
    content = bytearray(kept(store).content)
    content[len(content) // 2] ^= 1
    store._objects[ACTIVE] = _Kept(bytes(content), kept(store).texts, kept(store).at)


def replace_bytes(store: MemoryStore) -> None:
    """Other ids, in order and in a whole gzip file, under the metadata of what was promoted."""
    other = store._objects[sorted(key for key in store.data if "stage/" in key)[0]]
    store._objects[ACTIVE] = _Kept(other.content, kept(store).texts, kept(store).at)


LOST = {"deleted": delete, "stripped": strip, "overwritten": overwrite}
DAMAGED = {"flipped": flip, "other bytes": replace_bytes}


@pytest.mark.parametrize("how", LOST)
def test_an_older_partition_is_refused_when_active_cannot_tell_its_own(
    how: str, store: MemoryStore, write_table: WriteTable
) -> None:
    LOST[how](store)
    before = store.data
    with pytest.raises(GuardRefusal, match=r"older than that of what was promoted last, 20251024") as raised:
        publish(settings(write_table(HUNDRED), "20251023"), store)
    assert raised.value.guard == "older_partition"
    assert store.data == before


@pytest.mark.parametrize("how", [*LOST, *DAMAGED])
@pytest.mark.parametrize(
    ("ids", "guard"),
    [(HUNDRED[:40], "too_few_ids"), ([*HUNDRED[:60], *(f"x{n}" for n in range(10, 50))], "too_many_removed")],
)
def test_the_limits_on_change_hold_by_the_staged_copy(
    how: str, ids: list[str], guard: str, store: MemoryStore, write_table: WriteTable
) -> None:
    {**LOST, **DAMAGED}[how](store)
    with pytest.raises(GuardRefusal) as raised:
        publish(settings(write_table(ids), "20251025", limits=Limits()), store)
    assert raised.value.guard == guard


@pytest.mark.parametrize("how", [*LOST, *DAMAGED])
def test_the_next_day_is_published_and_says_by_what_it_was_judged(
    how: str, store: MemoryStore, write_table: WriteTable
) -> None:
    {**LOST, **DAMAGED}[how](store)
    report = publish(settings(write_table([*HUNDRED[1:], "new"]), "20251025", limits=Limits()), store)
    assert (report.metadata.ids_added, report.metadata.ids_removed) == (1, 1)
    assert report.previous is not None
    assert report.previous.metadata.source_partition == "20251024"
    assert len(report.warnings) == 1
    assert status(store, DESTINATION).doubts == ()


def test_without_a_staged_copy_the_counts_still_hold(store: MemoryStore, write_table: WriteTable) -> None:
    store.remove([(key, None) for key in store.data])
    with pytest.raises(GuardRefusal) as raised:
        publish(settings(write_table(HUNDRED[:40]), "20251025", limits=Limits()), store)
    assert raised.value.guard == "too_few_ids"
    report = publish(settings(write_table(HUNDRED[:90]), "20251025", limits=Limits()), store)
    assert any("cannot be told" in text for text in report.warnings)


def test_an_older_file_that_somebody_put_there_is_refused_until_somebody_decides(
    store: MemoryStore, write_table: WriteTable
) -> None:
    newest = kept(store)
    first = sorted(key for key in store.data if "stage/" in key)[0]
    store._objects[ACTIVE] = store._objects[first]
    for partition in ("20251023", "20251025"):
        with pytest.raises(GuardRefusal, match=r"not what was promoted last.*20251024.*20251022") as raised:
            publish(settings(write_table(HUNDRED), partition), store)
        assert raised.value.guard == "active_differs"
        assert "rollback --to-last" in raised.value.hint
    overruled = settings(write_table(HUNDRED), "20251023", overrule=frozenset({"active_differs"}))
    with pytest.raises(GuardRefusal, match="older than that of what was promoted last"):
        publish(overruled, store)
    rollback(store, DESTINATION, to_last=True)
    assert kept(store).content == newest.content
    assert publish(settings(write_table(HUNDRED), "20251025"), store).metadata.overruled is None


def test_an_overrule_replaces_it_judged_by_both(store: MemoryStore, write_table: WriteTable) -> None:
    foreign = {**kept(store).texts, "source_partition": "20251026", "sha256": "0" * 64}
    del foreign["record"]
    store._objects[ACTIVE] = _Kept(kept(store).content, foreign, kept(store).at)
    with pytest.raises(GuardRefusal, match="older than active's, 20251026"):
        publish(settings(write_table(HUNDRED), "20251025", overrule=frozenset({"active_differs"})), store)
    report = publish(settings(write_table(HUNDRED), "20251026", overrule=frozenset({"active_differs"})), store)
    assert report.metadata.overruled == "active_differs"


def test_a_file_that_was_staged_and_never_promoted_is_not_taken_for_one_that_was(
    store: MemoryStore, write_table: WriteTable
) -> None:
    with pytest.raises(StoreFailed):
        publish(settings(write_table(["never"]), "20251025"), promotion_ends(store, StoreFailed("500", "run again")))
    staged = max(key for key in store.data if key.endswith(".txt.gz") and "stage/" in key)
    store._objects[ACTIVE] = store._objects[staged]
    assert status(store, DESTINATION).doubts
    with pytest.raises(GuardRefusal) as raised:
        publish(settings(write_table(HUNDRED), "20251026"), store)
    assert raised.value.guard == "active_differs"


def test_what_was_promoted_last_put_back_by_hand_is_no_doubt(store: MemoryStore, write_table: WriteTable) -> None:
    staged = max(key for key in store.data if "stage/" in key)
    store._objects[ACTIVE] = store._objects[staged]
    assert status(store, DESTINATION).doubts == ()
    assert publish(settings(write_table(HUNDRED), "20251025"), store).warnings == ()


def test_files_from_before_there_were_records_are_believed(store: MemoryStore, write_table: WriteTable) -> None:
    texts = {name: text for name, text in kept(store).texts.items() if name not in ("record", "promoted_by")}
    store._objects[ACTIVE] = _Kept(kept(store).content, texts, kept(store).at)
    store.remove([(key, None) for key in store.list(DESTINATION.runs_prefix)])
    assert status(store, DESTINATION).doubts == ()
    with pytest.raises(GuardRefusal, match="older than active's"):
        publish(settings(write_table(HUNDRED), "20251023"), store)
    assert publish(settings(write_table(HUNDRED), "20251025"), store).warnings == ()


def test_a_forged_file_is_noticed(store: MemoryStore) -> None:
    assert status(store, DESTINATION).doubts == ()
    replace_bytes(store)
    assert any("other bytes" in doubt for doubt in status(store, DESTINATION).doubts)


def test_a_promotion_that_was_announced_before_active_vanished_counts(
    store: MemoryStore, write_table: WriteTable
) -> None:
    class Killed(BaseException):
        pass

    with pytest.raises(Killed):
        publish(settings(write_table(HUNDRED), "20251026"), promotion_ends(store, Killed(), is_done=True))
    delete(store)
    with pytest.raises(GuardRefusal, match="announced, and maybe happened, 20251026"):
        publish(settings(write_table(HUNDRED), "20251025"), store)
    assert publish(settings(write_table(HUNDRED), "20251026"), store)


def test_a_last_record_that_is_none_stops_what_would_need_it(store: MemoryStore, write_table: WriteTable) -> None:
    delete(store)
    last = max(store.list(DESTINATION.runs_prefix))
    store.remove([(last, None)])
    store.create(last, io.BytesIO(b"{}"), hashlib.sha256(b"{}").hexdigest(), {})
    with pytest.raises(StoreFailed, match="is not one"):
        publish(settings(write_table(HUNDRED), "20251025"), store)


def test_a_way_back_to_a_newer_partition_is_kept_until_it_is_reached(
    store: MemoryStore, write_table: WriteTable, clock: Clock
) -> None:
    assert rollback(store, DESTINATION, hold=False).active.metadata.set_back_from == "20251024"
    assert publish(settings(write_table(HUNDRED), "20251023"), store, now=clock).metadata.set_back_from == "20251024"
    assert publish(settings(write_table(HUNDRED), "20251024"), store, now=clock).metadata.set_back_from is None


@pytest.mark.parametrize("count", [79, 121])
def test_a_count_far_from_the_usual_is_refused(count: int, write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()
    ids = [f"{number:03}" for number in range(200)]
    limits = Limits(None, 0, 100, max_deviation=20)
    for day, usual in enumerate((100, 100, 90, 110)):
        publish(settings(write_table(ids[:usual]), f"2025102{day}", limits=limits), store, now=clock)
    with pytest.raises(GuardRefusal, match=r"the last 4 promoted files had 100 \(median\)") as raised:
        publish(settings(write_table(ids[:count]), "20251025", limits=limits), store, now=clock)
    assert raised.value.guard == "unusual_count"
    inside = 100 + (count - 100) // 21 * 20
    assert publish(settings(write_table(ids[:inside]), "20251025", limits=limits), store, now=clock)


@pytest.mark.parametrize(
    ("ids", "near"),
    [
        (HUNDRED[:58], ["near too_few_ids: 58.0 %"]),
        ([*HUNDRED[:75], *(f"x{n:02}" for n in range(25))], ["near too_many_removed: 25.0 %"]),
        (HUNDRED[:97], []),
        ([*HUNDRED, *(f"x{n:02}" for n in range(65))], ["near too_many_ids: 165 ids"]),
    ],
)  # fmt: skip
def test_what_comes_near_a_limit_is_published_and_said(
    ids: list[str], near: list[str], store: MemoryStore, write_table: WriteTable
) -> None:
    limits = Limits(max_ids=200, min_percent_of_active=50, max_percent_removed=30 if len(ids) >= 97 else 100)
    report = publish(settings(write_table(ids), "20251025", limits=limits), store)
    assert len(report.warnings) == len(near)
    assert all(text.startswith(begin) for text, begin in zip(report.warnings, near, strict=True))


@pytest.mark.parametrize("first", [True, False])
def test_a_promotion_between_the_look_at_active_and_the_listing_raises_no_doubt(
    first: bool, store: MemoryStore, write_table: WriteTable
) -> None:
    store = MemoryStore() if first else store
    waiting = [settings(write_table(HUNDRED), "20251025")]

    def overtaken(method: Any, prefix: str, after: str) -> Any:
        if waiting:
            publish(waiting.pop(), store)
        return method(prefix, after)

    found = status(Between(store, list=overtaken), DESTINATION)
    assert (found.doubts, found.promoted_last) == ((), None)


def test_an_active_file_is_not_unpacked_beyond_what_was_announced(store: MemoryStore, write_table: WriteTable) -> None:
    bomb = gzip.compress(b"".join(b"%09d\n" % number for number in range(1_000_000)))
    store._objects[ACTIVE] = _Kept(bomb, kept(store).texts, kept(store).at)
    read: list[int] = []

    def counting(method: Any, key: str, etag: str) -> Any:
        @contextmanager
        def counted() -> Iterator[Iterator[bytes]]:
            def noted(pieces: Iterator[bytes]) -> Iterator[bytes]:
                for piece in pieces:
                    read.append(len(piece))
                    yield piece

            with method(key, etag) as pieces:
                yield noted(pieces)

        return counted() if key == ACTIVE else method(key, etag)

    report = publish(settings(write_table(HUNDRED), "20251025", limits=Limits()), Between(store, read=counting))
    assert any("more content than the 399 bytes announced" in text for text in report.warnings)
    assert sum(read) < len(bomb)
