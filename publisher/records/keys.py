"""The keys of records: they sort by time, and tell the run and what became of it without being read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from publisher.records.record import INTENDED, OUTCOMES, PROMOTED, Record, parse_record
from publisher.store.keys import TIMESTAMP, Destination
from publisher.store.protocol import Store

_NAME = re.compile(r"(\d{8}_\d{6})_(\d{6})_([0-9a-f]{12})_([a-z_]+)\.json")
# One listing answers with a thousand keys; a team that publishes once a day is served by the first window.
_WINDOWS_DAYS = (8, 64, 512)


@dataclass(frozen=True)
class RecordKey:
    """The key of a record, read.

    Attributes:
        key: As the store has it.
        at: When the run wrote it, to the microsecond.
        run_id: The run.
        outcome: What became of it.
    """

    key: str
    at: datetime
    run_id: str
    outcome: str

    @classmethod
    def make(cls, destination: Destination, at: datetime, run_id: str, outcome: str) -> RecordKey:
        """Returns the key of a record that is to be written."""
        at = at.astimezone(timezone.utc)
        name = f"{at.strftime(TIMESTAMP)}_{at.microsecond:06}_{run_id}_{outcome}.json"
        return cls(f"{destination.runs_prefix}{at:%Y/%m/%d}/{name}", at, run_id, outcome)

    @classmethod
    def parse(cls, destination: Destination, key: str) -> RecordKey | None:
        """Reads a key; None where it is not one of a record of this destination."""
        found = _NAME.fullmatch(key.rpartition("/")[2])
        if found is None or found[4] not in OUTCOMES:
            return None
        try:
            at = datetime.strptime(found[1], TIMESTAMP).replace(tzinfo=timezone.utc)
        except ValueError:
            return None
        parsed = cls.make(destination, at + timedelta(microseconds=int(found[2])), found[3], found[4])
        return parsed if parsed.key == key else None

    @property
    def is_promotion(self) -> bool:
        """Whether active was another file afterwards."""
        return self.outcome in PROMOTED

    @property
    def is_announcement(self) -> bool:
        """Whether it was written before active was to be replaced."""
        return self.outcome == INTENDED

    def with_outcome(self, destination: Destination, outcome: str) -> RecordKey:
        """Returns the key beside this one: whoever records how the same announcement ended takes the same."""
        return self.make(destination, self.at, self.run_id, outcome)


def list_since(store: Store, destination: Destination, after: str) -> list[RecordKey]:
    """Returns the records whose keys come after a key, oldest first; one request for a thousand.

    Raises:
        StoreFailed: The store failed.
    """
    listed = store.list(destination.runs_prefix, after)
    return [parsed for key in listed if (parsed := RecordKey.parse(destination, key)) is not None]


def read_record(store: Store, key: RecordKey) -> Record | None:
    """Returns a record; None where it is gone or is not one.

    Raises:
        StoreFailed: The store failed.
    """
    return parse_record(store.read_small(key.key) or b"")


def windows(store: Store, destination: Destination, now: datetime) -> Iterator[list[RecordKey]]:
    """Yields the records of the last days, oldest first, then those of more days, and at last all of them.

    For who looks for the newest of something, and does not know how far back that is: S3 lists in ascending order only.

    Raises:
        StoreFailed: The store failed.
    """
    for days in _WINDOWS_DAYS:
        begin = now.astimezone(timezone.utc) - timedelta(days=days)
        yield list_since(store, destination, f"{destination.runs_prefix}{begin:%Y/%m/%d}/")
    yield list_since(store, destination, "")
