r"""Finds the partition that the dbt macro `latest_partition` would choose, without Spark, from the Glue Data Catalog.

For catalogs with tens of thousands of partitions, which Spark lists for minutes, and for schedules that poll. What is
found is given to dbt as a pin, which it takes without a look at the catalog:

    dbt build --vars "{pinned_partition: \"$(publisher latest-partition)\"}"

The rule is the macro's (`partitions.rule`, macros/partitions/newest_partition.sql); a test runs both on the same names.
A listing is narrowed only where it cannot change the answer (`partitions.narrowing`): the macro may refuse for an old
name that is not seen here, and without that name chooses the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from publisher.errors import NothingNew, SourceNotReady, UsageError
from publisher.guards import is_older, require_not_older
from publisher.lake.files import parse_glue_table
from publisher.lake.glue import GlueCatalog, GlueTable, require_registered
from publisher.partitions.limits import DAYS_AHEAD, Limits, require_near
from publisher.partitions.listing import Lister, Listing
from publisher.partitions.readiness import Readiness
from publisher.partitions.rule import (
    COLUMNS,
    PATTERN,
    SCHEMA,
    TABLE,
    Ranking,
    Values,
    partition_name,
    pin,
    require_one,
    require_some,
)
from publisher.store.keys import Destination
from publisher.store.protocol import Store
from publisher.values import StoredObject


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        database: The database of the Glue catalog.
        table: The table in it.
        columns: The partition columns that count, from the coarsest.
        pattern: What a value looks like; others are ignored.
        since_days: So many days back a listing is narrowed to; 0 for never.
        max_days_ahead: A newest partition of a later day is an error.
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
    max_days_ahead: int = DAYS_AHEAD
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
        previous: The next newest; None when there is none, or it was not listed.
        ignored: The partitions that were left out, each with why.
        not_ready: Newer ones that are not ready yet, each with why.
        expression: What the listing was narrowed by; None when everything was listed.
        requests: How many answers of Glue it took.
        notes: What a person might want to know of how it went.
    """

    partition: str
    location: str | None
    created: datetime | None
    considered: int
    previous: str | None
    ignored: tuple[tuple[str, str], ...]
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


