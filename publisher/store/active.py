"""What is active, for the commands that need that something is."""

from __future__ import annotations

from publisher.errors import SourceNotReady
from publisher.store.keys import Destination
from publisher.store.protocol import ReadableStore
from publisher.values import StoredObject

_HINT = "Run `dbt build && publisher publish`, or correct --to."


def require_active(store: ReadableStore, destination: Destination, hint: str = _HINT) -> StoredObject:
    """Returns what is active.

    Args:
        store: The bucket.
        destination: Where in it.
        hint: What whoever asks can do when nothing is.

    Raises:
        SourceNotReady: Nothing is.
        StoreFailed: The store failed.
    """
    return require_there(store.head(destination.active_key), destination, hint)


def require_there(active: StoredObject | None, destination: Destination, hint: str = _HINT) -> StoredObject:
    """Returns what was found to be active.

    Raises:
        SourceNotReady: Nothing was.
    """
    if active is None:
        raise SourceNotReady(f"Nothing is published at {destination.url(destination.active_key)}.", hint)
    return active
