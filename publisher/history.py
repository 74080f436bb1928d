"""What was staged, and what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from publisher.store.keys import Destination
from publisher.store.protocol import ObjectMissing, PreconditionFailed, Store
from publisher.values import StoredObject


@dataclass(frozen=True)
class HistoryEntry:
    """A staged file, as history shows it.

    Attributes:
        state: `active`, `promoted` (it was active once), or `never promoted`.
        why: Why it was never promoted; None where that is not known, because its publisher was killed.
    """

    stored: StoredObject
    state: str
    why: str | None = None


def history(store: Store, destination: Destination, limit: int) -> list[HistoryEntry]:
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
        files.append(HistoryEntry(stored, state, _why(store, destination.failure_key(key)) if noted else None))
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