class _Finder:
    def __init__(
        self, wanted: Wanted, catalog: GlueCatalog, active: StoredObject | None, readiness: Readiness, now: datetime
    ) -> None:
        self._wanted = wanted
        self._catalog = catalog
        self._active = active
        self._readiness = readiness
        self._now = now
        self._notes: list[str] = []

    def find(self) -> Latest:
        wanted = self._wanted
        table = self._catalog.table(wanted.database, wanted.table)
        _require_columns(table, wanted)
        since = self._now.date() - timedelta(days=wanted.since_days) if wanted.since_days else None
        lister = Lister(self._catalog, table, wanted.columns, wanted.pattern, since, self._notes)
        limits = Limits(self._now.date(), wanted.max_days_ahead, wanted.max_age_days)
        listing = Listing()
        for listing, ranking in lister.listings():
            try:
                found = self._choose(listing, ranking, limits) if ranking else None
            except SourceNotReady:
                if listing.expression is None:
                    raise
                continue  # as all partitions decide
            if found:
                return found
        ignored = [f"{name} ({why})" for name, why in listing.ignored.items()]
        require_some(listing.candidates, ignored, str(wanted))
        raise SourceNotReady(
            f"No partition of {wanted} is ready: {self._readiness.named()}.",
            "Wait for the load; if it is complete, check --ready-file and --ready-after.",
        )

    def _choose(self, listing: Listing, ranking: Ranking, limits: Limits) -> Latest | None:
        """Returns the newest that is ready; None when no known one is."""
        table = str(self._wanted)
        known = listing.known(ranking)
        for group in known:
            values = require_one(group, table)
            is_newer = self._is_newer(values)
            if is_newer and not self._readiness.is_ready(values, listing.candidates[values]):
                continue
            require_near(values, ranking, limits, table)
            if not is_newer:
                self._raise_nothing_new(values)
            return self._latest(values, next(known, ((),))[0], listing)
        return None

    def _is_newer(self, values: Values) -> bool:
        """Tells whether a partition is newer than active's.

        Raises:
            GuardRefusal: The two cannot be compared; a publish would refuse likewise.
        """
        said = self._active.metadata.source_partition if self._active else None
        name = partition_name(self._wanted.columns, values)
        if self._active is None or said is None:
            return True
        if is_older(name, said) is None:
            require_not_older(name, said)
        return is_older(said, name) is True

    def _raise_nothing_new(self, values: Values) -> None:
        said = self._active.metadata.source_partition if self._active else None
        name = partition_name(self._wanted.columns, values)
        if self._readiness.lacks:
            rest = f"and {self._wanted} has no newer partition that is ready: {self._readiness.named()}"
        elif name == said:
            rest = f"the newest partition of {self._wanted}"
        else:
            rest = f"and {self._wanted} has none that is newer: its newest is {name}"
        raise NothingNew(
            f"Active comes from {said}, {rest}.",
            "There is nothing to do until a newer partition is there.",
        )

    def _latest(self, values: Values, previous: Values, listing: Listing) -> Latest:
        columns, parts = self._wanted.columns, listing.candidates[values]
        created = [part.created for part in parts if part.created is not None]
        return Latest(
            partition=pin(columns, values, str(self._wanted)),
            location=parts[0].location if len(parts) == 1 else None,
            created=max(created, default=None),
            considered=len(listing.candidates),
            previous=partition_name(columns, previous) if previous else None,
            ignored=tuple(listing.ignored.items()),
            not_ready=self._readiness.not_ready(),
            expression=listing.expression,
            requests=self._catalog.requests,
            notes=tuple(self._notes),
        )


def _require_columns(table: GlueTable, wanted: Wanted) -> None:
    if table.kind in ("iceberg", "view", "link"):
        raise SourceNotReady(
            f"{wanted} is of the kind {table.kind}, whose partitions the Glue catalog does not list.",
            "Name a table with partitions of its own, or leave this command out and let dbt find the partition.",
        )
    require_registered(table)
    known = [name.lower() for name, _ in table.partition_columns]
    for column in wanted.columns:
        if column not in known:
            raise SourceNotReady(
                f"{wanted} is not partitioned by {column}; its partition columns are {', '.join(known) or 'none'}.",
                "Set --partition-columns (or MATCHED_IDS_PARTITION_COLUMNS) to them.",
            )


def latest_partition(wanted: Wanted, catalog: GlueCatalog, open_store: Callable[[str], Store], now: datetime) -> Latest:
    """Finds the newest partition that is ready.

    A newer one that is not ready is left out, and told. That is not going back silently: where `newer_than` is given,
    the one that is taken instead is still newer than active, or the answer is `NothingNew`. And without it the caller
    asked for the newest complete one.

    The date is checked of the partition that is the answer, also when that is nothing new: a load that stopped days ago
    must not look like a quiet day to a schedule that polls. Partitions that are registered ahead are not ready yet.

    Args:
        wanted: What is asked for.
        catalog: The catalog.
        open_store: Returns a bucket of the store, by its name.
        now: The present moment.

    Raises:
        SourceNotReady: The table is missing or not partitioned so, has no usable partition, or none that is ready, or
            the newest is too old or too far ahead, or it cannot be told which is the newest.
        NothingNew: Active comes from the newest partition, or from a newer one.
        GuardRefusal: The newest partition and active's cannot be compared.
        StoreFailed: Glue or the store refused, cannot be reached, or kept failing.
    """
    active = None
    if wanted.newer_than is not None:
        active = open_store(wanted.newer_than.bucket).head(wanted.newer_than.active_key)
    readiness = Readiness(wanted.ready_file, wanted.ready_after, wanted.columns, str(wanted), open_store, now)
    return _Finder(wanted, catalog, active, readiness, now).find()
