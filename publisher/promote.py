"""Staging, reading back and the promotion: the only place that writes to the store."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import BinaryIO

from publisher.artifacts import Encoded, Metadata, StoredObject
from publisher.encode import inspect
from publisher.errors import Conflict, IntegrityError, PublisherError, StoreFailed
from publisher.keys import Destination, timestamp
from publisher.store import ObjectMissing, PreconditionFailed, Store

_STAGE_ATTEMPTS = 5
_NO_ETAG = "0" * 32


@dataclass(frozen=True)
class Staged:
    """A staged file."""

    key: str
    etag: str
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
            return Staged(key, store.create(key, spool, encoded.sha256, complete.to_texts()), complete)
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


def require_compare_and_swap(store: Store, staged: Staged, active: StoredObject | None) -> None:
    """Finds out that the store honours the condition that the promotion will rely on.

    Most S3-compatible stores ignore a condition on a copy's destination in silence. So the staged file is copied onto
    itself under a condition that must fail: a store that ignores it changes nothing by that.

    Raises:
        StoreFailed: The store copied in spite of the condition.
    """
    try:
        store.copy(staged.key, staged.etag, staged.key, _NO_ETAG if active else None, staged.metadata.to_texts())
    except PreconditionFailed:
        return
    raise StoreFailed(
        "The store ignores a condition on a copy's destination, so two publishers could overwrite each other.",
        "Use a store that honours If-Match and If-None-Match on CopyObject, as AWS S3 and SeaweedFS do.",
    )


def promote(
    store: Store,
    destination: Destination,
    staged: Staged,
    expected_bytes: int,
    active: StoredObject | None,
    check_again: Callable[[StoredObject | None], Metadata],
) -> tuple[StoredObject, StoredObject | None]:
    """Makes the staged file active in one atomic step, if active is still what it was.

    Args:
        store: The bucket.
        destination: Where in it.
        staged: The file to promote, already read back.
        expected_bytes: Its size.
        active: What was active when the guards ran.
        check_again: Runs the guards against what somebody else promoted in the meantime, and returns what is then to
            be said about the file.

    Returns:
        What is active now, and what it replaced.

    Raises:
        Conflict: Active changed twice.
        GuardRefusal: From `check_again`.
        IntegrityError: Active is not what was copied there.
        StoreFailed: The store failed; active is the old file or this one, whole.
    """
    try:
        promoted = _swap(store, destination, staged, active)
    except PreconditionFailed:
        active = store.head(destination.active_key)
        again = check_again(active)
        again = replace(again, created_at=staged.metadata.created_at, staged_key=staged.metadata.staged_key)
        staged = replace(staged, metadata=again)
        with suppress(PreconditionFailed):  # so that the links that `history` follows are right
            store.copy(staged.key, staged.etag, staged.key, staged.etag, again.to_texts())
        try:
            promoted = _swap(store, destination, staged, active)
        except PreconditionFailed:
            raise Conflict(
                "Somebody else promoted twice while this publish was running.",
                "See who publishes to this destination; one schedule should own it. Then run again.",
            ) from None
    if promoted.bytes != expected_bytes or promoted.texts != staged.metadata.to_texts():
        raise IntegrityError(
            f"{destination.url(destination.active_key)} is not what was just copied there.",
            "Run `publisher verify`. Another program may write to active/ without conditions; stop it.",
        )
    return promoted, active


def _swap(store: Store, destination: Destination, staged: Staged, active: StoredObject | None) -> StoredObject:
    """Copies staged to active under the conditions, and returns what is active then.

    An answer can be lost although the copy happened: the retry inside the client then meets our own file and fails.
    So what counts is what is active afterwards; a staged key names one run.
    """
    # An ETag tells the content only. That somebody promoted equal bytes with other metadata, such as a newer
    # partition, no condition of S3 can see: this look leaves that race the milliseconds until the copy.
    found = store.head(destination.active_key)
    if (found and (found.etag, found.texts)) != (active and (active.etag, active.texts)):
        raise PreconditionFailed(destination.active_key)
    failure: PreconditionFailed | StoreFailed | None = None
    etag = None
    try:
        etag = store.copy(
            staged.key, staged.etag, destination.active_key, active.etag if active else None, staged.metadata.to_texts()
        )
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
