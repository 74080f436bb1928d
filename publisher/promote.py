"""Staging, reading back and the promotion: the only place that writes to the store."""

from __future__ import annotations

import hashlib
import io
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import BinaryIO

from publisher.artifacts import Encoded, Metadata, StoredObject
from publisher.encode import inspect
from publisher.errors import Conflict, IntegrityError, PublisherError, StoreFailed
from publisher.keys import Destination, timestamp
from publisher.store import ObjectMissing, PreconditionFailed, Store, Swap

_STAGE_ATTEMPTS = 5
_NO_ETAG = "0" * 32
_PROBE = b"publisher probe"


class Way(Enum):
    """By which request a store replaces an object under a condition."""

    COPY = "CopyObject"
    PARTS = "CompleteMultipartUpload"


@dataclass(frozen=True)
class Staged:
    """A staged file."""

    key: str
    etag: str
    bytes: int
    metadata: Metadata


def stage(
    store: Store,
    destination: Destination,
    spool: BinaryIO,
    encoded: Encoded,
    metadata: Metadata,
    now: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> Staged:
    """Writes the file under a new key in `stage/`.

    A key holds a second; when another publisher took this one, or when an answer was lost and our own first attempt
    did, the next second is tried.

    Args:
        store: The bucket.
        destination: Where in it.
        spool: The compressed file.
        encoded: What the file is.
        metadata: All but `created_at` and `staged_key`, which are filled in here.
        now: The clock.
        sleep: Waits between two tries.

    Raises:
        Conflict: The keys of several seconds were taken.
        IntegrityError: The store received other bytes than were sent.
        StoreFailed: The store failed.
    """
    for _ in range(_STAGE_ATTEMPTS):
        moment = now()
        created_at = timestamp(moment)
        key = destination.stage_key(created_at)
        complete = replace(metadata, created_at=created_at, staged_key=key)
        spool.seek(0)
        try:
            etag = store.create(key, spool, encoded.sha256, complete.to_texts())
            return Staged(key, etag, encoded.bytes, complete)
        except PreconditionFailed:
            next_second = moment.replace(microsecond=0) + timedelta(seconds=1)
            sleep((next_second - moment).total_seconds())
    raise Conflict(
        f"Other publishers took the staging keys of {_STAGE_ATTEMPTS} seconds in a row.",
        "Let one publisher at a time write to a destination; run again when the others are done.",
    )


def note_failure(store: Store, destination: Destination, staged: Staged, error: PublisherError) -> None:
    """Keeps, beside a staged file, why it was not promoted, for `history`. Best effort: the failure itself counts."""
    said = {"error": type(error).__name__, "guard": error.guard, "message": error.message}
    body = json.dumps(said, ensure_ascii=False).encode()
    with suppress(PreconditionFailed, PublisherError):
        store.create(destination.failure_key(staged.key), io.BytesIO(body), hashlib.sha256(body).hexdigest(), {})


def read_back(store: Store, staged: Staged, encoded: Encoded) -> None:
    """Downloads the staged file and compares everything with what was encoded.

    Raises:
        IntegrityError: Something differs, or the file was replaced.
        StoreFailed: The store failed.
    """
    hint = "Run again; if it happens twice, suspect the network or the store, and keep the staged file as evidence."
    try:
        with store.read(staged.key, staged.etag) as pieces:
            found = inspect(pieces)
    except (PreconditionFailed, ObjectMissing):
        raise IntegrityError(f"The staged file {staged.key} was replaced or removed by somebody else.", hint) from None
    differing = [
        name
        for name, read, written in (
            ("size", found.bytes, encoded.bytes),
            ("SHA-256", found.sha256, encoded.sha256),
            ("gzip", found.is_whole_gzip, True),
            ("content size", found.content_bytes, encoded.content_bytes),
            ("MD5", found.md5, encoded.md5),
            ("lines", found.lines, encoded.total_ids),
            ("blank lines", found.has_blank_line, False),
        )
        if read != written
    ]
    if differing:
        raise IntegrityError(
            f"The staged file {staged.key} was read back different from what was written: {', '.join(differing)}.", hint
        )


def require_compare_and_swap(
    store: Store, destination: Destination, staged: Staged, active: StoredObject | None
) -> tuple[Way, Staged]:
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
        # A store that ignores it copies the staged file onto itself, which changes nothing; but maybe the ETag, where
        # that is not of the content alone.
        try:
            condition = _NO_ETAG if active else None
            etag = store.copy(staged.key, staged.etag, staged.key, condition, staged.metadata.to_texts())
        except PreconditionFailed:
            return Way.COPY, staged
        staged = replace(staged, etag=etag)
    if _is_completion_refused(store, destination):
        return Way.PARTS, staged
    ignored = "a copy's destination and on a multipart upload's" if is_one_copy else "a multipart upload's destination"
    raise StoreFailed(
        f"The store ignores a condition on {ignored}, so two publishers could overwrite each other.",
        "Use a store that honours If-Match and If-None-Match on CopyObject, or at least on CompleteMultipartUpload.",
    )


def _is_completion_refused(store: Store, destination: Destination) -> bool:
    """Whether a scratch object is not replaced in parts under either condition, both of which must fail.

    Not the staged file itself, of which all would be copied before the store looks at the condition.
    """
    key = f"{destination.scratch_prefix}probe-{uuid.uuid4().hex}"
    etag = store.create(key, io.BytesIO(_PROBE), hashlib.sha256(_PROBE).hexdigest(), {})
    try:
        return honours_conditions(store, Way.PARTS, key, etag, key)
    except PreconditionFailed:  # not the condition's: of the source
        raise StoreFailed(
            "The store did not find a scratch object as it had just been written.",
            "Run `publisher doctor` to see what the store does; nothing else may write below doctor/.",
        ) from None
    finally:
        with suppress(PreconditionFailed, PublisherError):
            if (left := store.head(key)) is not None:
                store.delete(key, left.etag)


def honours_conditions(store: Store, way: Way, source: str, source_etag: str, destination: str) -> bool:
    """Whether an object that is there is not replaced under either condition, both of which it does not meet.

    Args:
        store: The bucket.
        way: By which request.
        source: The key to copy.
        source_etag: The ETag that it must have.
        destination: The key of an object, which must not be replaced; it is where conditions are ignored.

    Raises:
        PreconditionFailed: The source is not what was expected.
        StoreFailed: The store failed.
    """
    for unmet in (None, _NO_ETAG):
        with prepared(store, way, source, source_etag, destination, {}) as swap:
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
    store: Store, way: Way, source: str, source_etag: str, destination: str, texts: Mapping[str, str]
) -> Iterator[Swap]:
    """Copies as much as can be copied before `destination` changes, and yields what changes it, under a condition.

    Args:
        store: The bucket.
        way: By which request.
        source: The key to copy.
        source_etag: The ETag that it must have.
        destination: The key to replace.
        texts: The copy's metadata.

    Raises:
        PreconditionFailed: The source is not what was expected.
        StoreFailed: The store failed.
    """
    if way is Way.PARTS:
        with store.copy_in_parts(source, source_etag, destination, texts) as swap:
            yield swap
    else:
        yield lambda expected_etag: store.copy(source, source_etag, destination, expected_etag, texts)


