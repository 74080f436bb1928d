"""What is longer than was announced is not read to its end, whoever reads it."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from publisher.errors import IntegrityError
from publisher.file.inspecting import Inspector, differences, inspect
from publisher.publish import publish
from publisher.pull import pull
from publisher.rollback import rollback
from publisher.store.protocol import Store
from publisher.values import Metadata, StoredObject
from publisher.verify import verify, verify_object
from tests.conftest import WriteTable
from tests.memory_store import MemoryStore
from tests.publisher.publishing import ACTIVE, DESTINATION, Between, Clock, settings

PIECE_BYTES = 1 << 18  # what is unpacked at once
ZEROS = bytes(16 << 20)
STAGED = DESTINATION.stage_key("20251022_000000")


def bomb(blocks: int = 256) -> bytes:
    """Returns 4 MB that unpack to 4 GiB."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = deflate.compress(ZEROS) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(ZEROS) + deflate.flush(zlib.Z_FULL_FLUSH)
    return first + block * (blocks - 1) + deflate.flush()


BOMB = bomb()
assert 4e6 < len(BOMB) < 5e6


def put(store: Store, key: str, compressed: bytes, **texts: str) -> None:
    said = {"total_ids": "1", "content_bytes": "3", "md5_checksum": "0" * 32, "sha256": "0" * 64, **texts}
    store.create(key, io.BytesIO(compressed), hashlib.sha256(compressed).hexdigest(), said)


class Counting:
    """Counts what is taken of a file's pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.bytes = 0
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.bytes += len(piece)
            yield piece


def counting_reads(store: Store, counted: list[Counting], replaced: bytes | None = None) -> Store:
    """Returns a store that counts what is read of it, and may give other bytes than it has."""

    @contextmanager
    def read(real: Any, key: str, etag: str) -> Iterator[Iterator[bytes]]:
        with real(key, etag) as pieces:
            counted.append(
                Counting(pieces if replaced is None else [replaced[:1000], *[replaced[1000:2000]] * 1_000_000])
            )
            yield iter(counted[-1])

    return Between(store, read=read)


def rolled_back(store: Store, _: Path) -> None:
    rollback(store, DESTINATION, STAGED, hold=False)


def verified(store: Store, _: Path) -> None:
    if found := verify(store, DESTINATION).differences:
        raise IntegrityError("; ".join(found), "")


READERS: dict[str, Callable[[Store, Path], object]] = {
    "verify": verified,
    "rollback": rolled_back,
    "pull": lambda store, folder: pull(store, DESTINATION, folder / "latest.txt.gz"),
}
MORE_CONTENT = "the file has more content than the 3 bytes announced by its metadata([.]?$|; it is not the publisher)"


@pytest.mark.parametrize("reader", READERS)
def test_more_content_than_was_announced_is_not_unpacked(reader: str, tmp_path: Path) -> None:
    store = MemoryStore()
    for key in (ACTIVE, STAGED):
        put(store, key, BOMB)
    counted: list[Counting] = []
    with pytest.raises(IntegrityError, match=MORE_CONTENT):
        READERS[reader](counting_reads(store, counted), tmp_path)
    assert [one.bytes for one in counted] == [1000]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reader", READERS)
def test_a_longer_file_than_was_announced_is_not_read(reader: str, tmp_path: Path) -> None:
    store, whole = MemoryStore(), gzip.compress(b"abc")
    for key in (ACTIVE, STAGED):
        put(store, key, whole)
    counted: list[Counting] = []
    with pytest.raises(IntegrityError, match=f"the file is longer than the {len(whole)} bytes announced by the store"):
        READERS[reader](counting_reads(store, counted, BOMB), tmp_path)
    assert [one.bytes for one in counted] == [1000]
    assert list(tmp_path.iterdir()) == []


def test_the_read_back_is_as_strict(write_table: WriteTable) -> None:
    counted: list[Counting] = []
    store = counting_reads(MemoryStore(), counted, BOMB)
    with pytest.raises(IntegrityError, match=r"read back different .* longer than the .* bytes announced"):
        publish(settings(write_table(["a"])), store, now=Clock())
    assert [one.bytes for one in counted] == [1000]


@pytest.mark.parametrize("announced", [0, 3, PIECE_BYTES, 5 << 20])
def test_it_stops_within_a_piece_of_what_was_announced(announced: int) -> None:
    counted = Counting(BOMB[start : start + (1 << 20)] for start in range(0, len(BOMB), 1 << 20))
    found = inspect(counted, len(BOMB), Metadata(content_bytes=announced))
    assert found.has_more_content
    assert announced < found.content_bytes <= announced + PIECE_BYTES
    assert counted.bytes == 1 << 20


@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
def test_what_was_announced_exactly_is_read_to_its_end(piece: int) -> None:
    content = b"\n".join(b"%06d" % number for number in range(1000))
    compressed = gzip.compress(content)
    said = Metadata(
        total_ids=1000,
        content_bytes=len(content),
        md5_checksum=hashlib.md5(content).hexdigest(),
        sha256=hashlib.sha256(compressed).hexdigest(),
    )
    pieces = [compressed[start : start + piece] for start in range(0, len(compressed), piece)]
    assert differences(len(compressed), said, inspect(pieces, len(compressed), said)) == ()
    less = Metadata(**{**vars(said), "content_bytes": len(content) - 1})
    assert differences(len(compressed), less, inspect(pieces, len(compressed), less)) == (
        f"the file has more content than the {len(content) - 1} bytes announced by its metadata",
    )
    assert differences(len(compressed) - 1, said, inspect(pieces, len(compressed) - 1, said)) == (
        f"the file is longer than the {len(compressed) - 1} bytes announced by the store",
    )


def test_what_was_not_announced_is_inspected_whole() -> None:
    inspector = Inspector()
    inspector.feed(gzip.compress(bytes(1 << 20)))
    found = inspector.finish()
    assert (found.is_whole_gzip, found.content_bytes, inspector.is_over) == (True, 1 << 20, False)


def test_a_staged_file_of_an_older_publisher_without_sizes_is_said_to_lack_them() -> None:
    store = MemoryStore()
    put(store, STAGED, gzip.compress(b"abc"), content_bytes="")
    found: StoredObject | None = store.head(STAGED)
    assert found is not None
    assert "content_bytes is missing from the metadata or unreadable" in verify_object(store, found).differences
