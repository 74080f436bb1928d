"""What runs did, and what became of staged files: by the records, and where there are none, by the files themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from publisher.records.record import INTENDED, Record
from publisher.records.runs import failure_of, newest_runs, promotions_since
from publisher.store.keys import Destination, staged_at, timestamp
from publisher.store.protocol import Store
from publisher.values import StoredObject


@dataclass(frozen=True)
class HistoryEntry:
    """A staged file, as history shows it.

    Attributes:
        stored: The file; where a record tells of it, as that does (without an ETag).
        state: `active`, `promoted` (it was active once), or `never promoted`.
        why: Why it was never promoted; None where that is not known, because its publisher was killed.
    """

    stored: StoredObject
    state: str
    why: str | None = None


@dataclass(frozen=True)
class History:
    """What happened at a destination.

    Attributes:
        runs: The newest runs, newest first. The outcome of one that announced a promotion and told nothing more is
            `intended`; where active says that it happened, it is what was announced.
        staged: The newest staged files, newest first.
        is_whole: Whether there is nothing older.
    """

    runs: tuple[Record, ...]
    staged: tuple[HistoryEntry, ...]
    is_whole: bool


def history(store: Store, destination: Destination, limit: int, since: datetime | None = None) -> History:
    """Returns the newest runs and the newest staged files, newest first.

    Args:
        store: The bucket.
        destination: Where in it.
        limit: How many of each at most.
        since: Only those from then on; None for no bound.

    Raises:
        StoreFailed: The store failed.
    """
    active = store.head(destination.active_key)
    newest = newest_runs(store, destination, limit, since)
    runs = [as_it_ended(run, active) for run in newest.records]
    staged = staged_files(store, destination, since=since, limit=limit + 1, active=active, runs=runs)
    return History(tuple(runs), tuple(staged[:limit]), is_whole=newest.is_whole and len(staged) <= limit)


def staged_files(
    store: Store,
    destination: Destination,
    *,
    since: datetime | None = None,
    limit: int | None = None,
    active: StoredObject | None = None,
    runs: Sequence[Record] = (),
) -> list[HistoryEntry]:
    """Returns the newest staged files, newest first, and what became of each.

    Args:
        store: The bucket.
        destination: Where in it.
        since: Only those that were staged from then on; None for no bound.
        limit: How many at most; None for all.
        active: What is active; None to look.
        runs: The newest runs, where they were read already.

    Raises:
        StoreFailed: The store failed.
    """
    listed = set(store.list(destination.stage_prefix))
    keys = sorted((key for key in listed if key.endswith(".txt.gz")), reverse=True)
    if since is not None:
        begin = destination.stage_key(timestamp(since))
        keys = [key for key in keys if key >= begin]
    active = active or store.head(destination.active_key)
    return _staged(store, destination, active, keys[:limit], listed, runs)


def as_it_ended(run: Record, active: StoredObject | None) -> Record:
    """Returns a run with what active tells of it, where it was killed before it could tell so itself."""
    said = active.metadata if active else None
    if run.outcome != INTENDED or said is None or said.record is None or run.run_id not in said.record:
        return run
    return run.completed(active.etag if active else None)


def _staged(
    store: Store,
    destination: Destination,
    active: StoredObject | None,
    keys: Sequence[str],
    listed: set[str],
    runs: Sequence[Record],
) -> list[HistoryEntry]:
    promotions = [run for run in runs if run.is_promotion]
    if keys and (oldest := staged_at(destination, keys[-1])) is not None:
        known = {(run.run_id, run.outcome) for run in promotions}
        # A file is promoted after it was staged, by clocks that may differ by some minutes.
        later = promotions_since(store, destination, oldest - timedelta(days=1)) if len(promotions) < len(keys) else []
        promotions += [run for run in later if (run.run_id, run.outcome) not in known]
    by_key: dict[str, Record] = {}
    for run in promotions:  # newest first; what published a file knows most of it, a rollback less
        if run.staged_key is not None and (run.staged_key not in by_key or run.command == "publish"):
            by_key[run.staged_key] = run
    links = _links(store, active, promotions, set(keys))
    current = active.metadata.staged_key if active else None
    entries = []
    for key in keys:
        run_of = by_key.get(key)
        stored = _recorded(run_of, key) if run_of else store.head(key)
        if stored is None:
            continue
        state = "active" if key == current else "promoted" if run_of or key in links else "never promoted"
        why = None
        if state == "never promoted" and destination.failure_key(key) in listed:
            said = failure_of(store, destination, key)
            why = f"{said['guard'] or said['error']}: {said['message']}" if said else None
        entries.append(HistoryEntry(stored, state, why))
    return entries


def _links(store: Store, active: StoredObject | None, promotions: Sequence[Record], keys: set[str]) -> set[str]:
    """Returns what was active by the links that promotions leave, for files from before there were records."""
    found = {run.previous_staged_key for run in promotions if run.previous_staged_key}
    recorded = {run.staged_key for run in promotions}
    link = active.metadata.replaces if active else None
    todo = [*found, *([link] if link else [])]
    while todo:
        key = todo.pop()
        found.add(key)
        if key in recorded or key not in keys:
            continue
        stored = store.head(key)
        before = stored.metadata.replaces if stored else None
        if before is not None and before not in found:
            todo.append(before)
    return found


def _recorded(run: Record, key: str) -> StoredObject:
    at = run.moment or datetime.fromtimestamp(0, timezone.utc)
    return StoredObject(key, "", run.bytes or 0, at, run.promoted_metadata().to_texts())
