"""What the page shows of a destination, read from the store once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone

from publisher.errors import RecordUnreadable
from publisher.history import as_it_ended
from publisher.partitions.named_day import partition_day
from publisher.records.record import (
    FAILED,
    HELD,
    INTENDED,
    INTERRUPTED,
    PRUNING,
    REFUSED,
    RELEASED,
    ROLLED_BACK,
    Record,
)
from publisher.records.runs import newest_runs
from publisher.status import status
from publisher.store.hold import current_hold
from publisher.store.keys import Destination
from publisher.store.protocol import Store
from publisher.values import Hold, StoredObject

# As many as S3 itself could store. What is outside was written by another program, and would break a chart.
_MOST = 2**63
_BEGIN = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FAR = timedelta(days=1)
STEPS = ("prepare", "encode", "compare", "stage", "read_back", "promote")


@dataclass(frozen=True)
class Figures:
    """What is known of a destination, at one moment.

    Attributes:
        made_at: That moment.
        since: From when on runs were asked for; None for no bound.
        active: What is active; None for nothing.
        hold: The hold that is set; None for none.
        doubts: Why active is not what was promoted last, or why that cannot be told; empty when it is.
        runs: The newest runs, newest first, as they ended.
        is_whole: Whether there are no older ones.
        unreadable: How many runs more have records that cannot be read.
    """

    destination: Destination
    made_at: datetime
    since: datetime | None
    active: StoredObject | None
    hold: Hold | None
    doubts: tuple[str, ...]
    runs: tuple[Record, ...]
    is_whole: bool
    unreadable: int

    @property
    def promotions(self) -> tuple[Record, ...]:
        """The runs that made a file active, newest first."""
        return tuple(run for run in self.runs if run.is_promotion)

    @property
    def refusals(self) -> tuple[Record, ...]:
        """The runs that a guard stopped, newest first."""
        return tuple(run for run in self.runs if run.outcome == REFUSED)

    @property
    def failures(self) -> tuple[Record, ...]:
        """The runs that broke, were ended, or of which nobody knows how they ended, newest first."""
        return tuple(run for run in self.runs if run.outcome in (FAILED, INTERRUPTED, INTENDED, PRUNING))

    @property
    def decisions(self) -> tuple[Record, ...]:
        """The promotions that a person decided: guards overruled, and rollbacks; newest first."""
        return tuple(run for run in self.promotions if run.overruled or run.outcome == ROLLED_BACK)

    @property
    def holds(self) -> tuple[Record, ...]:
        """The runs that set a hold or released one, a rollback that held among them; newest first."""
        rolled_back = (run for run in self.promotions if run.outcome == ROLLED_BACK and run.is_held)
        return tuple(sorted_newest([*(run for run in self.runs if run.outcome in (HELD, RELEASED)), *rolled_back]))


def read_figures(
    store: Store, destination: Destination, limit: int, since: datetime | None = None, now: datetime | None = None
) -> Figures:
    """Looks at what is active and reads the records of the newest runs: some listings, and one request a run.

    Args:
        store: The bucket.
        destination: Where in it.
        limit: How many runs at most.
        since: Only those from then on; None for no bound.
        now: The moment; None for now.

    Raises:
        StoreFailed: The store failed, or the records may not be seen.
    """
    now = (now or datetime.now(timezone.utc)).astimezone(timezone.utc)
    active, hold, doubts = _state(store, destination)
    newest = newest_runs(store, destination, limit, since)
    runs = [as_it_ended(run, active) for run in newest.records]
    # Without a moment there is no place for it on any axis; one of a far day was written by another program.
    dated = [run for run in runs if run.moment is not None and _BEGIN < run.moment < now + _FAR]
    return Figures(
        destination=destination,
        made_at=now,
        since=since,
        active=active,
        hold=hold,
        doubts=doubts,
        runs=tuple(sorted_newest(dated)),
        is_whole=newest.is_whole,
        unreadable=newest.unreadable + len(runs) - len(dated),
    )


def _state(store: Store, destination: Destination) -> tuple[StoredObject | None, Hold | None, tuple[str, ...]]:
    try:
        found = status(store, destination)
    except RecordUnreadable as error:  # the page is for who wants to know that
        return store.head(destination.active_key), current_hold(store, destination), (error.message,)
    doubts = found.doubts
    if found.active is None and found.promoted_last is not None:
        doubts = (f"what was promoted last, {found.promoted_last}, is not there any more",)
    return found.active, found.hold, doubts


def sorted_newest(runs: list[Record]) -> list[Record]:
    """Returns runs, newest first, by what their records say."""
    return sorted(runs, key=at, reverse=True)


def at(run: Record) -> datetime:
    """Returns when a run was recorded, UTC."""
    return (run.moment or _BEGIN).astimezone(timezone.utc)


def known(number: float | None) -> float | None:
    """Returns a number of a record where it can be one: nothing below zero, nothing that no store holds."""
    return number if number is not None and 0 <= number < _MOST else None


def seconds(run: Record) -> float | None:
    """Returns how long all steps of a run took together; None where none is told."""
    told = [value for step in STEPS if (value := known(getattr(run, f"seconds_{step}"))) is not None]
    return round(sum(told), 2) if told else None


def partition_age_days(run: Record) -> float | None:
    """Returns how many days after the beginning of its partition's day a file was promoted.

    None where the partition's name holds no date, or a later one.
    """
    day = partition_day(run.source_partition)
    if day is None:
        return None
    age = (at(run) - datetime.combine(day, time(), timezone.utc)).total_seconds() / 86400
    return round(age, 1) if age >= 0 else None
