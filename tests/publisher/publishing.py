"""What the tests of the flows have in common: a destination, settings, a clock, and a store that is interfered with."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from publisher.guards.limits import NO_LIMITS
from publisher.settings import PublishSettings
from publisher.store.keys import Destination
from publisher.store.protocol import SMALL_BYTES, ObjectVersion, Store, Swap
from publisher.values import StoredObject, TableRef

DESTINATION = Destination("bucket", "ids/")
ACTIVE = DESTINATION.active_key
HUNDRED = [f"{number:03}" for number in range(100)]


def settings(folder: Path, partition: str | None = "20251022", **changes: Any) -> PublishSettings:
    table = TableRef("parquet", str(folder))
    return replace(PublishSettings(DESTINATION, table=table, source_partition=partition, limits=NO_LIMITS), **changes)


class Clock:
    """A clock that goes on by a second each time it is asked."""

    def __init__(self) -> None:
        self.second = 0

    def __call__(self) -> datetime:
        self.second += 1
        return datetime(2025, 10, 23, 4, self.second // 60, self.second % 60, tzinfo=timezone.utc)


class Between(Store):
    """A store that lets something happen around its calls."""

    def __init__(self, store: Store, **around: Callable[..., Any]) -> None:
        self._store = store
        self._around = around

    def _call(self, name: str, *arguments: Any) -> Any:
        method = getattr(self._store, name)
        around = self._around.get(name)
        return around(method, *arguments) if around else method(*arguments)

    def head(self, key: str) -> StoredObject | None:
        return self._call("head", key)

    def clock(self) -> datetime | None:
        return self._call("clock")

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        return self._call("list", prefix, after)

    def read_small(self, key: str, most_bytes: int = SMALL_BYTES) -> bytes | None:
        return self._call("read_small", key, most_bytes)

    def read(self, key: str, etag: str) -> AbstractContextManager[Iterator[bytes]]:
        return self._call("read", key, etag)

    def create(self, key: str, body: BinaryIO, sha256: str, texts: Mapping[str, str]) -> str:
        return self._call("create", key, body, sha256, texts)

    def put(self, key: str, content: bytes, content_type: str) -> None:
        self._call("put", key, content, content_type)

    def delete(self, key: str, etag: str) -> None:
        self._call("delete", key, etag)

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        return self._call("versions", prefix)

    def read_version(self, found: ObjectVersion) -> AbstractContextManager[Iterator[bytes]]:
        return self._call("read_version", found)

    def remove(self, versions: Sequence[tuple[str, str | None]]) -> None:
        self._call("remove", versions)

    def copy(
        self, source: str, source_etag: str, destination: str, expected_etag: str | None, texts: Mapping[str, str]
    ) -> str:
        return self._call("copy", source, source_etag, destination, expected_etag, texts)

    @property
    def copy_limit_bytes(self) -> int:
        return self._store.copy_limit_bytes

    def copy_in_parts(
        self, source: str, source_etag: str, destination: str, texts: Mapping[str, str]
    ) -> AbstractContextManager[Swap]:
        return self._call("copy_in_parts", source, source_etag, destination, texts)


def active_content(store: Store) -> bytes | None:
    found = store.head(ACTIVE)
    if found is None:
        return None
    with store.read(ACTIVE, found.etag) as pieces:
        return gzip.decompress(b"".join(pieces))


def promotion_ends(store: Store, end: BaseException, *, is_done: bool = False) -> Store:
    """A store in which each copy to active ends with an exception.

    Args:
        store: The store.
        end: The exception.
        is_done: Whether the copy happens all the same.
    """

    def copy(method: Any, source: str, source_etag: str, destination: str, *rest: Any) -> str:
        if destination == ACTIVE and not is_done:
            raise end
        etag: str = method(source, source_etag, destination, *rest)
        if destination == ACTIVE:
            raise end
        return etag

    return Between(store, copy=copy)