def promote(
    store: Store,
    destination: Destination,
    staged: Staged,
    way: Way,
    active: StoredObject | None,
    check_again: Callable[[StoredObject | None], Metadata],
    last_guard: Callable[[], None] = lambda: None,
) -> tuple[StoredObject, StoredObject | None]:
    """Makes the staged file active in one atomic step, if active is still what it was.

    Args:
        store: The bucket.
        destination: Where in it.
        staged: The file to promote, already read back.
        way: By which request, found out for this run.
        active: What was active when the guards ran.
        check_again: Runs the guards against what somebody else promoted in the meantime, and returns what is then to
            be said about the file.
        last_guard: Is run when nothing is left to do but the swap; copying in parts before it can take minutes.

    Returns:
        What is active now, and what it replaced.

    Raises:
        Conflict: Active changed twice.
        GuardRefusal: From `check_again` or `last_guard`.
        IntegrityError: Active is not what was copied there.
        StoreFailed: The store failed; active is the old file or this one, whole.
    """
    try:
        promoted = _swap(store, destination, staged, way, active, last_guard)
    except PreconditionFailed:
        active = store.head(destination.active_key)
        again = check_again(active)
        again = replace(again, created_at=staged.metadata.created_at, staged_key=staged.metadata.staged_key)
        staged = replace(staged, metadata=again)
        # So that the links that `history` follows are right. The copy's ETag can be another, though its bytes are not.
        with (
            suppress(PreconditionFailed),
            prepared(store, way, staged.key, staged.etag, staged.key, again.to_texts()) as swap,
        ):
            staged = replace(staged, etag=swap(staged.etag))
        try:
            promoted = _swap(store, destination, staged, way, active, last_guard)
        except PreconditionFailed:
            raise Conflict(
                "Somebody else promoted twice while this publish was running.",
                "See who publishes to this destination; one schedule should own it. Then run again.",
            ) from None
    if promoted.bytes != staged.bytes or promoted.texts != staged.metadata.to_texts():
        raise IntegrityError(
            f"{destination.url(destination.active_key)} is not what was just copied there.",
            "Run `publisher verify`. Another program may write to active/ without conditions; stop it.",
        )
    return promoted, active


def _swap(
    store: Store,
    destination: Destination,
    staged: Staged,
    way: Way,
    active: StoredObject | None,
    last_guard: Callable[[], None],
) -> StoredObject:
    """Copies staged to active under the conditions, and returns what is active then.

    An answer can be lost although the copy happened: the retry inside the client then meets our own file and fails.
    So what counts is what is active afterwards; a staged key names one run.
    """
    failure: PreconditionFailed | StoreFailed | None = None
    etag = None
    texts = staged.metadata.to_texts()
    with prepared(store, way, staged.key, staged.etag, destination.active_key, texts) as swap:
        last_guard()
        # An ETag tells the content only. That somebody promoted equal bytes with other metadata, such as a newer
        # partition, no condition of S3 can see: this look leaves that race the milliseconds until the swap.
        found = store.head(destination.active_key)
        if (found and (found.etag, found.texts)) != (active and (active.etag, active.texts)):
            raise PreconditionFailed(destination.active_key)
        try:
            etag = swap(active.etag if active else None)
        except (PreconditionFailed, StoreFailed) as error:
            failure = error
    now_active = store.head(destination.active_key)
    if now_active is not None and now_active.metadata.staged_key == staged.key:
        return now_active
    if failure is not None:
        raise failure
    if now_active is None:
        raise IntegrityError(
            f"{destination.url(destination.active_key)} is gone right after the copy was confirmed.",
            "Something deletes in active/: find it, then run again.",
        )
    raise Conflict(
        f"Somebody else replaced active right after this run's copy ({etag}) was confirmed.",
        "Run `publisher status` to see what is active now; one schedule should own a destination.",
    )
