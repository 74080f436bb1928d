"""What is active, whether it is what was promoted last, whether it is held, and what the last run said."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.records.memory import Memory, is_described, read_record, recall
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
        doubts: Why active is not what was promoted last, one text each; empty when it is.
    """

    active: StoredObject | None
    hold: Hold | None
    promoted_last: str | None
    last_run: Record | None
    doubts: tuple[str, ...]


def status(store: Store, destination: Destination) -> Status:
    """Looks at what is active, at the records, and at the hold.

    Raises:
        StoreFailed: The store failed.
    """
    active = store.head(destination.active_key)
    memory = recall(store, destination, active)
    return Status(
        active=active,
        hold=current_hold(store, destination),
        promoted_last=memory.last.staged_key if memory.last and memory.is_replaced else None,
        last_run=read_record(store, memory.latest) if memory.latest else None,
        doubts=doubts_about(store, active, memory) if active else (),
    )


def doubts_about(store: Store, active: StoredObject, memory: Memory) -> tuple[str, ...]:
    """Says why an active file is not what was promoted last, one text each; nothing when it is.

    Args:
        store: The bucket.
        active: What is active.
        memory: What was promoted last.

    Raises:
        StoreFailed: The store failed.
    """
    said = active.metadata
    if not is_described(active):
        names = ("sha256", "md5_checksum", "total_ids", "content_bytes", "staged_key")
        missing = ", ".join(name for name in names if getattr(said, name) is None)
        return (f"it is not the publisher's: its metadata lacks {missing}",)
    if memory.doubt is not None:
        return (memory.doubt,)
    doubts = []
    staged = store.head(said.staged_key or "")
    if staged is not None and (staged.bytes, staged.metadata.sha256) != (active.bytes, said.sha256):
        doubts.append(f"it names the staged file {said.staged_key}, which holds other bytes")
    record = memory.last or (read_record(store, memory.own) if memory.own else None)
    if record is not None and record.staged_key is not None:
        is_other = (record.staged_key, record.sha256) != (said.staged_key, said.sha256)
        if is_other or (record.active_etag is not None and active.etag != record.active_etag and memory.last is None):
            doubts.append(f"it is not the file whose promotion was recorded at {record.at}")
    return tuple(doubts)
