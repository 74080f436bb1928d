"""What was promoted last: by what is active, and by the records, which outlive it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone

from publisher.errors import RecordUnreadable, StoreFailed
from publisher.records.keys import RecordKey, list_since, read_record, windows
from publisher.records.record import STOPPED, Record
from publisher.store.keys import Destination
from publisher.store.protocol import Store
from publisher.values import StoredObject, is_same

# What a publisher says of every file, and another program of none.
PROMISES = ("sha256", "md5_checksum", "total_ids", "content_bytes", "staged_key")


@dataclass(frozen=True)
class Memory:
    """What is known of the last promotion.

    Attributes:
        previous: What a new file replaces for its consumers: active itself; where that is gone, or is not what was
            promoted last, the staged copy of what was, with what active said of it. None before the first promotion.
        last: The record of the last promotion, where it had to be read.
        announced: A later promotion that was announced and may have happened, where active cannot tell.
        doubt: Why active is not what the records say was promoted last; None where it is, or is gone.
        is_replaced: Whether `previous` stands for an active file that is gone or not the publisher's.
        own: The record of what is active: of its promotion, or where that is not there, of its announcement.
        unfinished: The announcement of what is active, where nothing tells that it was carried out.
        abandoned: Announcements of others of which nothing tells how they ended.
        latest: The newest record that was seen.
        active: What was active at the last look.
        stopped: The records of the runs since the last promotion that published nothing: refused, failed, interrupted.
    """

    previous: StoredObject | None
    last: Record | None = None
    announced: Record | None = None
    doubt: str | None = None
    is_replaced: bool = False
    own: RecordKey | None = None
    unfinished: RecordKey | None = None
    abandoned: tuple[RecordKey, ...] = ()
    latest: RecordKey | None = None
    active: StoredObject | None = None
    stopped: tuple[RecordKey, ...] = ()


def is_described(active: StoredObject) -> bool:
    """Whether an object's metadata is a whole one of the publisher's."""
    return not active.metadata.lacks(PROMISES)


def recall(
    store: Store,
    destination: Destination,
    active: StoredObject | None,
    now: datetime | None = None,
    *,
    looks: int = 2,
) -> Memory:
    """Returns what was promoted last. Where active is what the records say, this is one listing.

    Args:
        store: The bucket.
        destination: Where in it.
        active: What is active, None for nothing.
        now: Where to begin looking for the newest record, where active does not tell.
        looks: How often active is looked at again, before it is said not to be what was promoted last.

    Raises:
        StoreFailed: The store failed, or the newest record is not one.
    """
    announced = None
    if active is not None and is_described(active):
        announced = RecordKey.parse(destination, active.metadata.record or "")
    if active is not None and announced is not None:
        keys = list_since(store, destination, announced.key)
        others = [key for key in keys if key.run_id != announced.run_id]
        if not any(key.is_promotion for key in others):
            done = next((key for key in keys if key.run_id == announced.run_id and key.is_promotion), None)
            return Memory(
                previous=active,
                own=done or announced,
                unfinished=None if done else announced,
                abandoned=_dangling(others),
                latest=_latest([announced, *keys]),
                active=active,
                stopped=_stopped(others),
            )
    else:
        keys = newest(store, destination, now or datetime.now(timezone.utc))
    memory = replace(_from_records(store, destination, active, keys), active=active)
    if memory.is_replaced and looks > 0:
        # Somebody may have promoted between the look at active and the listing: then there is nothing to doubt.
        found = store.head(destination.active_key)
        if not is_same(found, active):
            return recall(store, destination, found, now, looks=looks - 1)
    return memory


class Recollection:
    """What was promoted last, recalled once for each state of active.

    Attributes:
        memory: What was recalled last.
    """

    def __init__(self, store: Store, destination: Destination) -> None:
        """Prepares; nothing is asked of the store yet."""
        self._store = store
        self._destination = destination
        self._of: tuple[StoredObject | None] | None = None
        self.memory = Memory(previous=None)

    def over(self, active: StoredObject | None) -> Memory:
        """Returns what was promoted last.

        Args:
            active: What is active.

        Raises:
            StoreFailed: The store failed.
        """
        if self._of != (active,):
            self.memory = recall(self._store, self._destination, active)
            self._of = (active,)
        return self.memory


def recall_if_allowed(store: Store, destination: Destination, active: StoredObject | None) -> Memory | None:
    """Returns what was promoted last; None where who asks may not see the records, as consumers may not.

    Raises:
        StoreFailed: The store failed otherwise.
    """
    try:
        return recall(store, destination, active)
    except StoreFailed as error:
        if error.is_denied:
            return None
        raise


def newest(store: Store, destination: Destination, now: datetime) -> list[RecordKey]:
    """Returns the newest records, oldest first, so many that a promotion is among them, if there is one at all.

    Raises:
        StoreFailed: The store failed.
    """
    keys: list[RecordKey] = []
    for keys in windows(store, destination, now):
        if any(key.is_promotion for key in keys):
            break
    return keys


def _from_records(store: Store, destination: Destination, active: StoredObject | None, keys: list[RecordKey]) -> Memory:
    latest = _latest(keys)
    promoted = [key for key in keys if key.is_promotion]
    later = [key for key in keys if not promoted or key.at > promoted[-1].at]
    pending, stopped = _dangling(later), _stopped(later)
    if not promoted and not pending:
        return Memory(previous=active, latest=latest, stopped=stopped)
    last = _require_record(store, destination, promoted[-1]) if promoted else None
    # One that was announced may have been carried out, and active was lost since: its partition counts, too.
    announced = read_record(store, pending[-1]) if pending else None
    if last is None:
        # The first promotion of all, by several at once maybe: what is active counts.
        return Memory(previous=active, abandoned=pending, latest=latest, stopped=stopped)
    doubt = None
    if active is not None and is_described(active):
        if (active.metadata.staged_key, active.metadata.sha256) == (last.staged_key, last.sha256):
            # Put back by hand from its staged copy: the right file, whoever did it.
            return Memory(previous=active, last=last, abandoned=pending, latest=latest, stopped=stopped)
        doubt = _doubt(active, last)
    return Memory(
        previous=_staged_copy(store, last),
        last=last,
        announced=announced if active is None else None,
        doubt=doubt,
        is_replaced=True,
        abandoned=pending,
        latest=latest,
        stopped=stopped,
    )


def _doubt(active: StoredObject, last: Record) -> str:
    said, outcome = active.metadata, last.outcome.replace("_", " ")
    return (
        f"Active is not what was promoted last: by the records that is {last.staged_key} of partition "
        f"{last.source_partition or 'unknown'}, {outcome} at {last.recorded_at}; active says that it is "
        f"{said.staged_key} of partition {said.source_partition or 'unknown'}."
    )


def _dangling(keys: list[RecordKey]) -> tuple[RecordKey, ...]:
    """Returns the announcements of runs that have no other record."""
    ended = {key.run_id for key in keys if not key.is_announcement}
    return tuple(key for key in keys if key.is_announcement and key.run_id not in ended)


def _stopped(keys: list[RecordKey]) -> tuple[RecordKey, ...]:
    """Returns one record of each run that published nothing."""
    return tuple({key.run_id: key for key in keys if key.outcome in STOPPED}.values())


def _latest(keys: list[RecordKey]) -> RecordKey | None:
    """Returns the newest record; of a run's two, the one that tells how it ended."""
    return max(keys, key=lambda key: (key.at, not key.is_announcement), default=None)


def _require_record(store: Store, destination: Destination, key: RecordKey) -> Record:
    record = read_record(store, key)
    if record is None or record.staged_key is None:
        raise RecordUnreadable(
            f"The record {destination.url(key.key)}, the last one of a promotion, is not one (any more).",
            "Something else writes below runs/: find it. If you know what was promoted last, remove that record.",
        )
    return record


def _staged_copy(store: Store, last: Record) -> StoredObject:
    """Returns the staged copy of what was promoted last; where it is gone or another, one that cannot be read."""
    key = last.staged_key or ""
    texts = last.promoted_metadata().to_texts()
    found = store.head(key)
    if found is not None and found.metadata.sha256 == last.sha256:
        return StoredObject(key, found.etag, found.bytes, found.last_modified, texts)
    return StoredObject(key, "0" * 32, 0, datetime.now(timezone.utc), texts)
