r"""Finds the partition that the dbt macro `latest_partition` would choose, without Spark, from the Glue Data Catalog.

For catalogs with tens of thousands of partitions, which Spark lists for minutes, and for schedules that poll. What is
found is given to dbt as a pin, which it takes without a look at the catalog:

    dbt build --vars "{pinned_partition: \"$(publisher latest-partition)\"}"

The rule is the macro's (macros/newest_partition.sql); a test runs both on the same names. One thing differs: the macro
refuses when any partition has a value that is unsafe inside SQL. A listing that was narrowed may not show an old one;
it is not what is pinned, and a pin is all that then gets into SQL. `--since-days 0` shows all.

A listing is narrowed only where it cannot change the answer:

1. A first page is read. If that was everything, nothing is narrowed. If its values are not all written in one way that
   begins with a year, neither.
2. The rest is asked for by an Expression on the first level: from so many days ago, and whatever else could be newer
   by the rule. For text that is a value with more digits, which as a number is larger although as text it may be
   smaller; for an integer column a negative number, which would make the rule compare as text.
3. The answer is used if it holds at least one usable partition from that day on, and if no partition that was left out
   could change how a level is compared: a level whose values are digits must have them of one length, where comparing
   as numbers or as text is the same, or be an integer column of the catalog. Else everything is listed.

For an integer column this trusts that it holds integers, none written with a plus sign; Glue itself refuses an
Expression on a column that meets another value. Columns of type `date` and others are never narrowed: the catalog
compares them as what they are, the rule as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import chain, groupby, islice
from typing import TypeVar

from publisher.artifacts import StoredObject
from publisher.errors import GuardRefusal, NothingNew, SourceNotReady, UsageError
from publisher.guards import partition_key, require_not_older
from publisher.keys import Destination
from publisher.lake.files import parse_glue_table
from publisher.lake.glue import ExpressionRefused, GlueCatalog, GluePartition, GlueTable
from publisher.store import Store

# The defaults of macros/setting.sql and models/staging/_staging__sources.yml.
COLUMNS = "ano_mes_dia"
PATTERN = "^[0-9][0-9A-Za-z:. _+-]*$"
SCHEMA = "raw"
TABLE = "records"

NOT_VALUES = frozenset({"__HIVE_DEFAULT_PARTITION__", "null", ""})
_DIGITS = re.compile(r"[0-9]+")
_UNSAFE = re.compile(r"""['"`;\\\x00-\x1f\x7f]""")
_INTEGERS = frozenset({"tinyint", "smallint", "int", "bigint", "long"})
# As much as one request to Glue gives; a table with fewer partitions needs no narrowing.
_SAMPLE = 1000
# So many partitions are asked whether they are ready; a wrong --ready-file would otherwise ask for all of them.
_MOST_LOOKS = 50
_NAMES_SHOWN = 5

Values = tuple[str, ...]
_Key = TypeVar("_Key")


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        database: The database of the Glue catalog.
        table: The table in it.
        columns: The partition columns that count, from the coarsest.
        pattern: What a value looks like; others are ignored.
        since_days: So many days back a listing is narrowed to; 0 for never.
        max_age_days: An older newest partition is an error; None for any.
        newer_than: Where the active file is that the partition must be newer than; None for no such condition.
        ready_file: The name of an object that a partition's folder must hold.
        ready_after: So long ago a partition must have been registered.
    """

    database: str
    table: str
    columns: Values = (COLUMNS,)
    pattern: str = PATTERN
    since_days: int = 35
    max_age_days: int | None = None
    newer_than: Destination | None = None
    ready_file: str | None = None
    ready_after: timedelta | None = None

    def __post_init__(self) -> None:
        """Checks what the types do not.

        Raises:
            UsageError: The pattern is not a regular expression, or the name of the ready file is not one.
        """
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise UsageError(
                f"The pattern of partition values {self.pattern!r} is not a regular expression.",
                "Correct --partition-value-pattern, or MATCHED_IDS_PARTITION_VALUE_PATTERN.",
            ) from error
        if self.ready_file is not None and (not self.ready_file.strip() or "/" in self.ready_file):
            raise UsageError(
                f"--ready-file {self.ready_file!r} is not the name of a file.", "Give a name such as _SUCCESS."
            )

    def __str__(self) -> str:
        return f"{self.database}.{self.table}"


@dataclass(frozen=True)
class Latest:
    """The partition that was found.

    Attributes:
        partition: As the setting `pinned_partition` takes it.
        location: The folder of its data; None when it has none, or several.
        created: When it, or the last part of it, was registered.
        considered: How many usable partitions were compared.
        ignored: The partitions with a value that does not look like one.
        not_ready: Newer ones that are not ready yet, each with why.
        expression: What the listing was narrowed by; None when everything was listed.
        requests: How many answers of Glue it took.
        notes: What a person might want to know of how it went.
    """

    partition: str
    location: str | None
    created: datetime | None
    considered: int
    ignored: tuple[str, ...]
    not_ready: tuple[tuple[str, str], ...]
    expression: str | None
    requests: int
    notes: tuple[str, ...]


def glue_table(text: str | None, environment: Mapping[str, str]) -> tuple[str, str]:
    """Reads `--table`, `glue:database.table`; without it, the table that the models read.

    Raises:
        UsageError: It is anything else.
    """
    if text is None:
        schema = environment.get("MATCHED_IDS_RECORDS_SCHEMA") or SCHEMA
        text = f"glue:{schema}.{environment.get('MATCHED_IDS_RECORDS_TABLE') or TABLE}"
    return parse_glue_table(text)


# The rule. As in macros/newest_partition.sql; what changes here must change there.


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


def is_usable(values: Values, pattern: str, table: str) -> bool:
    """Tells whether values look like a partition.

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
    return not any(value in NOT_VALUES or not re.match(pattern, value) for value in values)


def ranked(candidates: Collection[Values]) -> list[list[Values]]:
    """Orders partitions, newest first; those that differ only in leading zeros are one group.

    A level is compared as numbers when all its values are digits (mes=9 before mes=10), else as text.
    """
    levels = [_is_numeric(values) for values in zip(*candidates, strict=True)]

    def key(values: Values) -> list[tuple[int, str]]:
        return [(int(value), "") if numeric else (0, value) for value, numeric in zip(values, levels, strict=True)]

    return [list(group) for _, group in groupby(sorted(candidates, key=key, reverse=True), key)]


def require_one(group: Sequence[Values], table: str) -> Values:
    """Returns the only member of a group of `ranked`.

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


def newest(candidates: Collection[Values], ignored: Sequence[str], table: str) -> Values:
    """Returns the newest of the usable partitions.

    Raises:
        SourceNotReady: There is none, or there are two.
    """
    if not candidates:
        names = ", ".join(ignored[:_NAMES_SHOWN])
        raise SourceNotReady(
            f"{table} has no usable partition ({f'{len(ignored)} ignored: {names}' if ignored else 'none is there'}).",
            "Check that the load ran and that its partition is in the catalog (MSCK REPAIR TABLE, or a crawler).",
        )
    return require_one(ranked(candidates)[0], table)


def require_recent(values: Values, max_age_days: int | None, today: date, table: str) -> None:
    """Returns when a partition's date is not too long ago.

    Raises:
        SourceNotReady: It is, or the partition has no date.
    """
    if max_age_days is None:
        return
    name = "/".join(values)
    if len(values) >= 3:  # year, month and day; fewer hold the date in their digits
        digits = values[0] + values[1].rjust(2, "0") + values[2].rjust(2, "0")
    else:
        digits = re.sub("[^0-9]", "", "".join(values))
    day = _day(digits)
    if day is None:
        raise SourceNotReady(
            f"The newest partition of {table}, {name}, does not begin with a date (year, month, day), so its age is "
            "not known.",
            "Unset --max-partition-age-days (MATCHED_IDS_MAX_PARTITION_AGE_DAYS).",
        )
    age_days = (today - day).days
    if age_days > max_age_days:
        raise SourceNotReady(
            f"The newest partition of {table} is {name}, {age_days} days old; "
            f"--max-partition-age-days allows {max_age_days}.",
            "Check why no newer partition was loaded; to read this one knowingly, give it to dbt as pinned_partition.",
        )


def _day(digits: str) -> date | None:
    try:
        return datetime.strptime(digits[:8], "%Y%m%d").date() if re.match("[0-9]{8}", digits) else None
    except ValueError:
        return None


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


# From the catalog.


@dataclass
class _Listing:
    """The partitions that are known.

    Attributes:
        candidates: The usable ones by the values of the columns that count; more than one where a table has more
            columns than those.
        ignored: The names of the others.
        expression: What it was narrowed by; None when it is all there is.
        bound: Where it was: first-level values from here on are all known.
    """

    candidates: dict[Values, list[GluePartition]] = field(default_factory=dict)
    ignored: dict[str, None] = field(default_factory=dict)
    expression: str | None = None
    bound: str = ""

    def newest_first(self) -> Iterator[list[Values]]:
        """Yields the groups of `ranked`, as far as they are known completely."""
        if self.candidates:
            is_numeric = _is_numeric([values[0] for values in self.candidates])
            for group in ranked(self.candidates):
                first = group[0][0]
                is_known = int(first) >= int(self.bound or 0) if is_numeric else first >= self.bound
                if self.expression is not None and not is_known:
                    return
                yield group


class _Finder:
    def __init__(
        self,
        wanted: Wanted,
        catalog: GlueCatalog,
        active: StoredObject | None,
        open_store: Callable[[str], Store],
        now: datetime,
    ) -> None:
        self._wanted = wanted
        self._catalog = catalog
        self._active = active
        self._open_store = open_store
        self._now = now
        self._table = GlueTable("", "", "", None, None, ())
        self._not_ready: dict[Values, str] = {}
        self._notes: list[str] = []

    def find(self) -> Latest:
        wanted = self._wanted
        self._table = self._catalog.table(wanted.database, wanted.table)
        self._require_columns()
        listing = _Listing()
        for listing in self._listings():
            for group in listing.newest_first():
                values = require_one(group, str(wanted))
                is_newer = self._is_newer(values)
                if is_newer and not self._is_ready(values, listing.candidates[values]):
                    continue
                require_recent(values, wanted.max_age_days, self._now.date(), str(wanted))
                if not is_newer:
                    self._raise_nothing_new(values)
                return self._latest(values, listing)
        newest(listing.candidates, list(listing.ignored), str(wanted))  # raises when there is none at all
        raise SourceNotReady(
            f"No partition of {wanted} is ready: {self._named_not_ready()}.",
            "Wait for the load; if it is complete, check --ready-file and --ready-after.",
        )

    def _require_columns(self) -> None:
        if self._table.kind in ("iceberg", "view", "link"):
            raise SourceNotReady(
                f"{self._wanted} is of the kind {self._table.kind}, whose partitions the Glue catalog does not list.",
                "Name a table with partitions of its own, or leave this command out and let dbt find the partition.",
            )
        known = [name.lower() for name, _ in self._table.partition_columns]
        for column in self._wanted.columns:
            if column not in known:
                raise SourceNotReady(
                    f"{self._wanted} is not partitioned by {column}; its partition columns are "
                    f"{', '.join(known) or 'none'}.",
                    "Set --partition-columns (or MATCHED_IDS_PARTITION_COLUMNS) to them.",
                )

    # What is listed.

    def _listings(self) -> Iterator[_Listing]:
        """Yields the narrowed listing, if it tells all that there is to tell of the newest, and then the whole one."""
        names = self._wanted.database, self._wanted.table
        everything = self._catalog.partitions(*names)
        listing = _Listing()
        sample = list(islice(everything, _SAMPLE))
        self._add(listing, sample)
        narrowed = self._narrowing(listing) if len(sample) == _SAMPLE and self._wanted.since_days else None
        if narrowed is not None:
            try:
                self._add(narrowed, chain(sample, self._catalog.partitions(*names, expression=narrowed.expression)))
            except ExpressionRefused:
                self._notes.append("Glue refused the Expression, so all partitions were listed; --since-days 0 asks so")
            else:
                if self._is_settled(narrowed):
                    yield narrowed
        self._add(listing, everything)
        yield listing

    def _add(self, listing: _Listing, partitions: Iterable[GluePartition]) -> None:
        keys = [name.lower() for name, _ in self._table.partition_columns]
        for partition in partitions:
            levels = dict(zip(keys, partition.values, strict=False))
            try:
                values = tuple(levels[column] for column in self._wanted.columns)
            except KeyError as error:
                raise SourceNotReady(
                    f"A partition of {self._wanted} has {len(partition.values)} values for {len(keys)} columns.",
                    "Repair the table in the catalog.",
                ) from error
            if is_usable(values, self._wanted.pattern, str(self._wanted)):
                parts = listing.candidates.setdefault(values, [])
                if partition not in parts:  # the sample is part of both listings
                    parts.append(partition)
            else:
                listing.ignored["/".join(f"{key}={value}" for key, value in levels.items())] = None

    def _narrowing(self, sample: _Listing) -> _Listing | None:
        """Returns an empty listing with an Expression and its bound, None when it is not known how to narrow."""
        column, kind = self._first_column()
        since = self._now.date() - timedelta(days=self._wanted.since_days)
        forms = {_form(values[0]) for values in sample.candidates}
        form = next(iter(forms)) if len(forms) == 1 else None
        if form is None:
            return None
        bound = since.strftime("%Y-%m-%d" if "-" in form else "%Y%m%d")[: len(form)].ljust(len(form), "0")
        if kind in _INTEGERS:
            return _Listing(expression=f"{column} >= {bound} or {column} < 0", bound=bound)
        if kind != "string":
            return None
        # More digits, and so perhaps a larger number. Values with a dash are compared as text, whatever their length.
        longer = "" if "-" in form else f" or {column} like '{'_' * (len(form) + 1)}%'"
        return _Listing(expression=f"{column} >= '{bound}'{longer}", bound=bound)

    def _first_column(self) -> tuple[str, str]:
        return next(
            (name, kind.lower())
            for name, kind in self._table.partition_columns
            if name.lower() == self._wanted.columns[0]
        )

    def _is_settled(self, narrowed: _Listing) -> bool:
        """Tells whether the newest partitions of a narrowed listing are the newest of all."""
        kinds = {name.lower(): kind.lower() for name, kind in self._table.partition_columns}
        if next(narrowed.newest_first(), None) is None:
            self._notes.append(
                f"no usable partition of the last {self._wanted.since_days} days, so all partitions were listed"
            )
            return False
        for number, column in enumerate(self._wanted.columns):
            values = [values[number] for values in narrowed.candidates]
            is_integer = kinds[column] in _INTEGERS
            if _is_numeric(values):
                is_settled = is_integer or len({len(value) for value in values}) == 1
            else:
                # As text: what was left out of a first level is smaller as text too, unless Glue compared numbers.
                is_settled = number > 0 or not is_integer
            if not is_settled:
                self._notes.append(f"the values of {column} are not all of one length, so all partitions were listed")
                return False
        return True

    # What is chosen.

    def _is_newer(self, values: Values) -> bool:
        """Tells whether a partition is newer than active's.

        Raises:
            GuardRefusal: The two cannot be compared; a publish would refuse likewise.
        """
        said = self._active.metadata.source_partition if self._active else None
        name = partition_name(self._wanted.columns, values)
        if self._active is None or said is None:
            return True
        try:
            require_not_older(name, self._active)
        except GuardRefusal as refusal:
            turned = replace(self._active, texts={"source_partition": name})
            try:
                require_not_older(said, turned)
            except GuardRefusal:  # refused both ways, so neither is older
                raise refusal from None
            return False
        return name != said and partition_key(name) != partition_key(said)

    def _is_ready(self, values: Values, parts: Sequence[GluePartition]) -> bool:
        if values in self._not_ready:
            return False
        if len(self._not_ready) >= _MOST_LOOKS:
            raise SourceNotReady(
                f"None of the newest {_MOST_LOOKS} partitions of {self._wanted} is ready: {self._named_not_ready()}.",
                "Wait for the load; if it is complete, check --ready-file and --ready-after.",
            )
        why = next(filter(None, map(self._lack, parts)), None)
        if why:
            self._not_ready[values] = why
        return why is None

    def _lack(self, part: GluePartition) -> str | None:
        """Returns what a partition lacks to be ready."""
        wait, file = self._wanted.ready_after, self._wanted.ready_file
        if wait is not None:
            if part.created is None:
                return "it is not known when it was registered"
            age = self._now - part.created
            if age < wait:
                return f"registered {max(int(age.total_seconds()), 0)} s ago"
        if file is not None:
            place = re.fullmatch(r"s3[an]?://([^/]+)/*(.*?)/*", part.location or "")
            if place is None:
                return "its location is not in S3"
            bucket, prefix = place[1], f"{place[2]}/" if place[2] else ""
            if self._open_store(bucket).head(f"{prefix}{file}") is None:
                return f"no {file} in its location"
        return None

    def _named_not_ready(self) -> str:
        shown = [
            f"{partition_name(self._wanted.columns, values)} ({why})"
            for values, why in islice(self._not_ready.items(), _NAMES_SHOWN)
        ]
        return ", ".join(shown) + (", …" if len(self._not_ready) > _NAMES_SHOWN else "")

    def _raise_nothing_new(self, values: Values) -> None:
        said = self._active.metadata.source_partition if self._active else None
        name = partition_name(self._wanted.columns, values)
        if self._not_ready:
            rest = f"and {self._wanted} has no newer partition that is ready: {self._named_not_ready()}"
        elif name == said:
            rest = f"the newest partition of {self._wanted}"
        else:
            rest = f"and {self._wanted} has none that is newer: its newest is {name}"
        raise NothingNew(
            f"Active comes from {said}, {rest}.",
            "There is nothing to do until a newer partition is there.",
        )

    def _latest(self, values: Values, listing: _Listing) -> Latest:
        parts = listing.candidates[values]
        created = [part.created for part in parts if part.created is not None]
        return Latest(
            partition=pin(self._wanted.columns, values, str(self._wanted)),
            location=parts[0].location if len(parts) == 1 else None,
            created=max(created, default=None),
            considered=len(listing.candidates),
            ignored=tuple(listing.ignored),
            not_ready=tuple(
                (partition_name(self._wanted.columns, waiting), why) for waiting, why in self._not_ready.items()
            ),
            expression=listing.expression,
            requests=self._catalog.requests,
            notes=tuple(self._notes),
        )


def latest_partition(wanted: Wanted, catalog: GlueCatalog, open_store: Callable[[str], Store], now: datetime) -> Latest:
    """Finds the newest partition that is ready.

    A newer one that is not ready is left out, and told. That is not going back silently: where `newer_than` is given,
    the one that is taken instead is still newer than active, or the answer is `NothingNew`. And without it the caller
    asked for the newest complete one.

    The age is checked of the partition that is the answer, also when that is nothing new: a load that stopped days ago
    must not look like a quiet day to a schedule that polls.

    Args:
        wanted: What is asked for.
        catalog: The catalog.
        open_store: Returns a bucket of the store, by its name.
        now: The present moment.

    Raises:
        SourceNotReady: The table is missing or not partitioned so, has no usable partition, or none that is ready, or
            the newest is too old.
        NothingNew: Active comes from the newest partition, or from a newer one.
        GuardRefusal: The newest partition and active's cannot be compared.
        StoreFailed: Glue or the store refused, cannot be reached, or kept failing.
    """
    active = None
    if wanted.newer_than is not None:
        active = open_store(wanted.newer_than.bucket).head(wanted.newer_than.active_key)
    return _Finder(wanted, catalog, active, open_store, now).find()


def _is_numeric(values: Collection[str]) -> bool:
    return all(_DIGITS.fullmatch(value) for value in values)


def _form(value: str) -> str | None:
    """Returns how a value that begins with a year is written, None when it does not."""
    if re.fullmatch(r"[12][0-9]{3}([0-9]{2}){0,5}", value):
        return "0" * len(value)
    if re.match(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}", value):
        return "0000-00-00"
    return "0000-00" if re.fullmatch(r"[12][0-9]{3}-[0-9]{2}", value) else None
