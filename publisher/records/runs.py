"""The runs of a destination, by their records; and why a staged file was refused, by the note beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone

from publisher.records.keys import RecordKey, list_since, read_record, windows
from publisher.records.record import FAILED, INTENDED, INTERRUPTED, PRUNING, PUBLISHED, REFUSED, Record
from publisher.store.keys import Destination
from publisher.store.protocol import Store

_READERS = 16
# Of so many promotions the usual number of ids is told.
_COUNTS = 10
# Of the records of one run: what it did outweighs what it said before, or what another said of it.
_WEIGHTS = {INTENDED: 0, PRUNING: 0, INTERRUPTED: 1, FAILED: 2, REFUSED: 2}


@dataclass(frozen=True)
class Runs:
    """The newest runs of a destination.

    Attributes:
        records: Newest first, of each run the record that tells how it ended.
        is_whole: Whether there are no older ones.
        unreadable: How many more there are whose records are none, or are gone.
    """

    records: tuple[Record, ...]
    is_whole: bool
    unreadable: int


def newest_runs(store: Store, destination: Destination, limit: int, since: datetime | None = None) -> Runs:
    """Returns the newest runs, newest first, each with the record that tells how it ended.

    Args:
        store: The bucket.
        destination: Where in it.
        limit: How many at most.
        since: Only those from then on; None for no bound.

    Raises:
        StoreFailed: The store failed.
    """
    if since is not None:
        runs = _by_run(list_since(store, destination, f"{destination.runs_prefix}{since:%Y/%m/%d}/"))
        runs = [key for key in runs if key.at >= since]
    else:
        runs = []
        for keys in windows(store, destination, datetime.now(timezone.utc)):
            runs = _by_run(keys)
            if len(runs) > limit:
                break
    records = read_records(store, runs[:limit])
    return Runs(tuple(records), len(runs) <= limit, len(runs[:limit]) - len(records))


def promotions_since(store: Store, destination: Destination, since: datetime) -> list[Record]:
    """Returns the records of all promotions from a day on, newest first.

    Raises:
        StoreFailed: The store failed.
    """
    keys = list_since(store, destination, f"{destination.runs_prefix}{since:%Y/%m/%d}/")
    return read_records(store, [key for key in reversed(keys) if key.is_promotion])


def read_records(store: Store, keys: Iterable[RecordKey]) -> list[Record]:
    """Returns records, in the order of their keys; without those that are gone, or are none.

    Raises:
        StoreFailed: The store failed.
    """
    with ThreadPoolExecutor(_READERS) as pool:
        found = list(pool.map(lambda key: read_record(store, key), keys))
    return [record for record in found if record is not None]


def promoted_counts(store: Store, destination: Destination) -> list[int]:
    """Returns how many ids each of the last published files had, the newest first.

    Raises:
        StoreFailed: The store failed.
    """
    published: list[RecordKey] = []
    for keys in windows(store, destination, datetime.now(timezone.utc)):
        published = [key for key in keys if key.outcome == PUBLISHED][-_COUNTS:]
        if len(published) == _COUNTS:
            break
    records = read_records(store, reversed(published))
    return [record.total_ids for record in records if record.total_ids is not None]


def refusal_of(store: Store, destination: Destination, staged_key: str) -> str | None:
    """Returns which guard refused a staged file, and why; None where none did, as far as that was noted.

    Raises:
        StoreFailed: The store failed.
    """
    said = failure_of(store, destination, staged_key)
    return f"{said['guard']}: {said['message']}" if said and said["guard"] else None


def failure_of(store: Store, destination: Destination, staged_key: str) -> dict[str, str] | None:
    """Returns the note that tells why a staged file was not promoted; None where there is none that can be read.

    Raises:
        StoreFailed: The store failed.
    """
    content = store.read_small(destination.failure_key(staged_key))
    try:
        said = json.loads(content or b"")
        return {name: str(said[name] or "") for name in ("error", "guard", "message")}
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _by_run(keys: list[RecordKey]) -> list[RecordKey]:
    """Returns the weightiest record of each run, newest run first."""
    best: dict[str, RecordKey] = {}
    for key in keys:
        known = best.get(key.run_id)
        if known is None or _WEIGHTS.get(key.outcome, 3) >= _WEIGHTS.get(known.outcome, 3):
            best[key.run_id] = key
    return sorted(best.values(), key=lambda key: key.at, reverse=True)
