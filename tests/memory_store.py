"""A bucket in memory that is as strict as S3, behind the same Protocol."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import BinaryIO

from publisher.errors import IntegrityError
from publisher.store.protocol import SMALL_BYTES, ObjectMissing, ObjectVersion, PreconditionFailed, Swap
from publisher.values import StoredObject


@dataclass(frozen=True)
class _Kept:
    content: bytes
    texts: Mapping[str, str]
    at: datetime
    is_in_parts: bool = False
    content_type: str | None = None

    @property
    def etag(self) -> str:
        digest = hashlib.md5(self.content, usedforsecurity=False)
        if self.is_in_parts:  # as S3 does it; here, there is one part
            return f"{hashlib.md5(digest.digest(), usedforsecurity=False).hexdigest()}-1"
        return digest.hexdigest()


class MemoryStore:
    def __init__(self, copy_limit_bytes: int = 5 << 30) -> None:
        self.copy_limit_bytes = copy_limit_bytes
        self._objects: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    @property
    def data(self) -> dict[str, _Kept]:
        """All objects but the records of runs, which every run leaves."""
        return {key: kept for key, kept in self._objects.items() if "runs/" not in key}

    def head(self, key: str) -> StoredObject | None:
        kept = self._objects.get(key)
        return StoredObject(key, kept.etag, len(kept.content), kept.at, dict(kept.texts)) if kept else None

    def clock(self) -> datetime | None:
        return datetime.now(timezone.utc)

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        return iter(sorted(key for key in self._objects if key.startswith(prefix) and key > after))

    def read_small(self, key: str, most_bytes: int = SMALL_BYTES) -> bytes | None:
        kept = self._objects.get(key)
        return kept.content[:most_bytes] if kept else None

    @contextmanager
    def read(self, key: str, etag: str) -> Iterator[Iterator[bytes]]:
        kept = self._objects.get(key)
        if kept is None:
            raise ObjectMissing(key)
        if kept.etag != etag:
            raise PreconditionFailed(key)
        yield (kept.content[start : start + 1000] for start in range(0, len(kept.content), 1000))

    def create(self, key: str, body: BinaryIO, sha256: str, texts: Mapping[str, str]) -> str:
        content = body.read()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise IntegrityError("received other bytes than were sent", "run again")
        with self._lock:
            if key in self._objects:
                raise PreconditionFailed(key)
            is_in_parts = len(content) > self.copy_limit_bytes
            self._objects[key] = kept = _Kept(content, dict(texts), datetime.now(timezone.utc), is_in_parts)
        return kept.etag

    def put(self, key: str, content: bytes, content_type: str) -> None:
        self._objects[key] = _Kept(content, {}, datetime.now(timezone.utc), content_type=content_type)

    def delete(self, key: str, etag: str) -> None:
        with self._lock:
            found = self._objects.get(key)
            if found is not None and found.etag != etag:
                raise PreconditionFailed(key)
            self._objects.pop(key, None)

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        kept = ((key, self._objects[key]) for key in self.list(prefix))
        return (ObjectVersion(key, None, one.etag, len(one.content), is_latest=True) for key, one in kept)

    def read_version(self, found: ObjectVersion) -> AbstractContextManager[Iterator[bytes]]:
        return self.read(found.key, found.etag or "")

    def remove(self, versions: Sequence[tuple[str, str | None]]) -> None:
        for key, _ in versions:
            self._objects.pop(key, None)

    def copy(
        self, source: str, source_etag: str, destination: str, expected_etag: str | None, texts: Mapping[str, str]
    ) -> str:
        found = self._found(source, source_etag)
        assert len(found.content) <= self.copy_limit_bytes
        return self._swap(destination, expected_etag, _Kept(found.content, dict(texts), datetime.now(timezone.utc)))

    @contextmanager
    def copy_in_parts(
        self, source: str, source_etag: str, destination: str, texts: Mapping[str, str]
    ) -> Iterator[Swap]:
        found = self._found(source, source_etag)

        def swap(expected_etag: str | None) -> str:
            kept = _Kept(found.content, dict(texts), datetime.now(timezone.utc), is_in_parts=True)
            return self._swap(destination, expected_etag, kept)

        yield swap

    def _found(self, key: str, etag: str) -> _Kept:
        found = self._objects.get(key)
        if found is None or found.etag != etag:
            raise PreconditionFailed(key)
        return found

    def _swap(self, key: str, expected_etag: str | None, kept: _Kept) -> str:
        with self._lock:
            replaced = self._objects.get(key)
            if (replaced.etag if replaced else None) != expected_etag:
                raise PreconditionFailed(key)
            self._objects[key] = kept
        return kept.etag
