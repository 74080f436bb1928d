"""What a consumer gets: active as a local file, whole and verified, or the old file as it was."""

from __future__ import annotations

import errno
import fcntl
import gzip
import hashlib
import io
import json
import os
import random
import resource
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

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
from publisher.pull import Pulled, pull
from publisher.rollback import rollback
from publisher.settings import PublishSettings
from publisher.store.protocol import ObjectMissing, PreconditionFailed, ReadableStore, Store
from publisher.values import StoredObject, TableRef
from tests.conftest import WriteTable, new_bucket
from tests.memory_store import MemoryStore
from tests.publisher.publishing import ACTIVE, DESTINATION

SECRET = "70123456789"  # stands for an id; no message may hold it


class ReadOnly:
    """A store that cannot be written to, counts requests, and lets something happen around its reads."""

    def __init__(
        self,
        store: ReadableStore,
        *,
        before_read: Callable[[], object] = lambda: None,
        pieces: Callable[[bytes], Iterable[bytes]] | None = None,
    ) -> None:
        self.requests: list[str] = []
        self._store = store
        self._before_read = before_read
        self._pieces = pieces

    def head(self, key: str) -> StoredObject | None:
        self.requests.append("HEAD")
        return self._store.head(key)

    @contextmanager
    def read(self, key: str, etag: str) -> Iterator[Iterator[bytes]]:
        self.requests.append("GET")
        self._before_read()
        with self._store.read(key, etag) as pieces:
            yield pieces if self._pieces is None else iter(self._pieces(b"".join(pieces)))


class Publisher:
    """Publishes to a store, a second later each time."""

    def __init__(self, write_table: WriteTable) -> None:
        self._write_table = write_table
        self._second = 0

    def __call__(self, store: Store, ids: list[str], partition: str | None = "20251022") -> None:
        table = TableRef("parquet", str(self._write_table(ids)))
        publish(PublishSettings(DESTINATION, table=table, source_partition=partition), store, now=self._now)

    def _now(self) -> datetime:
        self._second += 1
        return datetime(2025, 10, 23, 4, 0, self._second, tzinfo=timezone.utc)


@pytest.fixture
def published(write_table: WriteTable) -> Publisher:
    return Publisher(write_table)


@pytest.fixture(params=["memory", "seaweed"])
def store(request: pytest.FixtureRequest) -> Store:
    return MemoryStore() if request.param == "memory" else new_bucket(request.getfixturevalue(request.param)).store


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "consumer"
    folder.mkdir()
    return folder / "latest.txt.gz"


def put(store: Store, compressed: bytes, content: bytes, **changes: str | None) -> None:
    """Writes active by hand, with the metadata of a publisher unless told otherwise."""
    texts = {
        "total_ids": str(content.count(b"\n") + 1),
        "md5_checksum": hashlib.md5(content).hexdigest(),
        "sha256": hashlib.sha256(compressed).hexdigest(),
        "content_bytes": str(len(content)),
        "source_partition": "20251022",
        **changes,
    }
    kept = {name: text for name, text in texts.items() if text is not None}
    store.create(ACTIVE, io.BytesIO(compressed), hashlib.sha256(compressed).hexdigest(), kept)


def head(store: Store) -> StoredObject:
    found = store.head(ACTIVE)
    assert found is not None
    return found


def content(target: Path) -> bytes:
    return gzip.decompress(target.read_bytes())


def state_of(target: Path) -> Path:
    return target.with_name(f"{target.name}.state.json")


def files(target: Path) -> dict[str, tuple[bytes, int, int]]:
    """Everything in the target's folder, with what tells a file from its equal successor."""
    found = {path.name: (path.read_bytes(), path.stat()) for path in target.parent.iterdir()}
    return {name: (raw, seen.st_ino, seen.st_mtime_ns) for name, (raw, seen) in found.items()}


def refused(
    error: type[PublisherError], store: ReadableStore, target: Path, match: str = ".", **options: Any
) -> PublisherError:
    """A pull that must fail, leave everything as it was, and say so in two lines without data."""
    before = files(target) if target.parent.is_dir() else None
    with pytest.raises(error, match=match) as raised:
        pull(store, DESTINATION, target, **options)
    assert (files(target) if target.parent.is_dir() else None) == before
    said = raised.value.message + raised.value.hint
    assert raised.value.message
    assert raised.value.hint
    assert "\n" not in said
    assert SECRET not in said
    return raised.value


