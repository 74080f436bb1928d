"""Guards that compare with what is active, and the hold that a person set over it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NoReturn

from publisher.errors import GuardRefusal
from publisher.guards.counts import counted, likeliest_cause, percent
from publisher.guards.names import (
    ACTIVE_DIFFERS,
    HOLD,
    OLDER_PARTITION,
    STALE,
    TOO_FEW_IDS,
    TOO_MANY_REMOVED,
    UNUSUAL_COUNT,
)
from publisher.values import Changes, Encoded, Hold, Metadata, StoredObject, Summary

_FEWEST_COUNTS = 3


def require_no_hold(hold: Hold | None) -> None:
    """Lets through only when nobody has set a hold.

    Raises:
        GuardRefusal: Somebody has.
    """
    if hold is not None:
        raise GuardRefusal(
            f"A hold is set{hold_text(hold)}.",
            "When its reason is gone, run `publisher release`.",
            guard=HOLD,
        )


def hold_text(hold: Hold) -> str:
    """Returns since when, by whom and why a hold is set, to stand behind the word that it is."""
    since = f" since {hold.since} UTC" if hold.since else ""
    return f"{since}{f' by {hold.by}' if hold.by else ''}: {hold.reason}"


def require_known_active(doubt: str | None) -> None:
    """Lets through only when active is what the records say was promoted last, or when it is gone.

    Args:
        doubt: What is wrong with it; None when nothing is.

    Raises:
        GuardRefusal: Somebody put another file there.
    """
    if doubt is not None:
        raise GuardRefusal(
            doubt,
            "See `publisher status` and `history`. To put back what was promoted last: `publisher rollback --to-last`.",
            guard=ACTIVE_DIFFERS,
        )


def require_not_older(source_partition: str | None, active_partition: str | None, of: str = "active's") -> None:
    """Lets through only a partition that is the active one or newer.

    Args:
        source_partition: Of the new file.
        active_partition: Of what is active, or was promoted last; None when that is not known, or there is none.
        of: Whose partition that is, for the message.

    Raises:
        GuardRefusal: It is older, or the two cannot be compared.
    """
    if active_partition is None or source_partition == active_partition:
        return
    if source_partition is None:
        _refuse_partition(
            f"It is not known which partition the table comes from; active comes from {active_partition}.",
            source_partition,
            active_partition,
        )
    older = is_older(source_partition, active_partition)
    if older is None:
        _refuse_partition(
            f"Partition {source_partition} cannot be compared with {of}, {active_partition}: "
            "they are written differently.",
            source_partition,
            active_partition,
        )
    if older:
        _refuse_partition(
            f"Partition {source_partition} is older than {of}, {active_partition}.",
            source_partition,
            active_partition,
        )


def require_enough(
    encoded: Encoded, active_ids: int | None, min_percent: float, summary: Summary | None = None
) -> None:
    """Lets through only a file with at least `min_percent` of active's ids.

    Args:
        encoded: The new file.
        active_ids: How many ids the active file has; None when there is none, or it cannot be told.
        min_percent: 0 allows everything.
        summary: What was counted on both sides of the join, for the message.

    Raises:
        GuardRefusal: There are fewer.
    """
    if active_ids and encoded.total_ids * 100 < active_ids * min_percent:
        raise GuardRefusal(
            f"The table has {encoded.total_ids:,} ids, {percent(encoded.total_ids, active_ids)} of the {active_ids:,} "
            f"that are active; at least {min_percent:g} % are required.{counted(summary)}",
            likeliest_cause(summary)
            or "Check that the partition is completely loaded, and table A; if it is right so, overrule.",
            guard=TOO_FEW_IDS,
            saw=encoded.total_ids,
            limit=f"{min_percent:g} % of {active_ids}",
        )


def require_few_removed(changes: Changes | None, max_percent: float) -> None:
    """Lets through only a file that keeps enough of active's ids.

    Args:
        changes: What the new file changes; None when there is nothing that can be compared.
        max_percent: 100 allows everything.

    Raises:
        GuardRefusal: Too many are gone.
    """
    if changes and changes.ids_removed * 100 > changes.active_ids * max_percent:
        raise GuardRefusal(
            f"{changes.ids_removed:,} of the {changes.active_ids:,} active ids would be removed, "
            f"{percent(changes.ids_removed, changes.active_ids)}; at most {max_percent:g} % are allowed.",
            "Check whether the ids changed their form, or table A its content; if it is right so, overrule. "
            "See which: `publisher diff --ids removed`.",
            guard=TOO_MANY_REMOVED,
            saw=changes.ids_removed,
            limit=f"{max_percent:g} % of {changes.active_ids}",
        )


def require_usual_count(encoded: Encoded, counts: Sequence[int], max_deviation: float | None) -> None:
    """Lets through only a file about as large as those of the last promotions.

    Args:
        encoded: The new file.
        counts: How many ids each of these had. Fewer than three are no habit, and nothing is said.
        max_deviation: In percent of their median; None allows everything.

    Raises:
        GuardRefusal: It is further from the median.
    """
    usual = usual_count(counts)
    if max_deviation is None or usual is None:
        return
    if abs(encoded.total_ids - usual) * 100 > usual * max_deviation:
        raise GuardRefusal(
            f"The table has {encoded.total_ids:,} ids; the last {len(counts)} promoted files had {usual:,.0f} "
            f"(median), and at most {max_deviation:g} % more or fewer are allowed.",
            "Check the load of the partition, and table A; if it is right so, overrule.",
            guard=UNUSUAL_COUNT,
            saw=encoded.total_ids,
            limit=f"{max_deviation:g} % around {usual:.0f}",
        )


def usual_count(counts: Sequence[int]) -> float | None:
    """Returns the median; None of fewer counts than make a habit."""
    from statistics import median  # takes as long to import as all guards together

    return median(counts) if len(counts) >= _FEWEST_COUNTS else None


def require_fresh(active: StoredObject, max_age: timedelta, now: datetime) -> None:
    """Lets through only an active file that was promoted within `max_age`; for readers and monitors.

    Raises:
        GuardRefusal: It is older.
    """
    age = now - active.last_modified
    if age > max_age:
        raise GuardRefusal(
            f"Active was promoted {readable_duration(age)} ago; at most {readable_duration(max_age)} are allowed.",
            "See why the last publish did not happen: the publisher's last message, `publisher status` and `history`.",
            guard=STALE,
        )


def set_back_from(source_partition: str | None, previous: Metadata) -> str | None:
    """Returns the newest partition that is replaced by an older one; None where the new file is as new as any before.

    Args:
        source_partition: Of the new file.
        previous: What is said of what it replaces.
    """
    newest = None
    for partition in (previous.source_partition, previous.set_back_from):
        is_newer = partition is not None and source_partition is not None and is_older(source_partition, partition)
        if is_newer and (newest is None or is_older(newest, partition or "")):
            newest = partition
    return newest


def is_older(partition: str, than: str) -> bool | None:
    """Whether a partition is older than another; None where the two cannot be compared.

    Args:
        partition: `20251022`, or `ano=2025/mes=10/dia=22`.
        than: The other.
    """
    try:
        return partition_key(partition) < partition_key(than) if _columns(partition) == _columns(than) else None
    except TypeError:  # a number on one side, a word on the other
        return None


def partition_key(partition: str) -> list[int | str]:
    """Returns what orders partitions, level by level: numbers where a value is digits, as the dbt macro does.

    Args:
        partition: `20251022`, or `ano=2025/mes=10/dia=22`.
    """
    values = [level.partition("=")[2] or level for level in partition.split("/")]
    return [int(value) if value.isascii() and value.isdigit() else value for value in values]


def _columns(partition: str) -> list[str]:
    return [level.partition("=")[0] if "=" in level else "" for level in partition.split("/")]


def _refuse_partition(message: str, saw: str | None, limit: str) -> NoReturn:
    raise GuardRefusal(
        message,
        "Build from the newest partition; with --table, say which partition it is with --source-partition.",
        guard=OLDER_PARTITION,
        saw=saw,
        limit=limit,
    )


def readable_duration(duration: timedelta) -> str:
    """Returns a duration in the largest unit of which there are at least two."""
    seconds = duration.total_seconds()
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
