"""Removes staged files and records that nobody needs any more; never what is active, or what a rollback needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from publisher import guards
from publisher.errors import StoreFailed
from publisher.records.journal import Journal
from publisher.records.keys import RecordKey, list_since
from publisher.records.memory import recall
from publisher.records.record import PRUNED
from publisher.records.runs import read_records
from publisher.store.keys import Destination, staged_at
from publisher.store.protocol import Store

# Whatever their age: what is active, what was before it, and one more.
_PROMOTIONS_KEPT = 3


@dataclass(frozen=True)
class Pruned:
    """What a prune removed, or would remove.

    Attributes:
        staged: Keys of staged files.
        records: Keys of records.
        is_dry_run: Whether nothing was removed.
    """

    staged: tuple[str, ...]
    records: tuple[str, ...]
    is_dry_run: bool


def prune(
    store: Store,
    destination: Destination,
    keep_days: int,
    *,
    dry_run: bool = False,
    warn: Callable[[str], None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> Pruned:
    """Removes staged files and records that are older than so many days, older versions of them included.

    Kept whatever their age: the staged files of the last three promotions and of what is active, and their records.

    Args:
        store: The bucket.
        destination: Where in it.
        keep_days: How many days are kept; at least 1.
        dry_run: Removes nothing.
        warn: Is told what is worth knowing.
        now: The clock.

    Raises:
        GuardRefusal: Active is not what was promoted last: then nobody knows what will be needed.
        StoreFailed: The store failed.
    """
    journal = Journal(store, destination, "prune", warn=warn, now=now)
    journal.know(keep_days=keep_days)
    with nullcontext() if dry_run else journal.ending():
        done = _prune(store, destination, now() - timedelta(days=keep_days), dry_run=dry_run, warn=warn)
    if not dry_run and (done.staged or done.records):
        journal.know(removed_staged=len(done.staged), removed_records=len(done.records))
        journal.done(PRUNED)
    return done


def _prune(
    store: Store, destination: Destination, before: datetime, *, dry_run: bool, warn: Callable[[str], None]
) -> Pruned:
    active = store.head(destination.active_key)
    memory = recall(store, destination, active)
    guards.require_known_active(memory.doubt)
    keys = list_since(store, destination, "")
    promotions = [key for key in keys if key.is_promotion][-_PROMOTIONS_KEPT:]
    said = active.metadata if active else None
    needed = {said.staged_key, said.replaces} if said else set()
    runs = {promotion.run_id for promotion in promotions}
    if said is not None and (own := RecordKey.parse(destination, said.record or "")) is not None:
        runs.add(own.run_id)
    for record in read_records(store, promotions):
        needed |= {record.staged_key, record.previous_staged_key}
    notes = {destination.failure_key(key) for key in needed if key is not None}
    staged = [
        key
        for key in store.list(destination.stage_prefix)
        if (at := staged_at(destination, key)) is not None and at < before and key not in needed | notes
    ]
    records = [key.key for key in keys if key.at < before and key.run_id not in runs]
    if not dry_run:
        _remove(store, destination.stage_prefix, staged, warn)
        _remove(store, destination.runs_prefix, records, warn)
    return Pruned(tuple(staged), tuple(records), dry_run)


def _remove(store: Store, prefix: str, keys: Iterable[str], warn: Callable[[str], None]) -> None:
    removed = set(keys)
    if not removed:
        return
    try:
        versions = [(found.key, found.version) for found in store.versions(prefix) if found.key in removed]
    except StoreFailed as error:
        warn(f"older versions below {prefix} may not be seen, and stay where the bucket keeps them: {error.message}")
        versions = [(key, None) for key in sorted(removed)]
    store.remove(versions)
