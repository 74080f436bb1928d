"""How far from today the newest partition may be. As in macros/partitions/require_near_partition.sql."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from publisher.errors import SourceNotReady
from publisher.partitions.rule import Ranking, Values

# The default of macros/settings/setting_defaults.sql.
DAYS_AHEAD = 1


@dataclass(frozen=True)
class Limits:
    """How far from today the newest partition may be.

    Attributes:
        today: The present day in UTC.
        max_days_ahead: So many days after it.
        max_age_days: So many days before it; None for any.
    """

    today: date
    max_days_ahead: int = DAYS_AHEAD
    max_age_days: int | None = None


def require_near(values: Values, ranking: Ranking, limits: Limits, table: str) -> None:
    """Lets through only a partition whose date is neither too far ahead nor too long ago.

    Args:
        values: The partition.
        ranking: Where its day is told.
        limits: What is allowed.
        table: The table, for messages.

    Raises:
        SourceNotReady: It is too far away, or an age is asked for where there is no date.
    """
    name, day = "/".join(values), ranking.days.get(values)
    days_ahead = (day - limits.today).days if day else 0
    if days_ahead > limits.max_days_ahead:
        raise SourceNotReady(
            f"The newest partition of {table}, {name}, is {days_ahead} days ahead of today, {limits.today} (UTC); "
            f"max_partition_days_ahead allows {limits.max_days_ahead}.",
            "A sentinel that is always there is left out by partition_value_pattern, such as ^20[0-9]{6}$; drop what a "
            "load wrote by mistake, or pin a partition with the setting pinned_partition.",
        )
    if limits.max_age_days is None:
        return
    if day is None or ranking.has_only_years:
        raise SourceNotReady(
            f"The newest partition of {table}, {name}, does not begin with a date (year, month, day), so its age "
            "cannot be checked.",
            "Unset max_partition_age_days.",
        )
    if -days_ahead > limits.max_age_days:
        raise SourceNotReady(
            f"The newest partition of {table} is {name}, {-days_ahead} days old; "
            f"max_partition_age_days allows {limits.max_age_days}.",
            "Check why no newer partition was loaded; to read this one knowingly, give it to dbt as pinned_partition.",
        )
