"""Files beyond what one request takes, and stores that look at a condition in a multipart upload only."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from publisher.errors import Conflict, GuardRefusal, StoreFailed
from publisher.history import history
from publisher.publish import publish
from publisher.pull import pull
from publisher.rollback import rollback
from publisher.store.conditions import SwapMethod
from publisher.store.hold import set_hold
from publisher.store.keys import Destination
from publisher.store.protocol import PreconditionFailed, Store, Swap
from publisher.store.s3 import S3Store
from publisher.store.s3_parts import cut
from publisher.verify import verify
from tests.conftest import Bucket, WriteTable
from tests.in_parts import CONDITIONS, PART_BYTES, ignoring, operations, store_in_parts, uploads
from tests.memory_store import MemoryStore
from tests.publisher.crash.days import Day, write_day
from tests.publisher.publishing import ACTIVE, DESTINATION, Between, Clock, active_content, settings

NOW = datetime(2025, 10, 23, 12, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[Day]:
    """Days whose files take three parts."""
    folder = tmp_path_factory.mktemp("large days")
    return [write_day(folder, f"2025102{number}", 850_000 + number) for number in range(3)]


def test_the_whole_life_of_a_file_in_parts(any_bucket: Bucket, days: list[Day], tmp_path: Path) -> None:
    client = any_bucket.client
    done = operations(client)
    store = store_in_parts(any_bucket, client)
    destination = Destination(any_bucket.name, "ids/")
    target = tmp_path / "ids.txt.gz"
    reports = []
    for day in days:
        reports.append(day.publish(destination, store))
        assert 2 * PART_BYTES < reports[-1].encoded.bytes < 3 * PART_BYTES
        compressed, texts = any_bucket.get(destination.active_key)
        assert gzip.decompress(compressed) == day.content
        assert texts == reports[-1].metadata.to_texts()
        assert verify(store, destination).differences == ()
        assert pull(store, destination, target).status == "updated"
        assert target.read_bytes() == compressed
    assert pull(store, destination, target).status == "unchanged"
    assert not any(name.startswith("CopyObject") for name in done)
    for report in reports:
        assert done.count(f"UploadPart {report.staged_key.rpartition('/')[2]}") == 3
    done.clear()
    rolled_back = rollback(store, destination, None, hold=False)
    assert done.count("UploadPartCopy latest.txt.gz") == 3
    assert rolled_back.active.metadata.staged_key == reports[1].staged_key
    assert gzip.decompress(any_bucket.get(destination.active_key)[0]) == days[1].content
    assert verify(store, destination).differences == ()
    assert [found.state for found in history(store, destination, 20).staged] == ["promoted", "active", "promoted"]
    assert any_bucket.data_keys() == sorted([destination.active_key, *(report.staged_key for report in reports)])
    assert uploads(any_bucket) == []


def test_a_store_that_ignores_conditions_on_copies_gets_parts(any_bucket: Bucket, write_table: WriteTable) -> None:
    client = ignoring(any_bucket.client, SwapMethod.COPY)
    done = operations(client)
    store, clock = S3Store(any_bucket.name, client=client), Clock()
    first = publish(settings(write_table(["a"]), "20251021"), store, now=clock)
    second = publish(settings(write_table(["a", "b"]), "20251022"), store, now=clock)
    assert active_content(store) == b"a\nb"
    assert second.previous is not None
    assert second.previous.etag == first.etag
    assert verify(store, DESTINATION).differences == ()
    assert "CopyObject latest.txt.gz" not in done
    assert done.count("CompleteMultipartUpload latest.txt.gz") == 2
    done.clear()
    rollback(store, DESTINATION, None, hold=False)
    assert active_content(store) == b"a"
    assert "CopyObject latest.txt.gz" not in done
    assert done.count("CompleteMultipartUpload latest.txt.gz") == 1
    assert any_bucket.data_keys() == sorted([ACTIVE, first.staged_key, second.staged_key])
    assert uploads(any_bucket) == []


def test_a_store_that_honours_conditions_on_copies_is_not_asked_for_parts(
    any_bucket: Bucket, write_table: WriteTable
) -> None:
    client = any_bucket.client
    done = operations(client)
    publish(settings(write_table(["a"])), S3Store(any_bucket.name, client=client))
    assert "CopyObject latest.txt.gz" in done
    assert not [name for name in done if "Multipart" in name]


@pytest.mark.parametrize("first", [True, False])
def test_a_store_that_ignores_all_conditions_is_refused(
    first: bool, any_bucket: Bucket, write_table: WriteTable
) -> None:
    clock = Clock()
    if not first:
        publish(settings(write_table(["yesterday"])), any_bucket.store, now=clock)
    store = S3Store(any_bucket.name, client=ignoring(any_bucket.client, *SwapMethod))
    with pytest.raises(StoreFailed, match="ignores a condition on a copy's destination and on") as raised:
        publish(settings(write_table(["today"])), store, now=clock)
    assert "\n" not in raised.value.message + raised.value.hint
    assert active_content(store) == (None if first else b"yesterday")
    left = any_bucket.keys()
    assert not [key for key in left if "doctor/" in key]


@pytest.mark.parametrize("ignored", CONDITIONS)
def test_a_store_that_looks_at_one_condition_only_is_refused(
    ignored: str, any_bucket: Bucket, write_table: WriteTable
) -> None:
    client = ignoring(ignoring(any_bucket.client, SwapMethod.COPY), SwapMethod.PARTS, conditions=(ignored,))
    with pytest.raises(StoreFailed, match="ignores a condition"):
        publish(settings(write_table(["a"])), S3Store(any_bucket.name, client=client))


@pytest.mark.parametrize("becomes", [b"another", None])
def test_a_source_that_changes_while_it_is_copied_is_noticed(becomes: bytes | None, any_bucket: Bucket) -> None:
    client = any_bucket.client
    etag = client.put_object(Bucket=any_bucket.name, Key="stage/one", Body=b"verified")["ETag"].strip('"')
    other = any_bucket.client

    def change(**_: object) -> None:
        if becomes is None:
            other.delete_object(Bucket=any_bucket.name, Key="stage/one")
        else:
            other.put_object(Bucket=any_bucket.name, Key="stage/one", Body=becomes)

    client.meta.events.register("before-call.s3.UploadPartCopy", change)
    store = S3Store(any_bucket.name, client=client)
    with pytest.raises(PreconditionFailed), store.copy_in_parts("stage/one", etag, "active", {}):
        pytest.fail("it copied what was not verified")
    assert uploads(any_bucket) == []


def test_a_large_file_is_refused_where_parts_cannot_be_swapped_in(any_bucket: Bucket, days: list[Day]) -> None:
    store = store_in_parts(any_bucket, ignoring(any_bucket.client, SwapMethod.PARTS))
    destination = Destination(any_bucket.name, "ids/")
    with pytest.raises(StoreFailed, match="ignores a condition on a multipart upload's destination"):
        days[0].publish(destination, store)
    assert store.head(destination.active_key) is None


# Where somebody else acts, or an answer is lost: a store in memory that takes parts only.


def parts_only(store: MemoryStore, around: Callable[..., Any] | None = None) -> Store:
    """A store that ignores conditions on copies."""

    def careless(copy: Any, source: str, source_etag: str, destination: str, _expected: Any, texts: Any) -> str:
        found = store.head(destination)
        return copy(source, source_etag, destination, found.etag if found else None, texts)

    return Between(store, copy=careless, **({"copy_in_parts": around} if around else {}))


def test_a_probe_whose_answer_was_lost_is_no_fault(write_table: WriteTable) -> None:
    """The request is sent again then, and meets what it wrote itself."""

    def answer_lost(create: Any, key: str, body: BinaryIO, *others: Any) -> str:
        etag = create(key, body, *others)
        body.seek(0)
        return str(create(key, body, *others) if "probe" in key else etag)

    store = MemoryStore()
    published = publish(settings(write_table(["a"])), Between(parts_only(store), create=answer_lost))
    assert published.encoded.total_ids == 1
    assert not [key for key in store.data if "probe" in key]


def acting(act: Callable[[], object], times: int = 1) -> Callable[..., AbstractContextManager[Swap]]:
    """Lets something happen when all parts are copied, and active is about to be replaced by them."""
    left = [None] * times

    @contextmanager
    def copy_in_parts(method: Any, source: str, etag: str, destination: str, texts: Any) -> Iterator[Swap]:
        with method(source, etag, destination, texts) as swap:
            if destination == ACTIVE and left:
                left.pop()
                act()
            yield swap

    return copy_in_parts


def another(store: Store, write_table: WriteTable, partition: str) -> Callable[[], object]:
    clock = Clock()
    clock.second = 1800
    folder = write_table(["other"])
    return lambda: publish(settings(folder, partition), store, now=clock)


@pytest.mark.parametrize(("first", "partition"), [(True, "20251022"), (False, "20251021")])
def test_a_file_promoted_meanwhile_is_replaced_after_a_second_check(
    first: bool, partition: str, write_table: WriteTable
) -> None:
    store, clock = MemoryStore(), Clock()
    if not first:
        publish(settings(write_table(["a"]), "20251020"), store, now=clock)
    interrupted = parts_only(store, acting(another(store, write_table, partition)))
    report = publish(settings(write_table(["ours"])), interrupted, now=clock)
    assert active_content(store) == b"ours"
    assert report.previous is not None
    assert report.previous.metadata.source_partition == partition
    assert report.metadata.replaces == report.previous.metadata.staged_key


def test_a_newer_file_promoted_meanwhile_wins(write_table: WriteTable) -> None:
    store = MemoryStore()
    interrupted = parts_only(store, acting(another(store, write_table, "20251023")))
    with pytest.raises(GuardRefusal) as raised:
        publish(settings(write_table(["ours"])), interrupted)
    assert raised.value.guard == "older_partition"
    assert active_content(store) == b"other"


def test_a_newer_partition_with_the_very_bytes_of_the_replaced_one_is_noticed(write_table: WriteTable) -> None:
    # While the parts were copied, which can take minutes; its ETag is the one that is expected.
    store, clock = MemoryStore(), Clock()
    publish(settings(write_table(["other"]), "20251021"), store, now=clock)
    interrupted = parts_only(store, acting(another(store, write_table, "20251023")))
    with pytest.raises(GuardRefusal) as raised:
        publish(settings(write_table(["ours"]), "20251022"), interrupted, now=clock)
    assert raised.value.guard == "older_partition"


def test_who_is_overtaken_twice_gives_up(write_table: WriteTable) -> None:
    store = MemoryStore()
    interrupted = parts_only(store, acting(another(store, write_table, "20251022"), times=2))
    with pytest.raises(Conflict):
        publish(settings(write_table(["ours"])), interrupted)
    assert active_content(store) == b"other"


def test_a_hold_that_is_set_while_parts_are_copied_counts(write_table: WriteTable) -> None:
    store = MemoryStore()
    interrupted = parts_only(store, acting(lambda: set_hold(store, DESTINATION, "INC-1", None, NOW)))
    with pytest.raises(GuardRefusal, match="INC-1"):
        publish(settings(write_table(["ours"])), interrupted)
    assert store.head(ACTIVE) is None


@pytest.mark.parametrize("answer", [PreconditionFailed("412"), StoreFailed("timed out", "run again")])
def test_a_completion_whose_answer_was_lost_is_recognised_as_ours(answer: Exception, write_table: WriteTable) -> None:
    @contextmanager
    def lost(method: Any, source: str, etag: str, destination: str, texts: Any) -> Iterator[Swap]:
        def swap(expected_etag: str | None) -> str:
            new: str = complete(expected_etag)
            if destination == ACTIVE:
                raise answer
            return new

        with method(source, etag, destination, texts) as complete:
            yield swap

    store = MemoryStore()
    publish(settings(write_table(["a"])), parts_only(store, lost))
    assert active_content(store) == b"a"


def test_a_copy_that_changes_the_staged_file_s_etag_is_followed(write_table: WriteTable) -> None:
    # As where objects are encrypted: an ETag is new with each copy then.
    store = MemoryStore()

    def careless(copy: Any, source: str, source_etag: str, destination: str, _expected: Any, texts: Any) -> str:
        found = store.head(destination)
        with store.copy_in_parts(source, source_etag, destination, texts) as swap:
            return swap(found.etag if found else None)

    publish(settings(write_table(["a"])), Between(store, copy=careless))
    assert active_content(store) == b"a"


@pytest.mark.parametrize("length", [1, 5 << 20, (5 << 30) + 1, 5 << 40, 48 << 40])
@pytest.mark.parametrize("part_bytes", [1, 128 << 20])
def test_parts_are_as_many_and_as_large_as_s3_takes(length: int, part_bytes: int) -> None:
    parts = list(cut(length, part_bytes))
    assert [number for number, _, _ in parts] == list(range(1, len(parts) + 1))
    assert len(parts) <= 10_000
    assert all(5 << 20 <= size <= 5 << 30 for _, _, size in parts[:-1])
    ends = [begin + size for _, begin, size in parts]
    assert [begin for _, begin, _ in parts] == [0, *ends[:-1]]
    assert ends[-1] == length
