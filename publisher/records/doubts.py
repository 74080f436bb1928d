"""Whether what is active is what was promoted last."""

from __future__ import annotations

from publisher.records.keys import read_record
from publisher.records.memory import PROMISES, Memory
from publisher.store.protocol import Store
from publisher.values import StoredObject


def doubts_about(store: Store, active: StoredObject, memory: Memory | None) -> tuple[str, ...]:
    """Says why an active file is not what was promoted last, one text each; nothing when it is.

    Args:
        store: The bucket.
        active: What is active.
        memory: What was promoted last; None where that may not be seen: then only the metadata is looked at.

    Raises:
        StoreFailed: The store failed.
    """
    said = active.metadata
    if missing := said.lacks(PROMISES):
        return (f"it is not the publisher's: its metadata lacks {', '.join(missing)}",)
    if memory is None:
        return ()
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
            doubts.append(f"it is not the file whose promotion was recorded at {record.recorded_at}")
    return tuple(doubts)
