"""The day that the name of one partition holds; for who tells how old a partition is."""

from __future__ import annotations

from datetime import date

from publisher.errors import PublisherError
from publisher.partitions.rule import rank


def partition_day(partition: str | None) -> date | None:
    """Returns the day of a partition, by its name; a month's first one. None where the name holds no date.

    Args:
        partition: `20251022`, or `ano=2025/mes=10/dia=22`.
    """
    if partition is None:
        return None
    levels = [level.rpartition("=") for level in partition.split("/")]
    values = tuple(value for _, _, value in levels)
    try:
        ranking = rank([values], [column for column, _, _ in levels], "the table")
    except PublisherError:  # looks like a date and is none
        return None
    return None if ranking.has_only_years else ranking.days.get(values)
