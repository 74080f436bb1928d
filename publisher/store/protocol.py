"""What the publisher asks of an object store: S3's semantics, and nothing that S3 does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from publisher.values import StoredObject

CONTENT_TYPE = "application/gzip"
# What is written as a small object, such as a record, has some kilobytes. Whatever else lies there is not read to its
# end.
SMALL_BYTES = 64 * 1024
# The ETag of nothing, which no condition on one that is there meets.
NO_ETAG = "0" * 32

# Replaces an object in one atomic step. Takes the ETag that it must have, None when it must not exist; returns the new
# one. Raises PreconditionFailed when it is not what was expected; then nothing was changed.
Swap = Callable[[str | None], str]


class PreconditionFailed(Exception):
    """The object is not the one that the caller expected, or is there although none was expected."""


class ObjectMissing(Exception):
    """There is no object under that key."""


@dataclass(frozen=True)
class ObjectVersion:
    """One version of an object, or a delete marker, which stands for its being removed.

    Attributes:
        version: What names it; None for the only one, where the bucket keeps no others.
        etag: Without quotes; None for a delete marker.
        bytes: Its size.
        is_latest: Whether it is what a reader gets who names no version.
    """

    key: str
    version: str | None
    etag: str | None
    bytes: int
    is_latest: bool


class ReadableStore(Protocol):
    """The part of `Store` that a consumer has the rights for."""

    def head(self, key: str) -> StoredObject | None:
        """Returns what is under `key`, None when nothing is."""
        ...

    def read(self, key: str, etag: str) -> AbstractContextManager[Iterator[bytes]]:
        """Opens the object for reading in pieces, if it still has this ETag.

        A body that breaks off is gone on with, in the same version. So the pieces raise the same as the opening does.

        Raises:
            PreconditionFailed: It has another.
            ObjectMissing: It is gone.
        """
        ...


class Store(ReadableStore, Protocol):
    """One bucket.

    Every method raises `publisher.errors.StoreFailed` when the store refuses, cannot be reached, or keeps failing.
    ETags are without quotes. They are not of the content alone: the same bytes uploaded in parts have another.
    """

    @property
    def copy_limit_bytes(self) -> int:
        """How many bytes one `copy` takes at most; a larger object is copied in parts."""
        ...

    def clock(self) -> datetime | None:
        """Returns what the store's clock shows, to the second; None where its answers do not tell."""
        ...

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        """Returns the keys that begin with `prefix` and come after another, in ascending order.

        Args:
            prefix: What they begin with.
            after: Only greater keys than this.
        """
        ...

    def read_small(self, key: str, most_bytes: int = SMALL_BYTES) -> bytes | None:
        """Returns the content of a small object, whichever version it is; None when there is none.

        Args:
            key: The object.
            most_bytes: Not more than this is read, however large it is.
        """
        ...

    def create(self, key: str, body: BinaryIO, sha256: str, texts: Mapping[str, str]) -> str:
        """Writes an object that must not exist yet, whole or not at all, and returns its ETag.

        Args:
            key: The new key.
            body: Its content, from the current position to the end; seekable, so that a retry can begin again.
            sha256: The content's SHA-256 in hex. The store itself compares it with what arrives.
            texts: The object's metadata.

        Raises:
            PreconditionFailed: The key exists.
            publisher.errors.IntegrityError: What arrived has another SHA-256.
        """
        ...

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Writes an object, whatever is there: for what no correctness rests on, such as a page for people.

        Args:
            key: The object.
            content: All of it.
            content_type: What a browser takes it for.
        """
        ...

    def delete(self, key: str, etag: str) -> None:
        """Removes an object, if it still has this ETag; one that is gone already is no failure.

        Not every store checks an ETag on a delete, so there it is a look and a delete: for objects that no correctness
        rests on.

        Raises:
            PreconditionFailed: It has another.
        """
        ...

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """Returns each version of the objects whose keys begin with `prefix`, older ones and what removed them, too.

        Args:
            prefix: What the keys begin with.

        Raises:
            publisher.errors.StoreFailed: Among others, where older versions may not be seen.
        """
        ...

    def read_version(self, found: ObjectVersion) -> AbstractContextManager[Iterator[bytes]]:
        """Opens one version of an object for reading in pieces, as `read` does.

        Args:
            found: As `versions` gave it; no delete marker.

        Raises:
            PreconditionFailed: It is another.
            ObjectMissing: It is gone.
        """
        ...

    def remove(self, versions: Sequence[tuple[str, str | None]]) -> None:
        """Removes versions of objects for good, or objects, where no version is named; those that are gone, too.

        Unconditionally: for what nobody writes again.
        """
        ...

    def copy(
        self, source: str, source_etag: str, destination: str, expected_etag: str | None, texts: Mapping[str, str]
    ) -> str:
        """Replaces `destination` by a copy of `source` in one atomic step: a compare-and-swap.

        Args:
            source: The key to copy.
            source_etag: The ETag that it must have.
            destination: The key to replace.
            expected_etag: The ETag that `destination` must have; None when it must not exist.
            texts: The copy's metadata; none of the source's is kept.

        Returns:
            The copy's ETag.

        Raises:
            PreconditionFailed: One of the two is not what was expected; nothing was changed.
        """
        ...

    def copy_in_parts(
        self, source: str, source_etag: str, destination: str, texts: Mapping[str, str]
    ) -> AbstractContextManager[Swap]:
        """Copies `source` to where nobody sees it, and yields what then makes it `destination`.

        The same compare-and-swap as `copy`, for objects of any size, and for stores that look at a condition here and
        not there. What was not swapped in when the block is left is thrown away; best effort.

        Args:
            source: The key to copy.
            source_etag: The ETag that it must have.
            destination: The key to replace.
            texts: The copy's metadata; none of the source's is kept.

        Raises:
            PreconditionFailed: The source is not what was expected.
        """
        ...
