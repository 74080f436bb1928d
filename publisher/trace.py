"""On which days the file held an id, by the staged files that are still there. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from publisher.errors import UsageError
from publisher.file.decompressing import DamagedFile
from publisher.file.searching import has_line
from publisher.history import staged_files
from publisher.store.keys import TIMESTAMP, Destination, staged_at, timestamp
from publisher.store.protocol import ObjectMissing, PreconditionFailed, Store
from publisher.values import StoredObject

_ACTIVE, _NEVER = "active", "never promoted"
_THREADS = 4


@dataclass(frozen=True)
class Sighting:
    """A file that was searched.

    Attributes:
        created_at: When it was staged: UTC, YYYYMMDD_HHMMSS.
        state: `active`, `promoted` (it was active once), or `never promoted`.
        holds: Whether it holds the id; None where that could not be told.
        damage: What is wrong with it, of a file that could not be searched; None of one that was replaced or removed.
    """

    key: str
    created_at: str
    source_partition: str | None
    state: str
    holds: bool | None
    damage: str | None = None

    @property
    def was_published(self) -> bool:
        """Whether consumers read it."""
        return self.state != _NEVER


@dataclass(frozen=True)
class Span:
    """Published files in a row, of which the same is to be said.

    Attributes:
        first: The oldest.
        last: The newest; the same one where there is only one.
        files: How many.
        holds: Whether they hold the id; None where that could not be told.
    """

    first: Sighting
    last: Sighting
    files: int
    holds: bool | None


def trace(store: Store, destination: Destination, wanted: str, since: datetime | None = None) -> list[Sighting]:
    """Looks for an id in the staged files, several at a time and in constant memory.

    Where the active file is no staged one (any more), it is searched, too.

    Args:
        store: The destination's bucket.
        destination: Where in it.
        wanted: The id; a line of a file is equal to it or it is not.
        since: Files that were staged before are left out.

    Returns:
        What was found in each file, in the order in which they were staged. A file that is damaged, or was replaced or
        removed meanwhile, is among them.

    Raises:
        UsageError: No line can be such an id.
        StoreFailed: The store failed.
    """
    _require_line(wanted)
    active = store.head(destination.active_key)
    entries = staged_files(store, destination, since=since, active=active)
    found = [(entry.stored, entry.state) for entry in entries]
    if active is not None and not _has_staged_copy(store, destination, active):
        found.insert(0, (active, _ACTIVE))
    pool = ThreadPoolExecutor(_THREADS)
    try:
        searches = [pool.submit(_search, store, destination, stored, state, wanted) for stored, state in found]
        sightings = [search.result() for search in searches]
    finally:
        pool.shutdown(cancel_futures=True)
    return sorted(sightings, key=lambda sighting: (sighting.created_at, sighting.key))


def spans(sightings: Iterable[Sighting]) -> list[Span]:
    """Returns what is to be said of the files that consumers read, in as few words as it takes."""
    published = (sighting for sighting in sightings if sighting.was_published)
    grouped = [(holds, list(group)) for holds, group in groupby(published, lambda sighting: sighting.holds)]
    return [Span(group[0], group[-1], len(group), holds) for holds, group in grouped]


def active_holds(sightings: Sequence[Sighting]) -> bool | None:
    """Returns whether the active file holds the id; None where nothing is active, or it could not be searched."""
    return next((sighting.holds for sighting in sightings if sighting.state == _ACTIVE), None)


def _require_line(wanted: str) -> None:
    hint = "Give one id as it stands in the file, or - and the id on stdin."
    if not wanted.strip():
        raise UsageError("The id is blank.", hint)
    try:
        wanted.encode()
    except UnicodeEncodeError:  # its text quotes the id
        raise UsageError("The id is not UTF-8, as every line of the file is.", hint) from None
    if "\n" in wanted or "\r" in wanted:
        raise UsageError("The id has a line break, which no line of the file has.", hint)


def _search(store: Store, destination: Destination, stored: StoredObject, state: str, wanted: str) -> Sighting:
    holds, damage = None, None
    try:
        with store.read(stored.key, _etag(store, stored)) as pieces:
            holds = has_line(pieces, wanted)
    except DamagedFile as error:
        damage = str(error)
    except (PreconditionFailed, ObjectMissing):
        pass  # replaced, or removed by a rule on the bucket: that day cannot be told
    created_at, partition = _created_at(stored, destination), stored.metadata.source_partition
    return Sighting(stored.key, created_at, partition, state, holds, damage)


def _has_staged_copy(store: Store, destination: Destination, active: StoredObject) -> bool:
    key = active.metadata.staged_key
    return key is not None and destination.is_staged_file(key) and store.head(key) is not None


def _etag(store: Store, stored: StoredObject) -> str:
    """Returns a file's ETag, which a record does not tell."""
    current = stored if stored.etag else store.head(stored.key)
    if current is None:
        raise ObjectMissing(stored.key)
    return current.etag


def _created_at(stored: StoredObject, destination: Destination) -> str:
    """Returns when a file was staged: by its key, else by its metadata, else by the store."""
    if (at := staged_at(destination, stored.key)) is not None:
        return timestamp(at)
    told = stored.metadata.created_at or ""
    with suppress(ValueError):
        datetime.strptime(told, TIMESTAMP)
        return told
    return timestamp(stored.last_modified)
