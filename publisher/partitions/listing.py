"""The partitions of a table of the Glue catalog, the newest of which are listed first where there are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, islice

from publisher.errors import SourceNotReady
from publisher.lake.glue import ExpressionRefused, GlueCatalog, GluePartition, GlueTable
from publisher.partitions.narrowing import narrowing
from publisher.partitions.rule import Ranking, Values, rank, why_ignored

# As much as one request to Glue gives; a table with fewer partitions needs no narrowing.
_SAMPLE = 1000


@dataclass
class Listing:
    """The partitions that are known.

    Attributes:
        candidates: The usable ones by the values of the columns that count; more than one where a table has more
            columns than those.
        ignored: The names of the others, each with why.
        expression: What it was narrowed by; None when it is all there is.
        bound: Where it was: first-level values from here on are all known.
    """

    candidates: dict[Values, list[GluePartition]] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    expression: str | None = None
    bound: str = ""

    def known(self, ranking: Ranking) -> Iterator[tuple[Values, ...]]:
        """Yields the groups of a ranking of the candidates, as far as they are known completely."""
        for group in ranking.groups:
            if self.expression is not None and group[0][0] < self.bound:
                return
            yield group


@dataclass
class Lister:
    """Lists the partitions of one table.

    Attributes:
        catalog: The catalog.
        table: The table in it.
        columns: The partition columns that count, from the coarsest.
        pattern: What a value looks like; others are ignored.
        since: Later partitions are listed first; None for no such order.
        notes: What a person might want to know of how it went.
    """

    catalog: GlueCatalog
    table: GlueTable
    columns: Values
    pattern: str
    since: date | None
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Names the table, for messages."""
        self._name = f"{self.table.database}.{self.table.name}"

    def listings(self) -> Iterator[tuple[Listing, Ranking | None]]:
        """Yields the narrowed listing, if it tells of the newest, and then the whole one; each with its ranking.

        Raises:
            SourceNotReady: All partitions cannot be ranked, or the table is damaged or gone.
            StoreFailed: Glue refused, cannot be reached, or kept failing.
        """
        names = self.table.database, self.table.name
        everything = self.catalog.partitions(*names)
        listing = Listing()
        sample = list(islice(everything, _SAMPLE))
        self._add(listing, sample)
        narrowed = self._narrowed(listing) if len(sample) == _SAMPLE and self.since else None
        if narrowed is not None:
            try:
                self._add(narrowed, chain(sample, self.catalog.partitions(*names, expression=narrowed.expression)))
            except ExpressionRefused:
                self.notes.append("Glue refused the Expression, so all partitions were listed; --since-days 0 asks so")
            else:
                ranking = self._ranking(narrowed)
                if ranking and next(narrowed.known(ranking), None):
                    yield narrowed, ranking
                elif ranking:
                    self.notes.append(f"no usable partition since {self.since}, so all partitions were listed")
        self._add(listing, everything)
        yield listing, rank(listing.candidates, self.columns, self._name) if listing.candidates else None

    def _ranking(self, narrowed: Listing) -> Ranking | None:
        """Returns a narrowed listing's ranking; None when it has none, which the whole one then tells, or disproves.

        Whether numbers of one or two digits are days depends on all of them.
        """
        try:
            return rank(narrowed.candidates, self.columns, self._name)
        except SourceNotReady:
            return None

    def _add(self, listing: Listing, partitions: Iterable[GluePartition]) -> None:
        keys = [name.lower() for name, _ in self.table.partition_columns]
        for partition in partitions:
            levels = dict(zip(keys, partition.values, strict=False))
            try:
                values = tuple(levels[column] for column in self.columns)
            except KeyError as error:
                raise SourceNotReady(
                    f"A partition of {self._name} has {len(partition.values)} values for {len(keys)} columns.",
                    "Repair the table in the catalog.",
                ) from error
            why = why_ignored(values, self.pattern, self._name)
            if why:
                listing.ignored["/".join(f"{key}={value}" for key, value in levels.items())] = why
            else:
                parts = listing.candidates.setdefault(values, [])
                if partition not in parts:  # the sample is part of both listings
                    parts.append(partition)

    def _narrowed(self, sample: Listing) -> Listing | None:
        """Returns an empty listing with an Expression and its bound, None when it is not known how to narrow."""
        values = {values[0] for values in sample.candidates}
        first = next(each for each in self.table.partition_columns if each[0].lower() == self.columns[0])
        how = narrowing(values, first[0], first[1].lower(), self.since) if self.since else None
        return Listing(expression=how.expression, bound=how.bound) if how else None
