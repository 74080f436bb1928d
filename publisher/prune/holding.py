"""Removes every staged file, and every older version of one or of active, that holds one of some ids; leaves proof."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timezone

from publisher.errors import Conflict, StoreFailed
from publisher.prune.holders import Holder, Holders
from publisher.records.journal import Journal
from publisher.records.record import PRUNED, PRUNING
from publisher.store.keys import Destination
from publisher.store.protocol import Store

# Whoever publishes such a file while it is looked for is met again; whoever keeps on doing so must be stopped first.
_ROUNDS = 3
_MOST_DIGESTS = 500


@dataclass(frozen=True)
class PrunedHolding:
    """What was removed, or would be.

    Attributes:
        removed: Every version, in the order of the keys.
        searched: How many versions were looked into.
        list_sha256: The SHA-256 of the list of what was removed, a line each.
    """

    removed: tuple[Holder, ...]
    searched: int
    list_sha256: str
    is_dry_run: bool


def prune_holding(
    store: Store,
    destination: Destination,
    wanted: frozenset[bytes],
    *,
    dry_run: bool = False,
    warn: Callable[[str], None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> PrunedHolding:
    """Removes every staged file that holds one of some ids, and every older version of one, or of active, that does.

    Whatever its age, and whether a rollback would go back to it or not: `rollback` then says that it is gone. What
    cannot be read as a file of ids counts as holding one. Afterwards everything is looked through again, so that what
    is recorded as gone is. A run that was interrupted is run again, and removes the rest.

    Args:
        store: The bucket.
        destination: Where in it.
        wanted: The ids, as the lines of the file.
        dry_run: Removes nothing.
        warn: Is told what is worth knowing.
        now: The clock.

    Raises:
        GuardRefusal: Active holds one, or is not what was promoted last.
        SourceNotReady: Nothing is active.
        IntegrityError: Active cannot be read.
        Conflict: Somebody keeps on publishing files with such ids.
        StoreFailed: The store failed, does not let versions be seen, or did not remove one.
    """
    journal = Journal(store, destination, "prune", warn=warn, now=now)
    journal.know(wanted_ids=len(wanted))
    search = Holders(store, destination, wanted)
    removed: dict[str, Holder] = {}
    with nullcontext() if dry_run else journal.ending():
        for _ in range(_ROUNDS):
            search.require_active_without()
            journal.reached()
            holders, markers = search.found()
            if dry_run or not holders:
                break
            is_first = not removed
            removed.update((holder.to_line(), holder) for holder in holders)
            journal.know(searched_versions=search.searched, **_proof(removed.values()))
            if is_first:
                journal.begun(PRUNING)
            _remove(store, search, holders, markers, removed, journal)
        else:
            raise Conflict(
                f"Files with such ids came back {_ROUNDS} times while they were removed: somebody publishes or stages "
                "them.",
                "Set a hold (`publisher hold`), end what runs, then run again.",
            )
        gone = tuple(holders if dry_run else removed.values())
        done = PrunedHolding(gone, search.searched, _list_digest(gone), dry_run)
        if not dry_run:
            journal.know(searched_versions=search.searched, **_proof(gone))
            journal.done(PRUNED)
    return done


def _proof(gone: Iterable[Holder]) -> dict[str, object]:
    listed = list(gone)
    digests = list(dict.fromkeys(holder.sha256 for holder in listed))
    return {
        "removed_staged": len({holder.key for holder in listed if "/active/" not in f"/{holder.key}"}),
        "removed_versions": len(listed),
        "removed_sha256": " ".join(digests[:_MOST_DIGESTS]) or None,
        "removed_list_sha256": _list_digest(listed),
    }


def _list_digest(gone: Iterable[Holder]) -> str:
    return hashlib.sha256("".join(f"{holder.to_line()}\n" for holder in gone).encode()).hexdigest()


def _remove(
    store: Store,
    search: Holders,
    holders: list[Holder],
    markers: list[tuple[str, str | None]],
    removed: dict[str, Holder],
    journal: Journal,
) -> None:
    try:
        store.remove([*((holder.key, holder.version) for holder in holders), *markers])
    except StoreFailed as error:
        # What of it is there still is no part of what was removed.
        with suppress(StoreFailed):
            there = {(one.key, one.version) for one in search.versions()}
            left = [holder for holder in holders if (holder.key, holder.version) in there]
            for holder in left:
                del removed[holder.to_line()]
            journal.know(**_proof(removed.values()))
            error.message += f" {len(left):,} versions that hold such an id are there still."
            error.args = (error.message,)
        raise
