"""Guards that compare with what is active, and the hold that a person set over it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NoReturn

from publisher.errors import GuardRefusal
from publisher.guards.counts import counted, likeliest_cause, percent
from publisher.guards.names import HOLD, OLDER_PARTITION, STALE, TOO_FEW_IDS, TOO_MANY_REMOVED
from publisher.values import Changes, Encoded, Hold, StoredObject, Summary


def require_no_hold(hold: Hold | None) -> None:
    """Lets through only when nobody has set a hold.

    Raises:
        GuardRefusal: Somebody has.
    """
    if hold is not None:
        since = f" since {hold.since} UTC" if hold.since else ""
        raise GuardRefusal(
            f"A hold is set{since}{f' by {hold.by}' if hold.by else ''}: {hold.reason}.",
            "When its reason is gone, run `publisher release`.",
            guard=HOLD,
        )


def require_not_older(source_partition: str | None, active: StoredObject | None) -> None:
    """Lets through only a partition that is the active one or newer.

    Raises:
        GuardRefusal: It is older, or the two cannot be compared.
    """
    active_partition = active.metadata.source_partition if active else None
    if active_partition is None or source_partition == active_partition:
        return
    if source_partition is None:
        _refuse_partition(
            f"It is not known which partition the table comes from; active comes from {active_partition}."
        )
    try:
        is_older = partition_key(source_partition) < partition_key(active_partition)
        comparable = _columns(source_partition) == _columns(active_partition)
    except TypeError:  # a number on one side, a word on the other
        comparable = is_older = False
    if not comparable:
        _refuse_partition(
            f"Partition {source_partition} cannot be compared with active's, {active_partition}: "
            "they are written differently."
        )
    if is_older:
        _refuse_partition(f"Partition {source_partition} is older than active's, {active_partition}.")


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
        )


def require_fresh(active: StoredObject, max_age: timedelta, now: datetime) -> None:
    """Lets through only an active file that was promoted within `max_age`; for readers and monitors.

    Raises:
        GuardRefusal: It is older.
    """
    age = now - active.last_modified
    if age > max_age:
        raise GuardRefusal(
            f"Active was promoted {_readable(age)} ago; at most {_readable(max_age)} are allowed.",
            "See why the last publish did not happen: the publisher's last message, `publisher status` and `history`.",
            guard=STALE,
        )


def partition_key(partition: str) -> list[int | str]:
    """Returns what orders partitions, level by level: numbers where a value is digits, as the dbt macro does.

    Args:
        partition: `20251022`, or `ano=2025/mes=10/dia=22`.
    """
    values = [level.partition("=")[2] or level for level in partition.split("/")]
    return [int(value) if value.isascii() and value.isdigit() else value for value in values]


def _columns(partition: str) -> list[str]:
    return [level.partition("=")[0] if "=" in level else "" for level in partition.split("/")]


def _refuse_partition(message: str) -> NoReturn:
    raise GuardRefusal(
        message,
        "Build from the newest partition; with --table, say which partition it is with --source-partition.",
        guard=OLDER_PARTITION,
    )


def _readable(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
