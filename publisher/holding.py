"""Sets and ends a hold, and records both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

from publisher.records.journal import Journal
from publisher.records.record import HELD, RELEASED
from publisher.store.hold import release_hold, set_hold
from publisher.store.keys import Destination
from publisher.store.protocol import Store
from publisher.values import Hold


def hold(
    store: Store,
    destination: Destination,
    reason: str,
    by: str | None,
    *,
    warn: Callable[[str], None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> Hold:
    """Makes every publish refuse, for a reason, until the hold is released.

    Args:
        store: The bucket.
        destination: What to hold.
        reason: Why, in a person's words; one line.
        by: Who; None when it cannot be told.
        warn: Is told what is worth knowing, such as that nothing was ever published there.
        now: The clock.

    Raises:
        UsageError: The reason is blank or not one line, or a hold is set already.
        StoreFailed: The store failed.
    """
    journal = Journal(store, destination, "hold", warn=warn, now=now)
    journal.know(reason=reason)
    with journal.ending():
        held = set_hold(store, destination, reason, by, now())
    if store.head(destination.active_key) is None and next(iter(store.list(destination.stage_prefix)), None) is None:
        warn(f"nothing was ever published to {destination.url(destination.prefix)}: is that the right destination?")
    journal.know(is_held=True)
    journal.done(HELD)
    return held


def release(
    store: Store,
    destination: Destination,
    *,
    warn: Callable[[str], None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> Hold | None:
    """Ends a hold and returns it, None when none was set.

    Raises:
        Conflict: It was replaced by another in between.
        StoreFailed: The store failed.
    """
    journal = Journal(store, destination, "release", warn=warn, now=now)
    with journal.ending():
        held = release_hold(store, destination)
    if held is not None:
        journal.know(is_held=False, reason=held.reason)
        journal.done(RELEASED)
    return held