def test_a_first_pull_is_the_active_file_and_everything_said_about_it(
    store: Store, target: Path, published: Publisher
) -> None:
    published(store, ["a", "bb", "çé"])
    counted = ReadOnly(store)
    pulled = pull(counted, DESTINATION, target)
    active = head(store)
    assert pulled == Pulled("updated", target, active.etag, active.bytes, active.metadata, active.last_modified)
    assert counted.requests == ["HEAD", "GET"]
    assert content(target) == "a\nbb\nçé".encode()
    assert sorted(files(target)) == ["latest.txt.gz", "latest.txt.gz.state.json"]
    assert json.loads(state_of(target).read_text()) == {
        "etag": active.etag,
        "bytes": target.stat().st_size,
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "md5_checksum": hashlib.md5("a\nbb\nçé".encode()).hexdigest(),
        "total_ids": 3,
        "content_bytes": 9,
        "created_at": "20251023_040001",
        "staged_key": "ids/stage/stage_20251023_040001.txt.gz",
        "source_partition": "20251022",
    }


def test_nothing_new_costs_one_head_request_and_touches_nothing(
    store: Store, target: Path, published: Publisher
) -> None:
    published(store, ["a", "b"])
    first = pull(store, DESTINATION, target)
    before, counted = files(target), ReadOnly(store)
    second = pull(counted, DESTINATION, target)
    assert counted.requests == ["HEAD"]
    assert files(target) == before
    assert second == Pulled("unchanged", target, first.etag, first.bytes, first.metadata, first.last_modified)


def test_a_new_file_replaces_the_old_one(store: Store, target: Path, published: Publisher) -> None:
    published(store, ["a", "b"])
    pull(store, DESTINATION, target)
    published(store, ["a", "b", "c"], "20251023")
    counted = ReadOnly(store)
    assert pull(counted, DESTINATION, target).status == "updated"
    assert counted.requests == ["HEAD", "GET"]
    assert content(target) == b"a\nb\nc"
    assert json.loads(state_of(target).read_text())["source_partition"] == "20251023"
    assert pull(store, DESTINATION, target).status == "unchanged"


def test_the_same_ids_from_a_newer_partition_update_the_state_without_a_download(
    store: Store, target: Path, published: Publisher
) -> None:
    published(store, ["a", "b"])
    pull(store, DESTINATION, target)
    published(store, ["a", "b"], "20251023")
    before, counted = files(target), ReadOnly(store)
    pulled = pull(counted, DESTINATION, target)
    assert counted.requests == ["HEAD"]
    assert pulled.status == "unchanged"
    assert pulled.metadata.source_partition == "20251023"
    after = files(target)
    assert after["latest.txt.gz"] == before["latest.txt.gz"]
    assert json.loads(after["latest.txt.gz.state.json"][0]) == {
        **json.loads(before["latest.txt.gz.state.json"][0]),
        "created_at": "20251023_040002",
        "staged_key": "ids/stage/stage_20251023_040002.txt.gz",
        "source_partition": "20251023",
    }
    # The newer partition counts from now on, although nothing was downloaded.
    older = MemoryStore()
    published(older, ["a", "b"])
    assert refused(GuardRefusal, older, target).guard == "older_partition"


def test_the_same_etag_with_other_claims_is_downloaded_and_found_out(target: Path) -> None:
    first, second = MemoryStore(), MemoryStore()
    compressed = gzip.compress(b"a\nb")
    put(first, compressed, b"a\nb")
    pull(first, DESTINATION, target)
    put(second, compressed, b"a\nb", total_ids="3")
    refused(IntegrityError, second, target, "total_ids is 3 by the metadata and 2 by the file")


@pytest.mark.parametrize("harm", ["missing", "another size", "a flipped bit"])
def test_a_target_that_is_not_what_was_accepted_is_downloaded_again(
    harm: str, target: Path, published: Publisher
) -> None:
    store = MemoryStore()
    published(store, ["a", "b"])
    pull(store, DESTINATION, target)
    whole = target.read_bytes()
    if harm == "missing":
        target.unlink()
    else:
        target.write_bytes(whole[:-1] if harm == "another size" else whole[:-1] + bytes([whole[-1] ^ 1]))
    assert pull(store, DESTINATION, target).status == "updated"
    assert target.read_bytes() == whole


