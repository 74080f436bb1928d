"""The same cases against every store that the tests use: what the Protocol promises, each of them keeps."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from publisher.errors import IntegrityError
from publisher.store import ObjectMissing, PreconditionFailed, Store
from tests.conftest import new_bucket
from tests.memory_store import MemoryStore

TEXTS = {"total_ids": "3", "source_partition": "ano=2025/mes=10/dia=22"}
NO_ETAG = "0" * 32


@pytest.fixture(params=["memory", "moto", "seaweed"])
def store(request: pytest.FixtureRequest) -> Store:
    return MemoryStore() if request.param == "memory" else new_bucket(request.getfixturevalue(request.param)).store


def create(store: Store, key: str, content: bytes, texts: dict[str, str] = TEXTS) -> str:
    return store.create(key, io.BytesIO(content), hashlib.sha256(content).hexdigest(), texts)


def content(store: Store, key: str, etag: str) -> bytes:
    with store.read(key, etag) as pieces:
        return b"".join(pieces)


def test_nothing_is_an_absence_not_an_error(store: Store) -> None:
    assert store.head("absent") is None


def test_what_is_created_can_be_looked_at_and_read(store: Store) -> None:
    etag = create(store, "stage/one", b"abc")
    found = store.head("stage/one")
    assert found is not None
    assert (found.key, found.etag, found.bytes, dict(found.texts)) == ("stage/one", etag, 3, TEXTS)
    assert content(store, "stage/one", etag) == b"abc"


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (5 << 20) + 1])
def test_content_of_any_size_comes_back(store: Store, size: int) -> None:
    sent = bytes(number * 31 % 251 for number in range(1009)) * (size // 1009 + 1)
    etag = create(store, "x", sent[:size])
    assert content(store, "x", etag) == sent[:size]


def test_a_body_is_taken_from_its_position(store: Store) -> None:
    body = io.BytesIO(b"abc")
    body.seek(1)
    etag = store.create("x", body, hashlib.sha256(b"bc").hexdigest(), {})
    assert content(store, "x", etag) == b"bc"


def test_a_key_is_created_once(store: Store) -> None:
    etag = create(store, "x", b"first")
    with pytest.raises(PreconditionFailed):
        create(store, "x", b"second")
    assert content(store, "x", etag) == b"first"


def test_bytes_that_are_not_those_of_the_digest_are_not_kept(store: Store) -> None:
    with pytest.raises(IntegrityError):
        store.create("x", io.BytesIO(b"abc"), hashlib.sha256(b"abd").hexdigest(), {})
    assert store.head("x") is None


def test_reading_asks_for_one_version(store: Store) -> None:
    create(store, "x", b"abc")
    with pytest.raises(PreconditionFailed):
        content(store, "x", NO_ETAG)
    with pytest.raises(ObjectMissing):
        content(store, "absent", NO_ETAG)


def test_a_copy_onto_nothing_expects_nothing(store: Store) -> None:
    etag = create(store, "stage/one", b"abc")
    copied = store.copy("stage/one", etag, "active", None, {"total_ids": "4"})
    found = store.head("active")
    assert found is not None
    assert (found.etag, found.bytes, dict(found.texts)) == (copied, 3, {"total_ids": "4"})
    with pytest.raises(PreconditionFailed):
        store.copy("stage/one", etag, "active", None, {"total_ids": "5"})
    still = store.head("active")
    assert still is not None
    assert dict(still.texts) == {"total_ids": "4"}


def test_a_copy_replaces_the_version_it_expects_and_no_other(store: Store) -> None:
    one, two = create(store, "stage/one", b"one"), create(store, "stage/two", b"two")
    active = store.copy("stage/one", one, "active", None, {"n": "1"})
    with pytest.raises(PreconditionFailed):
        store.copy("stage/two", two, "active", NO_ETAG, {"n": "2"})
    assert content(store, "active", active) == b"one"
    swapped = store.copy("stage/two", two, "active", active, {"n": "2"})
    assert content(store, "active", swapped) == b"two"


def test_a_copy_onto_nothing_does_not_pass_for_a_replacement(store: Store) -> None:
    etag = create(store, "stage/one", b"one")
    with pytest.raises(PreconditionFailed):
        store.copy("stage/one", etag, "active", NO_ETAG, {})
    assert store.head("active") is None


def test_a_copy_takes_the_version_of_the_source_that_was_verified(store: Store) -> None:
    create(store, "stage/one", b"one")
    for source in ("stage/one", "stage/absent"):
        with pytest.raises(PreconditionFailed):
            store.copy(source, NO_ETAG, "active", None, {})
    assert store.head("active") is None


def test_a_copy_onto_itself_under_a_failing_condition_changes_nothing(store: Store) -> None:
    etag = create(store, "x", b"abc")
    for expected in (None, NO_ETAG):
        with pytest.raises(PreconditionFailed):
            store.copy("x", etag, "x", expected, {"other": "1"})
    found = store.head("x")
    assert found is not None
    assert dict(found.texts) == TEXTS


def test_keys_are_listed_by_their_beginning(store: Store) -> None:
    for key in ("stage/b", "stage/a", "stages", "active/x"):
        create(store, key, b"abc")
    assert list(store.list("stage/")) == ["stage/a", "stage/b"]
    assert list(store.list("nothing/")) == []


def test_what_is_deleted_is_gone_if_it_is_what_was_seen(store: Store) -> None:
    etag = create(store, "x", b"abc")
    with pytest.raises(PreconditionFailed):
        store.delete("x", NO_ETAG)
    assert store.head("x") is not None
    store.delete("x", etag)
    store.delete("x", etag)
    assert store.head("x") is None


def test_of_racing_copies_exactly_one_wins(store: Store) -> None:
    etags = [create(store, f"stage/{number}", f"content {number}".encode()) for number in range(8)]
    active = store.copy("stage/0", etags[0], "active", None, {"n": "0"})

    def swap(number: int) -> int | None:
        try:
            store.copy(f"stage/{number}", etags[number], "active", active, {"n": str(number)})
        except PreconditionFailed:
            return None
        return number

    with ThreadPoolExecutor(7) as pool:
        winners = [number for number in pool.map(swap, range(1, 8)) if number is not None]
    assert len(winners) == 1
    found = store.head("active")
    assert found is not None
    assert dict(found.texts) == {"n": str(winners[0])}
    assert content(store, "active", found.etag) == f"content {winners[0]}".encode()


def test_what_is_active_is_whole_while_it_is_replaced(store: Store) -> None:
    contents = {hashlib.md5(body).hexdigest(): body for body in (bytes([n]) * 300_000 for n in range(6))}
    stages = {etag: create(store, f"stage/{number}", body) for number, (etag, body) in enumerate(contents.items())}
    first = next(iter(stages))
    store.copy("stage/0", first, "active", None, {})

    def read_until(_: int) -> Iterable[str]:
        seen = []
        for _attempt in range(10):
            found = store.head("active")
            assert found is not None
            try:
                assert content(store, "active", found.etag) == contents[found.etag]
            except PreconditionFailed:
                continue  # replaced in between: the store said so
            seen.append(found.etag)
        return seen

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read_until, number) for number in range(4)]
        current = first
        for number, etag in enumerate(stages):
            current = store.copy(f"stage/{number}", etag, "active", current, {})
        assert any(reader.result() for reader in readers)
