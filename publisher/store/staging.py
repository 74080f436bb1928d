"""Staging: writes a file under a new key, reads it back, and notes why one was not promoted."""

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

from publisher.errors import Conflict, IntegrityError, PublisherError
from publisher.file.inspecting import differences, inspect
from publisher.store.keys import Destination, timestamp
from publisher.store.protocol import ObjectMissing, PreconditionFailed, Store
from publisher.values import Encoded, Metadata

_STAGE_ATTEMPTS = 5


@dataclass(frozen=True)
class StagedFile:
    """A file in `stage/`.

    Attributes:
        metadata: As it is promised to whoever reads the file: what is computed from its bytes must be equal.
    """

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
) -> StagedFile:
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
            return StagedFile(key, etag, encoded.bytes, complete)
        except PreconditionFailed:
            next_second = moment.replace(microsecond=0) + timedelta(seconds=1)
            sleep((next_second - moment).total_seconds())
    raise Conflict(
        f"Other publishers took the staging keys of {_STAGE_ATTEMPTS} seconds in a row.",
        "Let one publisher at a time write to a destination; run again when the others are done.",
    )


def read_back(store: Store, staged: StagedFile) -> None:
    """Downloads a staged file and compares everything with what was encoded.

    Raises:
        IntegrityError: Something differs, or the file was replaced.
        StoreFailed: The store failed.
    """
    hint = "Run again; if it happens twice, suspect the network or the store, and keep the staged file as evidence."
    try:
        with store.read(staged.key, staged.etag) as pieces:
            found = inspect(pieces, staged.bytes, staged.metadata)
    except (PreconditionFailed, ObjectMissing):
        raise IntegrityError(f"The staged file {staged.key} was replaced or removed by somebody else.", hint) from None
    if differing := differences(staged.bytes, staged.metadata, found):
        raise IntegrityError(
            f"The staged file {staged.key} was read back different from what was written: {'; '.join(differing)}.", hint
        )


def note_failure(store: Store, destination: Destination, staged: StagedFile, error: PublisherError) -> None:
    """Keeps, beside a staged file, why it was not promoted, for `history`. Best effort: the failure itself counts."""
    said = {"error": type(error).__name__, "guard": error.guard, "message": error.message}
    body = json.dumps(said, ensure_ascii=False).encode()
    with suppress(PreconditionFailed, PublisherError):
        store.create(destination.failure_key(staged.key), io.BytesIO(body), hashlib.sha256(body).hexdigest(), {})