def test_a_state_that_fell_behind_its_target_is_brought_up(target: Path, published: Publisher) -> None:
    # What a power cut between the two replacements leaves.
    store = MemoryStore()
    published(store, ["a", "b"])
    pull(store, DESTINATION, target)
    old_state = state_of(target).read_bytes()
    published(store, ["a", "b", "c"], "20251023")
    pull(store, DESTINATION, target)
    new_state = state_of(target).read_bytes()
    state_of(target).write_bytes(old_state)
    assert pull(store, DESTINATION, target).status == "updated"
    assert content(target) == b"a\nb\nc"
    assert state_of(target).read_bytes() == new_state


def test_without_a_state_file_whatever_is_there_is_replaced(target: Path, published: Publisher) -> None:
    store = MemoryStore()
    published(store, ["a"])
    target.write_bytes(b"somebody's")
    assert pull(store, DESTINATION, target).status == "updated"
    assert content(target) == b"a"


def test_the_state_file_can_be_elsewhere(target: Path, published: Publisher, tmp_path: Path) -> None:
    store, state = MemoryStore(), tmp_path / "state"
    published(store, ["a"])
    assert pull(store, DESTINATION, target, state=state).status == "updated"
    assert pull(store, DESTINATION, target, state=state).status == "unchanged"
    assert list(files(target)) == ["latest.txt.gz"]
    assert json.loads(state.read_text())["total_ids"] == 1


