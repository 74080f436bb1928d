"""Recomputes a file from its bytes, and says what differs from its metadata."""

from __future__ import annotations

from dataclasses import dataclass, replace

from publisher.errors import Conflict
from publisher.file.inspecting import differences, inspect
from publisher.records.doubts import doubts_about
from publisher.records.memory import recall_if_allowed
from publisher.store.active import require_active
from publisher.store.keys import Destination
from publisher.store.protocol import ObjectMissing, PreconditionFailed, Store
from publisher.values import Inspection, StoredObject


@dataclass(frozen=True)
class Verification:
    """A file, recomputed from its bytes.

    Attributes:
        differences: What is not as it should be, one text each; empty when all is well.
    """

    active: StoredObject
    found: Inspection
    differences: tuple[str, ...]


def verify(store: Store, destination: Destination) -> Verification:
    """Downloads active and compares it with its metadata, and that with what was promoted last.

    Raises:
        SourceNotReady: Nothing is active.
        Conflict: Active was replaced in between.
        StoreFailed: The store failed.
    """
    active = require_active(store, destination)
    verification = verify_object(store, active)
    memory = recall_if_allowed(store, destination, active)
    if memory is not None and memory.active != active:
        raise Conflict(f"{active.key} was replaced while it was verified.", "Run the command again.")
    return replace(verification, differences=(*verification.differences, *doubts_about(store, active, memory)))


def verify_object(store: Store, stored: StoredObject) -> Verification:
    """Downloads a published or staged file and compares everything that can be recomputed with its metadata.

    Raises:
        Conflict: It was replaced or removed in between.
        StoreFailed: The store failed.
    """
    try:
        with store.read(stored.key, stored.etag) as pieces:
            found = inspect(pieces, stored.bytes, stored.metadata)
    except (PreconditionFailed, ObjectMissing):
        raise Conflict(f"{stored.key} was replaced while it was verified.", "Run the command again.") from None
    return Verification(stored, found, differences(stored.bytes, stored.metadata, found))
