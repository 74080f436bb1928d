"""Replacing an object under a condition: by which request a store does it, found out and not assumed."""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import Enum
from functools import partial

from publisher.errors import IntegrityError, PublisherError, StoreFailed
from publisher.store.keys import Destination
from publisher.store.protocol import NO_ETAG, PreconditionFailed, Store, Swap
from publisher.store.staging import StagedFile
from publisher.values import StoredObject

# Metadata has underscores in its names, and some proxies drop such headers.
UNDERSCORES = "as behind a proxy that drops headers with underscores; nginx: underscores_in_headers on"
_PROBE = b"publisher probe"


class SwapMethod(Enum):
    """The request by which a store replaces an object under a condition."""

    COPY = "CopyObject"
    PARTS = "CompleteMultipartUpload"


def find_swap_method(
    store: Store, destination: Destination, staged: StagedFile, active: StoredObject | None
) -> tuple[SwapMethod, StagedFile]:
    """Finds out by which request the store honours the condition that the promotion will rely on.

    Most S3-compatible stores ignore a condition on a copy's destination in silence; several of them honour it when a
    multipart upload is completed. CopyObject is asked first: it is one request, and a store may look at the condition
    of the other and not hold on to it until the object is there (SeaweedFS 4.48 does; `publisher doctor` tries it).

    Returns:
        By which request, and the staged file: where the store ignored the condition, as it is now.

    Raises:
        StoreFailed: The store honours it nowhere, or failed.
    """
    is_one_copy = staged.bytes <= store.copy_limit_bytes
    if is_one_copy:
        _require_source_condition(store, staged)
        # A store that ignores it copies the staged file onto itself, which changes nothing; but maybe the ETag, where
        # that is not of the content alone.
        try:
            condition = NO_ETAG if active else None
            etag = store.copy(staged.key, staged.etag, staged.key, condition, staged.metadata.to_texts())
        except PreconditionFailed:
            return SwapMethod.COPY, staged
        staged = replace(staged, etag=etag)
    if _is_completion_refused(store, destination):
        return SwapMethod.PARTS, staged
    ignored = "a copy's destination and on a multipart upload's" if is_one_copy else "a multipart upload's destination"
    raise StoreFailed(
        f"The store ignores a condition on {ignored}, so two publishers could overwrite each other.",
        "Use a store that honours If-Match and If-None-Match on CopyObject, or at least on CompleteMultipartUpload.",
    )


def require_conditions(store: Store, staged: StagedFile) -> None:
    """Finds out whether the store keeps what a new staged file relies on until it is promoted.

    Args:
        store: The bucket.
        staged: A file that this run has staged: a store that ignores the condition of a new key overwrites it.

    Raises:
        IntegrityError: The store tells other metadata of it than was written.
        StoreFailed: The store ignores a condition, or failed.
    """
    found = store.head(staged.key)
    if found is None or dict(found.texts) != staged.metadata.to_texts():
        raise IntegrityError(
            f"The metadata of the staged file {staged.key} is not told as it was written.",
            f"Run `publisher doctor`, and look at what is between here and the store ({UNDERSCORES}).",
        )
    if reads_other(store, staged.key):
        raise _ignores("If-Match when reading, so another file than the one that was written could pass for it")
    again = partial(store.create, staged.key, io.BytesIO(b""), hashlib.sha256(b"").hexdigest(), {})
    if not is_refused(again):
        raise _ignores("If-None-Match when writing, so two publishers could overwrite each other's staged files")


def reads_other(store: Store, key: str) -> bool:
    """Whether an object is read although it has not the version that is asked for."""

    def read() -> None:
        with store.read(key, NO_ETAG):
            pass

    return not is_refused(read)


def _require_source_condition(store: Store, staged: StagedFile) -> None:
    """Lets through only a store that copies no other version than the one that is asked for.

    One that does copies the staged file onto itself, which changes nothing.
    """
    copy = partial(store.copy, staged.key, NO_ETAG, staged.key, staged.etag, staged.metadata.to_texts())
    if not is_refused(copy):
        raise _ignores(
            "a condition on a copy's source, so another file than the one that was read back could be copied"
        )


def _ignores(what: str) -> StoreFailed:
    return StoreFailed(f"The store ignores {what}.", "Use a store that honours it; `publisher doctor` tells.")


def _is_completion_refused(store: Store, destination: Destination) -> bool:
    """Whether a scratch object is not replaced in parts under either condition, both of which must fail.

    Not the staged file itself, of which all would be copied before the store looks at the condition.
    """
    key = f"{destination.scratch_prefix}probe-{uuid.uuid4().hex}"
    try:
        etag = _created(store, key)
        return honours_conditions(store, SwapMethod.PARTS, key, etag, key)
    except PreconditionFailed:  # not the condition's: of the source
        raise StoreFailed(
            "The store did not find a scratch object as it had just been written.",
            "Run `publisher doctor` to see what the store does; nothing else may write below doctor/.",
        ) from None
    finally:
        with suppress(PreconditionFailed, PublisherError):
            if (left := store.head(key)) is not None:
                store.delete(key, left.etag)


def _created(store: Store, key: str) -> str:
    """Writes a scratch object under a key that nobody else knows, and returns its ETag."""
    try:
        return store.create(key, io.BytesIO(_PROBE), hashlib.sha256(_PROBE).hexdigest(), {})
    except PreconditionFailed:  # by ourselves: the answer was lost, and the request sent again
        found = store.head(key)
        if found is None:
            raise
        return found.etag


def honours_conditions(store: Store, method: SwapMethod, source: str, source_etag: str, destination: str) -> bool:
    """Whether an object that is there is not replaced under either condition, both of which it does not meet.

    Args:
        store: The bucket.
        method: By which request.
        source: The key to copy.
        source_etag: The ETag that it must have.
        destination: The key of an object, which must not be replaced; it is where conditions are ignored.

    Raises:
        PreconditionFailed: The source is not what was expected.
        StoreFailed: The store failed.
    """
    for unmet in (None, NO_ETAG):
        with prepared(store, method, source, source_etag, destination, {}) as swap:
            if not is_refused(partial(swap, unmet)):
                return False
    return True


def is_refused(attempt: Callable[[], object]) -> bool:
    """Tries something, and returns whether the store refused it because a condition was not met."""
    try:
        attempt()
    except PreconditionFailed:
        return True
    return False


@contextmanager
def prepared(
    store: Store, method: SwapMethod, source: str, source_etag: str, destination: str, texts: Mapping[str, str]
) -> Iterator[Swap]:
    """Copies as much as can be copied before `destination` changes, and yields what changes it, under a condition.

    Args:
        store: The bucket.
        method: By which request.
        source: The key to copy.
        source_etag: The ETag that it must have.
        destination: The key to replace.
        texts: The copy's metadata.

    Raises:
        PreconditionFailed: The source is not what was expected.
        StoreFailed: The store failed.
    """
    if method is SwapMethod.PARTS:
        with store.copy_in_parts(source, source_etag, destination, texts) as swap:
            yield swap
    else:
        yield lambda expected_etag: store.copy(source, source_etag, destination, expected_etag, texts)