def test_a_relative_target(target: Path, published: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    published(store, ["a"])
    monkeypatch.chdir(target.parent)
    assert pull(store, DESTINATION, Path("latest.txt.gz")).status == "updated"
    assert pull(store, DESTINATION, target).status == "unchanged"


def test_nothing_published_yet_is_not_ready(store: Store, target: Path) -> None:
    assert refused(SourceNotReady, store, target, "Nothing is published").exit_code == 5


def flipped(raw: bytes) -> bytes:
    return bytes([*raw[: len(raw) // 2], raw[len(raw) // 2] ^ 4, *raw[len(raw) // 2 + 1 :]])


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "a flipped bit": flipped,
    "cut": lambda raw: raw[:-9],
    "nothing": lambda _: b"",
    "more": lambda raw: raw + b"\0",
    "twice": lambda raw: raw + raw,
    "another file": lambda _: gzip.compress(b"a\nc"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("first", [True, False])
def test_a_download_that_is_not_active_is_not_kept(
    damage: str, first: bool, store: Store, target: Path, published: Publisher
) -> None:
    published(store, [SECRET])
    if not first:
        pull(store, DESTINATION, target)
    published(store, [SECRET, "8"], "20251023")
    damaged = ReadOnly(store, pieces=lambda raw: [DAMAGE[damage](raw)])
    words = "the file is longer than the" if damage in ("more", "twice") else ".*sha256 is"
    assert refused(IntegrityError, damaged, target, f"is not what it should be: {words}").exit_code == 4
    assert len(files(target)) == (0 if first else 2)


A_LINE = SECRET.encode()
GZIP = gzip.compress(A_LINE)
# Each with one thing wrong, as far as one can be wrong alone: the file, its content, what the metadata says otherwise,
# and what the message names.
UNTRUE: dict[str, tuple[bytes, bytes, dict[str, str | None], str]] = {
    "count": (GZIP, A_LINE, {"total_ids": "2"}, ": total_ids is 2[^;]*$"),
    "md5": (GZIP, A_LINE, {"md5_checksum": "0" * 32}, ": md5_checksum is 0[^;]*$"),
    "sha256": (GZIP, A_LINE, {"sha256": "0" * 64}, ": sha256 is 0[^;]*$"),
    "content size": (GZIP, A_LINE, {"content_bytes": "12"}, ": content_bytes is 12[^;]*$"),
    "two members": (GZIP + GZIP, A_LINE, {}, ": the file is not one whole gzip member[.]$"),
    "not gzip": (
        A_LINE,
        A_LINE,
        {},
        ": the file is not one whole gzip member; the content is empty; total_ids.*; md5_.*; content_bytes[^;]*$",
    ),
    "blank line": (gzip.compress(b"a\n\nb"), b"a\n\nb", {}, ": the content has a blank line[.]$"),
    "empty": (gzip.compress(b""), b"", {"total_ids": "2"}, ": the content is empty; total_ids[^;]*$"),
    "empty object": (b"", b"", {"total_ids": "0"}, ": the file is not one whole gzip member[.]$"),
}


@pytest.mark.parametrize("name", UNTRUE)
def test_an_active_file_that_is_not_what_its_metadata_says_is_not_kept(name: str, target: Path) -> None:
    compressed, lines, changes, words = UNTRUE[name]
    store = MemoryStore()
    put(store, compressed, lines, **changes)
    refused(IntegrityError, store, target, words)


def test_a_size_that_is_not_the_announced_one_is_not_kept(target: Path) -> None:
    class Announcing(ReadOnly):
        def head(self, key: str) -> StoredObject | None:
            found = super().head(key)
            return found and StoredObject(key, found.etag, found.bytes + 1, found.last_modified, found.texts)

    store = MemoryStore()
    put(store, GZIP, A_LINE)
    refused(IntegrityError, Announcing(store), target, ": bytes is 32 by the store and 31 by the file[.]$")


@pytest.mark.parametrize("text", [None, "", "many", "-1"])
@pytest.mark.parametrize("name", ["total_ids", "content_bytes", "md5_checksum", "sha256"])
def test_metadata_that_says_too_little_is_refused_before_the_download(
    name: str, text: str | None, target: Path
) -> None:
    store = MemoryStore()
    put(store, GZIP, A_LINE, **{name: text})
    counted = ReadOnly(store)
    if name in ("md5_checksum", "sha256") and text:
        refused(IntegrityError, counted, target, "is not what it should be")  # any text can be a digest, a wrong one
    else:
        refused(IntegrityError, counted, target, f"lacks {name}, or it cannot be read")
        assert counted.requests == ["HEAD"]


def test_a_file_with_a_final_line_break_is_whole_too(target: Path) -> None:
    store = MemoryStore()
    put(store, gzip.compress(b"a\nb\n"), b"a\nb\n", total_ids="2")
    assert pull(store, DESTINATION, target).status == "updated"


INCOMPARABLE = {
    "older": ("20251022", "20251021"),
    "older by number": ("10", "9"),
    "older, in levels": ("ano=2025/mes=10/dia=22", "ano=2025/mes=9/dia=30"),
    "unknown": ("20251022", None),
    "written differently": ("20251022", "dia=20251023"),
    "number and word": ("20251022", "2025-10-23"),
}


@pytest.mark.parametrize("name", INCOMPARABLE)
def test_an_older_partition_is_refused_until_the_state_is_deleted(
    name: str, target: Path, published: Publisher
) -> None:
    last, partition = INCOMPARABLE[name]
    newer, older = MemoryStore(), MemoryStore()
    published(newer, ["a", "b"], last)
    published(older, ["a"], partition)
    pull(newer, DESTINATION, target)
    counted = ReadOnly(older)
    refusal = refused(GuardRefusal, counted, target, f"the last accepted one, {last}")
    assert (refusal.guard, refusal.exit_code) == ("older_partition", 3)
    assert str(state_of(target)) in refusal.hint
    assert counted.requests == ["HEAD"]
    state_of(target).unlink()
    assert pull(older, DESTINATION, target).status == "updated"
    assert content(target) == b"a"


def test_an_older_partition_with_the_same_ids_is_refused_too(target: Path, published: Publisher) -> None:
    newer, older = MemoryStore(), MemoryStore()
    published(newer, ["a"], "20251022")
    published(older, ["a"], "20251021")
    pull(newer, DESTINATION, target)
    assert refused(GuardRefusal, older, target).guard == "older_partition"


def test_a_rollback_that_was_meant_is_accepted_on_demand(target: Path, published: Publisher) -> None:
    store = MemoryStore()
    published(store, ["a", "b"], "20251021")
    published(store, ["a", "b", "c"], "20251022")
    pull(store, DESTINATION, target)
    rollback(store, DESTINATION, None, hold=False)
    assert refused(GuardRefusal, store, target, "--accept-rollback|older").guard == "older_partition"
    assert pull(store, DESTINATION, target, accept_rollback=True).status == "updated"
    assert gzip.decompress(target.read_bytes()) == b"a\nb"
    published(store, ["a", "b"], "20251023")
    pull(store, DESTINATION, target)
    older = MemoryStore()
    published(older, ["a", "b"], "20251020")  # older, and nobody meant it
    assert refused(GuardRefusal, older, target, accept_rollback=True).guard == "older_partition"


def test_an_empty_list_that_was_meant_is_accepted(target: Path, write_table: WriteTable) -> None:
    store = MemoryStore()
    table = TableRef("parquet", str(write_table([])))
    publish(PublishSettings(DESTINATION, table=table, overrule=frozenset({"no_ids"})), store)
    pull(store, DESTINATION, target)
    assert gzip.decompress(target.read_bytes()) == b""


@pytest.mark.parametrize("partition", [None, "20251022"])
def test_any_partition_may_follow_an_unknown_one(
    partition: str | None, store: Store, target: Path, published: Publisher
) -> None:
    published(store, ["a"], None)
    pull(store, DESTINATION, target)
    published(store, ["a", "b"], partition)
    assert pull(store, DESTINATION, target).status == "updated"


def test_what_was_promoted_too_long_ago_is_refused(store: Store, target: Path, published: Publisher) -> None:
    published(store, ["a"])
    promoted = head(store).last_modified
    day = timedelta(days=1)
    late: dict[str, Any] = {"max_age": day, "now": lambda: promoted + day + timedelta(seconds=5)}
    counted = ReadOnly(store)
    refusal = refused(GuardRefusal, counted, target, "24.0 hours ago; at most 24.0 hours are allowed", **late)
    assert (refusal.guard, refusal.exit_code) == ("stale", 3)
    assert counted.requests == ["HEAD"]
    assert pull(store, DESTINATION, target, max_age=day, now=lambda: promoted + day).status == "updated"
    # Also when nothing is new, in which case nothing would have been replaced.
    assert refused(GuardRefusal, store, target, **late).guard == "stale"
    assert pull(store, DESTINATION, target, max_age=day).status == "unchanged"
    assert pull(store, DESTINATION, target, now=lambda: promoted + 1000 * day).status == "unchanged"


def test_a_promotion_between_head_and_get_starts_the_pull_again(
    store: Store, target: Path, published: Publisher
) -> None:
    published(store, ["a"])
    ids = [["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]]

    def promote() -> None:
        if ids:
            published(store, ids.pop(0))

    counted = ReadOnly(store, before_read=promote)
    pulled = pull(counted, DESTINATION, target)
    assert counted.requests == ["HEAD", "GET"] * 4
    assert (pulled.status, pulled.etag) == ("updated", head(store).etag)
    assert content(target) == b"a\nb\nc\nd"
    assert json.loads(state_of(target).read_text())["etag"] == pulled.etag


def test_who_is_overtaken_four_times_gives_up(store: Store, target: Path, published: Publisher) -> None:
    ids = ["a"]
    published(store, ids)
    pull(store, DESTINATION, target)

    def promote() -> None:
        ids.append(f"b{len(ids)}")
        published(store, ids)

    promote()
    counted = ReadOnly(store, before_read=promote)
    assert refused(Conflict, counted, target).exit_code == 6
    assert counted.requests == ["HEAD", "GET"] * 4


@pytest.mark.parametrize("failure", [PreconditionFailed, ObjectMissing])
def test_a_replacement_noticed_while_reading_starts_the_pull_again(
    failure: type[Exception], target: Path, published: Publisher
) -> None:
    store = MemoryStore()
    published(store, ["a"])
    remaining = [failure("active")]

    def pieces(raw: bytes) -> Iterator[bytes]:
        yield raw[:5]
        if remaining:
            raise remaining.pop()
        yield raw[5:]

    assert pull(ReadOnly(store, pieces=pieces), DESTINATION, target).status == "updated"
    assert content(target) == b"a"
    assert len(files(target)) == 2


def test_an_active_file_that_goes_away_is_not_ready(target: Path, published: Publisher) -> None:
    store = MemoryStore()
    published(store, ["a"])
    gone = ReadOnly(store, before_read=lambda: store._objects.pop(ACTIVE, None))
    refused(SourceNotReady, gone, target)


@pytest.mark.parametrize(
    "end", [KeyboardInterrupt(), SystemExit(143), StoreFailed("broken", "run again"), RuntimeError(), OSError()]
)
@pytest.mark.parametrize("first", [True, False])
def test_a_pull_that_ends_half_way_leaves_everything_as_it_was(
    end: BaseException, first: bool, target: Path, published: Publisher
) -> None:
    store = MemoryStore()
    published(store, ["a"])
    if not first:
        pull(store, DESTINATION, target)
    published(store, ["a", "b"], "20251023")
    before = files(target)
    during: list[int] = []

    def pieces(raw: bytes) -> Iterator[bytes]:
        yield raw[:5]
        during.append(len(files(target)))
        raise end

    with pytest.raises(type(end)) as raised:
        pull(ReadOnly(store, pieces=pieces), DESTINATION, target)
    assert raised.value is end
    assert during == [len(before) + 2]  # so there was something to remove
    assert files(target) == before


STATE: dict[str, Any] = {
    "etag": "0" * 32,
    "bytes": 1,
    "sha256": "0" * 64,
    "md5_checksum": "0" * 32,
    "total_ids": 1,
    "content_bytes": 1,
    "created_at": None,
    "staged_key": None,
    "source_partition": "20251021",
}
FOREIGN: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"70123456789",
    "cut": json.dumps(STATE).encode()[:-9],
    "not text": b"\xff\xfe\xfa",
    "nested": b"[" * 100_000,
    "a list": b"[]",
    "null": b"null",
    "an object": b"{}",
    **{f"without {name}": json.dumps({k: v for k, v in STATE.items() if k != name}).encode() for name in STATE},
    **{f"wrong {name}": json.dumps({**STATE, name: [SECRET]}).encode() for name in STATE},
    "a number as a text": json.dumps({**STATE, "bytes": "1"}).encode(),
    "a boolean as a number": json.dumps({**STATE, "bytes": True}).encode(),
    "a fraction": json.dumps({**STATE, "bytes": 1.0}).encode(),
    "a number as a partition": json.dumps({**STATE, "source_partition": 20251021}).encode(),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_state_file_that_is_none_is_a_usage_error(name: str, target: Path, published: Publisher) -> None:
    store = MemoryStore()
    published(store, ["a"])
    state_of(target).write_bytes(FOREIGN[name])
    counted = ReadOnly(store)
    error = refused(UsageError, counted, target, "damaged, or not one of a pull")
    assert str(state_of(target)) in error.message
    assert "Delete it" in error.hint
    assert counted.requests == []


def test_a_state_file_of_another_version_with_more_in_it_is_read(target: Path, published: Publisher) -> None:
    store = MemoryStore()
    published(store, ["a"])
    state_of(target).write_text(json.dumps({**STATE, "more": 1}))
    assert pull(store, DESTINATION, target).status == "updated"


@pytest.mark.parametrize("which", ["target", "state"])
@pytest.mark.parametrize("kind", ["folder", "link", "in no folder", "below a file", "in a folder without writing"])
def test_a_path_that_cannot_be_written_is_a_usage_error(
    which: str, kind: str, target: Path, published: Publisher, tmp_path: Path
) -> None:
    store = MemoryStore()
    published(store, ["a"])
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"somebody's")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    path, words = {
        "folder": (tmp_path / "folder", "is a folder, a link or a device"),
        "link": (tmp_path / "link", "is a folder, a link or a device"),
        "in no folder": (tmp_path / "nowhere" / "file", "does not exist"),
        "below a file": (tmp_path / "file" / "file", "Not a directory"),
        # Nobody can create a file there, root included, whose rights would pass over a folder's mode.
        "in a folder without writing": (Path("/proc/self/file"), "cannot be written"),
    }[kind]
    counted = ReadOnly(store)
    with pytest.raises(UsageError, match=words) as raised:
        pull(counted, DESTINATION, path if which == "target" else target, state=path if which == "state" else None)
    assert str(path if kind in ("folder", "link") else path.parent) in raised.value.message
    assert "GET" not in counted.requests
    assert files(target) == {}
    assert (tmp_path / "file").read_bytes() == b"somebody's"


@pytest.mark.parametrize("path", ["", "/", "..", "/dev/null"])
def test_a_target_that_is_no_plain_file_is_a_usage_error(path: str) -> None:
    with pytest.raises(UsageError, match="is a folder, a link or a device"):
        pull(ReadOnly(MemoryStore()), DESTINATION, Path(path))


def test_a_folder_that_takes_no_new_files_is_noticed_before_any_request(
    target: Path, published: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    published(store, ["a"])
    pull(store, DESTINATION, target)
    monkeypatch.setattr(os, "access", lambda *_: False)  # the tests may run as root, who may write anywhere
    counted = ReadOnly(store)
    refused(UsageError, counted, target, "cannot be written to")
    assert counted.requests == []


def test_target_and_state_cannot_be_one_file(target: Path, tmp_path: Path) -> None:
    other_way = target.parent / ".." / target.parent.name / target.name
    for state in (target, other_way):
        refused(UsageError, ReadOnly(MemoryStore()), target, "at once", state=state)


@contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    """A write beyond the limit fails after having taken a part, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("first", [True, False])
def test_a_full_disk_is_a_usage_error_and_nothing_is_left(first: bool, target: Path, published: Publisher) -> None:
    store, numbers = MemoryStore(), random.Random(1)
    published(store, ["0"])
    if not first:
        pull(store, DESTINATION, target)
    published(store, ["0", *sorted({f"{numbers.randrange(10**11):011}" for _ in range(20_000)})], "20251023")
    assert head(store).bytes > 90_000
    with file_size_limit(70_001):
        refused(UsageError, store, target, f"{target} cannot be written: File too large")
    assert pull(store, DESTINATION, target).status == "updated"


def test_a_disk_too_full_for_the_state_leaves_the_target_too(target: Path, published: Publisher) -> None:
    store = MemoryStore()
    published(store, ["a"])
    pull(store, DESTINATION, target)
    published(store, ["a", "b"], "20251023")
    assert head(store).bytes < 200 < state_of(target).stat().st_size
    with file_size_limit(200):
        refused(UsageError, store, target, f"{state_of(target)} cannot be written: File too large")


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_who_may_read_the_file_is_what_the_umask_says(
    umask: int, mode: int, target: Path, published: Publisher
) -> None:
    store = MemoryStore()
    published(store, ["a"])
    before = os.umask(umask)
    try:
        pull(store, DESTINATION, target)
        published(store, ["a"], "20251023")  # which replaces the state alone
        pull(store, DESTINATION, target)
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (target, state_of(target))] == [mode, mode]


def test_both_files_outlive_a_power_cut_from_the_moment_they_are_in_place(
    target: Path, published: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, synced = MemoryStore(), []
    published(store, ["a"])
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        kind = "folder" if path.is_dir() else "temporary" if path.suffix == ".tmp" else "in place"
        synced.append((kind, os.fstat(descriptor).st_size > 0, target.exists(), state_of(target).exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    pull(store, DESTINATION, target)
    assert synced == [
        ("temporary", True, False, False),
        ("temporary", True, False, False),
        ("folder", True, True, False),
        ("folder", True, True, True),
    ]


def refusing_folders(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


def test_where_a_folder_cannot_be_synced_an_older_partition_is_still_recognised(
    store: Store, target: Path, published: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing_folders(monkeypatch, errno.EINVAL)
    published(store, ["a", "b"], "20251021")
    published(store, ["a", "b", "c"], "20251022")
    assert pull(store, DESTINATION, target).status == "updated"
    rollback(store, DESTINATION, None, hold=False)
    assert refused(GuardRefusal, store, target).guard == "older_partition"
    assert content(target) == b"a\nb\nc"


def test_a_disk_that_fails_once_the_target_is_replaced_leaves_its_state_with_it(
    target: Path, published: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    published(store, ["a"])
    refusing_folders(monkeypatch, errno.EIO)
    with pytest.raises(UsageError, match="cannot be written: Input/output error"):
        pull(store, DESTINATION, target)
    monkeypatch.undo()
    assert len(files(target)) == 2
    assert pull(store, DESTINATION, target).status == "unchanged"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_who_may_read_the_files_stays_as_somebody_made_it(mode: int, target: Path, published: Publisher) -> None:
    store = MemoryStore()
    published(store, ["a"])
    pull(store, DESTINATION, target)
    owner = (1234, 2345) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    for path in (target, state_of(target)):
        path.chmod(mode)
        os.chown(path, *owner)
    published(store, ["a", "b"], "20251023")
    assert pull(store, DESTINATION, target).status == "updated"
    published(store, ["a", "b"], "20251024")
    assert pull(store, DESTINATION, target).status == "unchanged"  # which replaces the state alone
    for path in (target, state_of(target)):
        found = path.stat()
        assert (found.st_mode & 0o777, found.st_uid, found.st_gid) == (mode, *owner)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_a_pull_works_and_sees_who_was_faster(
    code: int, target: Path, published: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    store = MemoryStore()
    published(store, ["a"])
    test_a_pull_that_was_overtaken_by_another_does_not_bring_the_older_file_back(store, target, published)


def test_pulls_to_one_file_with_a_state_of_their_own_each_see_who_was_faster(
    target: Path, published: Publisher, tmp_path: Path
) -> None:
    store = MemoryStore()
    published(store, ["a"])

    def overtaking(raw: bytes) -> Iterator[bytes]:
        yield raw
        if not target.exists():
            published(store, ["a", "b"], "20251023")
            pull(store, DESTINATION, target, state=tmp_path / "other")

    pulled = pull(ReadOnly(store, pieces=overtaking), DESTINATION, target)
    assert pulled.metadata.source_partition == "20251023"
    assert content(target) == b"a\nb"


def test_a_state_file_that_cannot_be_read_is_a_usage_error(target: Path, published: Publisher) -> None:
    store = MemoryStore()
    published(store, ["a"])
    becomes_a_folder = ReadOnly(store, before_read=lambda: state_of(target).mkdir())
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        pull(becomes_a_folder, DESTINATION, target)
    assert list(target.parent.iterdir()) == [state_of(target)]


def test_a_reader_with_the_old_file_open_keeps_it(target: Path, published: Publisher) -> None:
    store = MemoryStore()
    published(store, ["a"])
    pull(store, DESTINATION, target)
    with target.open("rb") as reader:
        published(store, ["a", "b"], "20251023")
        pull(store, DESTINATION, target)
        assert gzip.decompress(reader.read()) == b"a"


def test_a_pull_that_was_overtaken_by_another_does_not_bring_the_older_file_back(
    store: Store, target: Path, published: Publisher
) -> None:
    published(store, ["a"])

    def overtaking(raw: bytes) -> Iterator[bytes]:
        yield raw[:5]
        if not target.exists():
            published(store, ["a", "b"], "20251023")
            pull(store, DESTINATION, target)
        yield raw[5:]

    slow = ReadOnly(store, pieces=overtaking)
    pulled = pull(slow, DESTINATION, target)
    assert (pulled.status, pulled.metadata.source_partition) == ("unchanged", "20251023")
    assert slow.requests == ["HEAD", "GET", "HEAD"]
    assert content(target) == b"a\nb"
    assert len(files(target)) == 2


def test_pulls_at_once_leave_whole_files_at_any_moment(store: Store, target: Path, published: Publisher) -> None:
    ids = [f"{number:06}" for number in range(2000)]
    published(store, ids)
    pull(store, DESTINATION, target)
    expected = ["\n".join(ids)]
    done = threading.Event()
    seen: set[str] = set()
    states: set[str] = set()

    def watch() -> None:
        while not done.is_set():
            seen.add(content(target).decode())
            states.add(state_of(target).read_text())

    with ThreadPoolExecutor(5) as threads:
        watching = threads.submit(watch)
        try:
            for day in range(23, 29):
                ids.append(f"{100_000 + day}")
                published(store, ids, f"202510{day}")
                expected.append("\n".join(ids))
                together = threading.Barrier(4)
                waiting = ReadOnly(store, before_read=lambda gate=together: gate.wait(20))  # type: ignore[misc]
                pulls = [threads.submit(pull, waiting, DESTINATION, target) for _ in range(4)]
                assert "updated" in {future.result().status for future in pulls}
        finally:
            done.set()
        watching.result()
    assert seen <= set(expected)
    assert all(json.loads(state).keys() == STATE.keys() for state in states)
    assert content(target).decode() == expected[-1]
    assert pull(store, DESTINATION, target).status == "unchanged"
    assert len(files(target)) == 2
