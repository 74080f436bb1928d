"""The main flow, step by step, with what can happen between the steps."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from publisher import __version__
from publisher.errors import (
    Conflict,
    GuardRefusal,
    IntegrityError,
    PublisherError,
    SourceNotReady,
    StoreFailed,
    UsageError,
)  # fmt: skip
from publisher.publish import publish
from publisher.settings import PublishSettings
from publisher.store.protocol import PreconditionFailed, Store, Swap
from publisher.values import Metadata
from publisher.verify import verify
from tests.conftest import Bucket, WriteTable
from tests.memory_store import MemoryStore
from tests.publisher.publishing import ACTIVE, DESTINATION, Between, Clock, active_content, promotion_ends, settings


def test_a_published_file_and_everything_said_about_it(any_bucket: Bucket, write_table: WriteTable) -> None:
    folder = write_table(["a", "bb"], ["çé"], partition="20251022")
    report = publish(settings(folder), any_bucket.store, now=Clock())
    content = "a\nbb\nçé".encode()
    compressed, texts = any_bucket.get(ACTIVE)
    staged_key = "ids/stage/stage_20251023_040001.txt.gz"
    assert gzip.decompress(compressed) == content
    staged_texts = {
        "total_ids": "3",
        "md5_checksum": hashlib.md5(content).hexdigest(),
        "created_at": "20251023_040001",
        "source_partition": "20251022",
        "sha256": hashlib.sha256(compressed).hexdigest(),
        "content_bytes": str(len(content)),
        "staged_key": staged_key,
        "publisher_version": __version__,
    }
    assert texts["record"] in any_bucket.keys()  # noqa: SIM118 -- a list, by a request
    assert texts == {**staged_texts, "promoted_by": "publish", "record": texts["record"]}
    assert any_bucket.get(staged_key) == (compressed, staged_texts)
    assert any_bucket.data_keys() == [ACTIVE, staged_key]
    head = any_bucket.client.head_object(Bucket=any_bucket.name, Key=ACTIVE)
    assert head["ContentType"] == "application/gzip"
    assert "ContentEncoding" not in head
    assert (report.staged_key, report.active_key, report.previous) == (staged_key, ACTIVE, None)
    assert report.etag == head["ETag"].strip('"')
    assert list(report.seconds) == ["prepare", "encode", "compare", "stage", "read_back", "promote"]
    assert verify(any_bucket.store, DESTINATION).differences == ()


def test_a_second_day_replaces_the_first_and_keeps_its_staged_file(any_bucket: Bucket, write_table: WriteTable) -> None:
    clock = Clock()
    first = publish(settings(write_table(["a"])), any_bucket.store, now=clock)
    second = publish(settings(write_table(["b"]), "20251023"), any_bucket.store, now=clock)
    assert gzip.decompress(any_bucket.get(ACTIVE)[0]) == b"b"
    assert second.previous is not None
    assert (second.previous.etag, second.previous.metadata) == (first.etag, first.metadata)
    assert any_bucket.data_keys() == [ACTIVE, first.staged_key, second.staged_key]


def test_the_same_partition_can_be_published_again(write_table: WriteTable) -> None:
    store, clock = MemoryStore(), Clock()
    publish(settings(write_table(["a"])), store, now=clock)
    publish(settings(write_table(["a", "b"])), store, now=clock)
    assert active_content(store) == b"a\nb"


def test_the_partition_of_a_table_named_by_hand_is_read_from_it(write_table: WriteTable) -> None:
    report = publish(settings(write_table(["a"], partition="20251022"), None), MemoryStore())
    assert report.metadata.source_partition == "20251022"


REFUSED: dict[str, tuple[Callable[[WriteTable], PublishSettings], type[PublisherError], str | None]] = {
    "no ids": (lambda write: settings(write([])), GuardRefusal, "no_ids"),
    "no files": (lambda write: settings(write()), GuardRefusal, "no_ids"),
    "null": (lambda write: settings(write(["a", None])), GuardRefusal, "bad_ids"),
    "empty": (lambda write: settings(write(["", "a"])), GuardRefusal, "bad_ids"),
    "blank": (lambda write: settings(write([" ", "a"])), GuardRefusal, "bad_ids"),
    "line break": (lambda write: settings(write(["a\nb"])), GuardRefusal, "bad_ids"),
    "carriage return": (lambda write: settings(write(["a\r"])), GuardRefusal, "bad_ids"),
    "twice": (lambda write: settings(write(["a", "a"])), GuardRefusal, "not_ascending"),
    "twice across files": (lambda write: settings(write(["a", "b"], ["b", "c"])), GuardRefusal, "not_ascending"),
    "descending": (lambda write: settings(write(["b", "a"])), GuardRefusal, "not_ascending"),
    "files that overlap": (lambda write: settings(write(["a", "d"], ["b", "e"])), GuardRefusal, "not_ascending"),
    "twice across batches": (
        lambda write: settings(write([f"{n - (n > 131_071):07}" for n in range(140_000)])),
        GuardRefusal,
        "not_ascending",
    ),
    "documents": (
        lambda write: settings(write(["11144477735", "52998224725"])),
        GuardRefusal,
        "ids_look_like_documents",
    ),
    "documents with the prefix": (
        lambda write: settings(write(["900011144477735", "900052998224725"]), document_prefix="9000"),
        GuardRefusal,
        "ids_look_like_documents",
    ),
    "older partition": (lambda write: settings(write(["a"]), "20251021"), GuardRefusal, "older_partition"),
    "unknown partition": (lambda write: settings(write(["a"]), None), GuardRefusal, "older_partition"),
    "no table": (lambda write: settings(write(["a"]) / "nowhere"), SourceNotReady, None),
    "no artifacts": (
        lambda write: settings(write(["a"]), None, table=None, target_path=write(["a"])),
        SourceNotReady,
        None,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_leaves_active_and_stage_as_they_were(name: str, write_table: WriteTable) -> None:
    make, error, guard = REFUSED[name]
    store, clock = MemoryStore(), Clock()
    publish(settings(write_table(["the", "yesterday"])), store, now=clock)
    before = store.data
    with pytest.raises(error) as raised:
        publish(make(write_table), store, now=clock)
    assert raised.value.guard == guard
    assert raised.value.message
    assert "\n" not in raised.value.message + raised.value.hint
    assert store.data == before


def test_a_missing_or_full_spool_is_a_usage_error(write_table: WriteTable) -> None:
    folder = write_table(["a"])
    with pytest.raises(UsageError, match="does not exist"):
        settings(folder, spool_dir=folder / "nowhere")
    store = MemoryStore()
    with pytest.raises(UsageError, match="spool"):
        publish(settings(folder, spool_dir=Path("/proc/self")), store)
    assert store.head(ACTIVE) is None


@pytest.mark.parametrize("damage", ["a flipped bit", "cut", "another file"])
def test_a_staged_file_that_reads_back_differently_is_not_promoted(damage: str, write_table: WriteTable) -> None:
    @contextmanager
    def damaged(read: Any, key: str, etag: str) -> Iterator[Iterator[bytes]]:
        with read(key, etag) as pieces:
            raw = bytearray(b"".join(pieces))
        if damage == "a flipped bit":
            raw[len(raw) // 2] ^= 4
        yield iter([{"cut": bytes(raw[:-9]), "another file": gzip.compress(b"a\nc")}.get(damage, bytes(raw))])

    store = MemoryStore()
    with pytest.raises(IntegrityError, match="read back different") as raised:
        publish(settings(write_table(["a", "b"])), Between(store, read=damaged))
    assert raised.value.exit_code == 4
    assert store.head(ACTIVE) is None


def test_a_taken_staging_key_is_left_alone(write_table: WriteTable) -> None:
    store, clock = MemoryStore(), Clock()
    publish(settings(write_table(["a"])), store, now=clock)
    clock.second = 0  # another publisher, in the same second
    report = publish(settings(write_table(["b"])), store, now=clock)
    assert report.staged_key == "ids/stage/stage_20251023_040002.txt.gz"
    assert sorted(store.data) == [
        ACTIVE, "ids/stage/stage_20251023_040001.txt.gz", "ids/stage/stage_20251023_040002.txt.gz",
    ]  # fmt: skip


def promoted_by_another(store: Store, write_table: WriteTable, partition: str, times: int = 1) -> Store:
    """A store in which somebody else promotes right before our copy to active."""
    remaining = [write_table([f"other {number}"]) for number in range(times)]
    clock = Clock()
    clock.second = 1800

    def interrupted(copy: Any, source: str, source_etag: str, destination: str, *rest: Any) -> str:
        if destination == ACTIVE and remaining:
            publish(settings(remaining.pop(), partition), store, now=clock)
        return copy(source, source_etag, destination, *rest)

    return Between(store, copy=interrupted)


@pytest.mark.parametrize(("first", "partition"), [(True, "20251022"), (False, "20251021")])
def test_a_file_promoted_in_between_is_replaced_after_a_second_check(
    first: bool, partition: str, write_table: WriteTable, bucket: Bucket
) -> None:
    clock = Clock()
    if not first:
        publish(settings(write_table(["a"]), "20251020"), bucket.store, now=clock)
    store = promoted_by_another(bucket.store, write_table, partition)
    report = publish(settings(write_table(["ours"])), store, now=clock)
    assert active_content(bucket.store) == b"ours"
    assert report.previous is not None
    assert report.previous.metadata.source_partition == partition


def test_a_newer_file_promoted_in_between_wins(write_table: WriteTable, bucket: Bucket) -> None:
    with pytest.raises(GuardRefusal) as raised:
        publish(settings(write_table(["ours"])), promoted_by_another(bucket.store, write_table, "20251023"))
    assert raised.value.guard == "older_partition"
    assert active_content(bucket.store) == b"other 0"


def test_who_is_overtaken_twice_gives_up(write_table: WriteTable, bucket: Bucket) -> None:
    with pytest.raises(Conflict) as raised:
        publish(settings(write_table(["ours"])), promoted_by_another(bucket.store, write_table, "20251022", times=2))
    assert raised.value.exit_code == 6
    assert active_content(bucket.store) == b"other 0"


@pytest.mark.parametrize("answer", [PreconditionFailed("412"), StoreFailed("timed out", "run again")])
def test_a_copy_whose_answer_was_lost_is_recognised_as_ours(answer: Exception, write_table: WriteTable) -> None:
    store = MemoryStore()
    report = publish(settings(write_table(["a"])), promotion_ends(store, answer, is_done=True))
    assert active_content(store) == b"a"
    assert report.etag == store.head(ACTIVE).etag  # type: ignore[union-attr]


def test_other_bytes_of_the_same_size_and_claims_right_after_the_copy_are_noticed(write_table: WriteTable) -> None:
    store = MemoryStore()

    def then_overwritten(copy: Any, source: str, source_etag: str, destination: str, *rest: Any) -> str:
        etag = copy(source, source_etag, destination, *rest)
        if destination == ACTIVE:
            staged = store.head(source)
            assert staged is not None
            body = b"x" * staged.bytes
            other = store.create("ids/other", io.BytesIO(body), hashlib.sha256(body).hexdigest(), {})
            store.copy("ids/other", other, ACTIVE, etag, rest[1])
        return etag

    with pytest.raises(IntegrityError, match="is not what was just copied there"):
        publish(settings(write_table(["a"])), Between(store, copy=then_overwritten))


def test_a_copy_that_failed_for_good_leaves_active(write_table: WriteTable) -> None:
    store, clock = MemoryStore(), Clock()
    publish(settings(write_table(["yesterday"])), store, now=clock)
    with pytest.raises(StoreFailed):
        publish(
            settings(write_table(["today"]), "20251023"),
            promotion_ends(store, StoreFailed("500", "run again")),
            now=clock,
        )
    assert active_content(store) == b"yesterday"


@pytest.mark.parametrize("first", [True, False])
def test_a_store_that_ignores_the_condition_is_found_out_before_the_promotion(
    first: bool, write_table: WriteTable
) -> None:
    store, clock = MemoryStore(), Clock()
    if not first:
        publish(settings(write_table(["yesterday"])), store, now=clock)

    def careless(copy: Any, source: str, source_etag: str, destination: str, _expected: str | None, texts: Any) -> str:
        found = store.head(destination)
        return copy(source, source_etag, destination, found.etag if found else None, texts)

    @contextmanager
    def careless_too(method: Any, source: str, source_etag: str, destination: str, texts: Any) -> Iterator[Swap]:
        found = store.head(destination)
        with method(source, source_etag, destination, texts) as swap:
            yield lambda _expected: swap(found.etag if found else None)

    with pytest.raises(StoreFailed, match="ignores a condition"):
        publish(settings(write_table(["today"])), Between(store, copy=careless, copy_in_parts=careless_too), now=clock)
    assert active_content(store) == (None if first else b"yesterday")


def test_verify_tells_what_differs(bucket: Bucket, write_table: WriteTable) -> None:
    publish(settings(write_table(["a", "b"])), bucket.store)
    compressed, texts = bucket.get(ACTIVE)

    def overwrite(body: bytes, metadata: dict[str, str]) -> str:
        bucket.client.put_object(Bucket=bucket.name, Key=ACTIVE, Body=body, Metadata=metadata)
        return "; ".join(verify(bucket.store, DESTINATION).differences)

    assert overwrite(compressed, texts) == ""
    assert "total_ids is 3 by the metadata and 2 by the file" in overwrite(compressed, {**texts, "total_ids": "3"})
    assert "md5_checksum is missing" in overwrite(compressed, {})
    assert "not one whole gzip" in overwrite(compressed + compressed, texts)
    assert "not one whole gzip" in overwrite(b"plain text", texts)
    assert "blank line" in overwrite(gzip.compress(b"a\n\nb"), texts)
    assert "empty" in overwrite(b"", texts)


def test_any_metadata_on_active_lets_a_publish_go_on(bucket: Bucket, write_table: WriteTable) -> None:
    texts = {"total_ids": "many", "source_partition": "20251021", "content_bytes": "-1"}
    bucket.client.put_object(Bucket=bucket.name, Key=ACTIVE, Body=b"not gzip", Metadata=texts)
    report = publish(settings(write_table(["a"])), bucket.store)
    assert report.previous is not None
    assert report.previous.metadata == Metadata(source_partition="20251021")
    assert active_content(bucket.store) == b"a"


def test_nothing_but_the_table_decides_the_bytes(write_table: WriteTable) -> None:
    ids = [f"{number:09}" for number in range(300_000)]
    stores = [MemoryStore(), MemoryStore()]
    publish(settings(write_table(ids)), stores[0])
    publish(settings(write_table(ids[:77], ids[77:131_073], ids[131_073:]), final_newline=False), stores[1])
    assert stores[0].head(ACTIVE).etag == stores[1].head(ACTIVE).etag  # type: ignore[union-attr]


def test_a_spool_is_read_from_its_beginning_after_a_taken_key(write_table: WriteTable) -> None:
    taken = iter([True])

    def create(method: Any, key: str, body: BinaryIO, sha256: str, texts: Mapping[str, str]) -> str:
        if key.startswith(DESTINATION.stage_prefix) and next(taken, False):
            body.read()
            raise PreconditionFailed(key)
        return method(key, io.BytesIO(body.read()), sha256, texts)

    store = MemoryStore()
    publish(settings(write_table(["a"])), Between(store, create=create))
    assert active_content(store) == b"a"
