"""What is active, whether it is what was promoted last, whether it is held, and what the last run said."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.records.doubts import doubts_about
from publisher.records.keys import read_record
from publisher.records.memory import recall_if_allowed
from publisher.records.record import Record
from publisher.store.hold import current_hold
from publisher.store.keys import Destination
from publisher.store.protocol import Store
from publisher.values import Hold, StoredObject


@dataclass(frozen=True)
class Status:
    """What somebody on call asks first.

    Attributes:
        active: None when nothing is.
        hold: None when none is set.
        promoted_last: The staged key of what the records say was promoted last, where that is not what is active.
        last_run: The newest record, whatever it is about; None where there are none.
        sees_records: Whether who asks may see the records; without them less is known.
        doubts: Why active is not what was promoted last, one text each; empty when it is.
    """

    active: StoredObject | None
    hold: Hold | None
    promoted_last: str | None
    last_run: Record | None
    sees_records: bool
    doubts: tuple[str, ...]


def status(store: Store, destination: Destination) -> Status:
    """Looks at what is active, at the records, and at the hold.

    Raises:
        StoreFailed: The store failed.
    """
    active = store.head(destination.active_key)
    memory = recall_if_allowed(store, destination, active)
    active = memory.active if memory else active
    last = memory.last if memory and memory.is_replaced else None
    return Status(
        active=active,
        hold=current_hold(store, destination),
        promoted_last=last.staged_key if last else None,
        last_run=read_record(store, memory.latest) if memory and memory.latest else None,
        sees_records=memory is not None,
        doubts=doubts_about(store, active, memory) if active else (),
    )
