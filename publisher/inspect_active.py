"""What is active or staged, and whether it is what its metadata says: `status`, `verify` and `history`."""

from __future__ import annotations

import json
from dataclasses import dataclass

from publisher.artifacts import Inspection, StoredObject
from publisher.encode import inspect
from publisher.errors import Conflict, SourceNotReady
from publisher.keys import Destination
from publisher.store import ObjectMissing, PreconditionFailed, Store


@dataclass(frozen=True)
class Verification:
    """A file, recomputed from its bytes.

    Attributes:
        differences: What is not as it should be, one text each; empty when all is well.
    """

    active: StoredObject
    found: Inspection
    differences: tuple[str, ...]


def require_active(store: Store, destination: Destination) -> StoredObject:
    """Returns what is active.

    Raises:
        SourceNotReady: Nothing is.
        StoreFailed: The store failed.
    """
    active = store.head(destination.active_key)
    if active is None:
        raise SourceNotReady(
            f"Nothing is published at {destination.url(destination.active_key)}.",
            "Run `dbt build && publisher publish`, or correct --to.",
        )
    return active


def verify(store: Store, destination: Destination) -> Verification:
    """Downloads active and compares everything that can be recomputed with its metadata.

    Raises:
        SourceNotReady: Nothing is active.
        Conflict: Active was replaced in between.
        StoreFailed: The store failed.
    """
    return verify_object(store, require_active(store, destination))


def verify_object(store: Store, stored: StoredObject) -> Verification:
    """Downloads a published or staged file and compares everything that can be recomputed with its metadata.

    Raises:
        Conflict: It was replaced or removed in between.
        StoreFailed: The store failed.
    """
    try:
        with store.read(stored.key, stored.etag) as pieces:
            found = inspect(pieces)
    except (PreconditionFailed, ObjectMissing):
        raise Conflict(f"{stored.key} was replaced while it was verified.", "Run the command again.") from None
    return Verification(stored, found, tuple(_differences(stored, found)))


@dataclass(frozen=True)
class Staged:
    """A staged file, as history shows it.

    Attributes:
        state: `active`, `promoted` (it was active once), or `never promoted`.
        why: Why it was never promoted; None where that is not known, because its publisher was killed.
    """

    stored: StoredObject
    state: str
    why: str | None = None


def history(store: Store, destination: Destination, limit: int) -> list[Staged]:
    """Returns the newest staged files, newest first.

    What was active once is known by following the links that every promotion leaves (`Metadata.replaces`).

    Raises:
        StoreFailed: The store failed.
    """
    active = store.head(destination.active_key)
    listed = set(store.list(destination.stage_prefix))
    keys = sorted((key for key in listed if key.endswith(".txt.gz")), reverse=True)[:limit]
    found = {key: stored for key in keys if (stored := store.head(key)) is not None}
    promoted: set[str] = set()
    link = active.metadata.replaces if active else None
    while link is not None and link not in promoted:
        promoted.add(link)
        linked = found.get(link)
        link = linked.metadata.replaces if linked else None
    current = active.metadata.staged_key if active else None
    files = []
    for key, stored in found.items():
        state = "active" if key == current else "promoted" if key in promoted else "never promoted"
        noted = destination.failure_key(key) in listed and state == "never promoted"
        files.append(Staged(stored, state, _why(store, destination.failure_key(key)) if noted else None))
    return files


def _why(store: Store, key: str) -> str | None:
    noted = store.head(key)
    if noted is None:
        return None
    try:
        with store.read(key, noted.etag) as pieces:
            said = json.loads(b"".join(pieces))
        return f"{said['guard'] or said['error']}: {said['message']}"
    except (PreconditionFailed, ObjectMissing, ValueError, TypeError, KeyError):
        return None


def _differences(active: StoredObject, found: Inspection) -> list[str]:
    said = active.metadata
    differences = []
    if not found.is_whole_gzip:
        differences.append("the file is not one whole gzip member")
    if found.has_blank_line:
        differences.append("the content has a blank line")
    if not found.content_bytes and said.total_ids != 0:
        differences.append("the content is empty")
    for name, in_metadata, in_file in (
        ("bytes", active.bytes, found.bytes),
        ("total_ids", said.total_ids, found.lines),
        ("md5_checksum", said.md5_checksum, found.md5),
        ("sha256", said.sha256, found.sha256),
        ("content_bytes", said.content_bytes, found.content_bytes),
    ):
        if in_metadata is None:
            differences.append(f"{name} is missing from the metadata or unreadable")
        elif in_metadata != in_file:
            differences.append(f"{name} is {in_metadata} by the metadata and {in_file} by the file")
    return differences
