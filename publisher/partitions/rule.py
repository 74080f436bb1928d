"""The rule by which the newest partition is chosen, by names alone.

As in macros/partitions/newest_partition.sql; what changes here must change there, and a test runs both on the same
names:

1. Names are left out whose value is null, empty, or not as partition_value_pattern says. A value that is unsafe inside
   SQL is refused.
2. All values of a level are written in one form: every digit is like every other, all else counts as it is, and one or
   two digits are one form (mes=9, mes=10). Else it cannot be told which is the newest, and that is refused.
3. What looks like a date and is none, or does not sort by time, is refused (`dates`).
4. Level by level, the greatest is the newest. Where the date does not begin at the first level, the newest by date must
   be the newest of all.
5. A date that is further ahead than max_partition_days_ahead is refused, and one that is further back than
   max_partition_age_days. A month counts as its first day, and a year so, whose age is not checked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, islice

from publisher.errors import SourceNotReady, UsageError
from publisher.partitions.date_forms import ONE_OR_TWO
from publisher.partitions.dates import HOW_TO_GO_ON, read_dates

# The defaults of macros/settings/setting_defaults.sql and models/staging/_staging__sources.yml.
COLUMNS = "ano_mes_dia"
PATTERN = "^[0-9][0-9A-Za-z:. _+-]*$"
SCHEMA = "raw"
TABLE = "records"

NAMES_SHOWN = 5
_NULLS = frozenset({"__HIVE_DEFAULT_PARTITION__", "null"})
_UNSAFE = re.compile(r"""['"`;\\\x00-\x1f\x7f]""")

Values = tuple[str, ...]


@dataclass(frozen=True)
class Ranking:
    """Usable partitions in their order.

    Attributes:
        groups: The newest first; those that differ only in leading zeros are one group.
        days: The days that they are of, a month's and a year's first; empty when names hold no date.
        has_only_years: They hold no more than a year.
    """

    groups: tuple[tuple[Values, ...], ...]
    days: Mapping[Values, date]
    has_only_years: bool


def column_list(text: str) -> Values:
    """Reads the setting `partition_columns`.

    Raises:
        UsageError: It names none, or something else than a column.
    """
    columns = tuple(column.strip() for column in text.split(",") if column.strip())
    hint = "Set --partition-columns (or MATCHED_IDS_PARTITION_COLUMNS) to one name, or several from the coarsest: "
    for column in columns:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", column):
            raise UsageError(f"{column!r} is not a column name.", f"{hint}ano,mes,dia.")
    if not columns:
        raise UsageError("No partition column is set.", f"{hint}ano,mes,dia.")
    return tuple(column.lower() for column in columns)


def why_ignored(values: Values, pattern: str, table: str) -> str | None:
    """Tells why values do not look like a partition; None when they do.

    Raises:
        SourceNotReady: One is unsafe inside SQL.
    """
    for value in values:
        if _UNSAFE.search(value):
            raise SourceNotReady(
                f"{table} has a partition value that is unsafe inside SQL: {value!a}.",
                "Quotes, backslashes, semicolons and control characters are refused: drop that partition from the "
                "catalog, or pin a good one with the setting pinned_partition.",
            )
    for value in values:
        if value in _NULLS:
            return "null"
        if value == "":
            return "empty"
        if not re.match(pattern, value):
            return "not as partition_value_pattern"
    return None


def form(value: str) -> str:
    """Returns how a value is written: each digit as 0, one or two digits as one, all else as it is."""
    digits = re.sub("[0-9]", "0", value)
    return ONE_OR_TWO if digits == "00" else digits


def rank(candidates: Collection[Values], columns: Sequence[str], table: str) -> Ranking:
    """Orders usable partitions.

    Args:
        candidates: Their values, of which there must be some.
        columns: The columns of the values.
        table: The table, for messages.

    Raises:
        SourceNotReady: They are written in several forms, look like dates and are none, or do not sort by time.
    """
    several = list(candidates)
    levels = [list(level) for level in zip(*several, strict=True)]
    forms = [_one_form(level, column, table) for level, column in zip(levels, columns, strict=True)]
    dates = read_dates(levels, forms, columns, table)

    def key(values: Values) -> Values:
        # All keys of a level are of one length, so that the order of texts is that of the numbers in them.
        return tuple(
            value.rjust(2, "0") if one == ONE_OR_TWO else value for value, one in zip(values, forms, strict=True)
        )

    groups = tuple(tuple(group) for _, group in groupby(sorted(several, key=key, reverse=True), key))
    newest, by_date = groups[0][0], max(several, key=lambda values: key(values)[dates.start :])
    if key(by_date)[dates.start :] > key(newest)[dates.start :]:
        raise SourceNotReady(
            f"By {', '.join(columns)} the newest partition of {table} is {'/'.join(newest)}, but "
            f"{'/'.join(by_date)} has a newer date.",
            f"Set partition_columns so that the date comes first: {','.join(columns[dates.start :])}.",
        )
    days = {values: day for number, values in enumerate(several) if (day := dates.day(number))}
    return Ranking(groups, days, dates.kind == "years")


def _one_form(level: Sequence[str], column: str, table: str) -> str:
    examples: dict[str, str] = {}
    counts = Counter[str]()
    for value in level:
        written = form(value)
        examples.setdefault(written, value)
        counts[written] += 1
    if len(counts) > 1:
        shown = ", ".join(f"{counts[one]} like {example}" for one, example in islice(examples.items(), NAMES_SHOWN))
        raise SourceNotReady(
            f"The partitions of {table} are written in {len(counts)} forms in {column}: {shown}"
            f"{', …' if len(counts) > NAMES_SHOWN else ''}. Which is the newest cannot be told.",
            HOW_TO_GO_ON,
        )
    return next(iter(counts))


def require_some(candidates: Collection[Values], ignored: Sequence[str], table: str) -> None:
    """Lets through only where there is a usable partition.

    Args:
        candidates: The usable partitions.
        ignored: The names of others, with why.
        table: The table, for messages.

    Raises:
        SourceNotReady: There is none.
    """
    if not candidates:
        found = f"{len(ignored)} ignored: {shown(ignored)}" if ignored else "none is there"
        raise SourceNotReady(
            f"{table} has no usable partition ({found}).",
            "Check that the load ran and that its partition is in the catalog (MSCK REPAIR TABLE, or a crawler).",
        )


def require_one(group: Sequence[Values], table: str) -> Values:
    """Returns the only member of a group of a ranking.

    Raises:
        SourceNotReady: There are two.
    """
    if len(group) > 1:
        raise SourceNotReady(
            f"{table} has two newest partitions that differ only in leading zeros: "
            f"{'/'.join(group[0])} and {'/'.join(group[1])}.",
            "Drop one of them, or pin one with the setting pinned_partition.",
        )
    return group[0]


def shown(names: Sequence[str]) -> str:
    """Returns the first of some names."""
    return ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")


def partition_name(columns: Values, values: Values) -> str:
    """Returns a partition's name: its value (20251022), or for several levels a path (ano=2025/mes=10/dia=22)."""
    if len(columns) == 1:
        return values[0]
    return "/".join(f"{column}={value}" for column, value in zip(columns, values, strict=True))


def pin(columns: Values, values: Values, table: str) -> str:
    """Returns what the setting `pinned_partition` takes for a partition.

    Raises:
        SourceNotReady: It cannot be written so.
    """
    is_path = len(columns) > 1 or "=" in values[0]  # a single value with a = in it would be read as a path
    if is_path and any("/" in value for value in values):
        raise SourceNotReady(
            f"The newest partition of {table} has a value with a slash, {'/'.join(values)}, and cannot be pinned.",
            "Leave this command out, so that dbt finds the partition itself.",
        )
    return f"{columns[0]}={values[0]}" if is_path and len(columns) == 1 else partition_name(columns, values)
