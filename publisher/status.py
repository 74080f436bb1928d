"""What is active, and whether it is held."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.store.active import require_active
from publisher.store.hold import current_hold
from publisher.store.keys import Destination
from publisher.store.protocol import Store
from publisher.values import Hold, StoredObject


@dataclass(frozen=True)
class Status:
    """What somebody on call asks first."""

    active: StoredObject
    hold: Hold | None


def status(store: Store, destination: Destination) -> Status:
    """Looks at what is active, and at the hold.

    Raises:
        SourceNotReady: Nothing is active.
        StoreFailed: The store failed.
    """
    return Status(require_active(store, destination), current_hold(store, destination))
