"""A table of Parquet in the Glue Data Catalog, which tells its partitions and the folder of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from dbt_local_duckdb import sql
from publisher.artifacts import FileState
from publisher.errors import SourceNotReady
from publisher.files import FileMissing, Files, normal_location
from publisher.glue import GlueCatalog, GluePartition, GlueTable

_LOAD = "Check that the load ran to its end."


class HiveTable:
    """The table. Its partitions are listed once, when they are asked for first."""

    def __init__(
        self,
        table: GlueTable,
        catalog: GlueCatalog,
        files: Callable[[str], Files],
        remember: Callable[[Sequence[FileState]], None],
    ) -> None:
        """Sends nothing.

        Args:
            table: What the catalog says of it.
            catalog: Lists its partitions.
            files: Returns what reads the files at a location.
            remember: Is told the files that DuckDB will read.
        """
        self._table = table
        self._catalog = catalog
        self._files = files
        self._remember = remember
        self._columns = [name.lower() for name, _ in table.partition_columns]

    @cached_property
    def _partitions(self) -> list[GluePartition]:
        return list(self._catalog.partitions(self._table.database, self._table.name))

    def partition_names(self, columns: Sequence[str]) -> list[str]:
        """Returns the names of its partitions."""
        sql.require_partitioned_by(columns, self._columns, str(self))
        return [sql.partition_name(dict(self._levels(partition))) for partition in self._partitions]

    def rows(self, chosen: tuple[Sequence[str], tuple[str, ...]] | None) -> str:
        """Returns a query that reads the table. Partition columns are the catalog's texts, whatever the files hold."""
        if not self._columns and chosen is None:
            return f"select * from {self._reader([self._table.location])}"
        columns, values = chosen or ((), ())
        sql.require_partitioned_by(columns, self._columns, str(self))
        wanted = dict(zip(columns, values, strict=True))
        found = [part for part in self._partitions if wanted.items() <= dict(self._levels(part)).items()]
        if not found:
            raise SourceNotReady(
                f"There is no partition {'/'.join(values) or 'at all'} in {self}.",
                "Pin one that is there with the setting pinned_partition, or unset it.",
            )
        names = ", ".join(map(sql.text, self._columns))
        others = f"columns(lambda name: lower(name) not in ({names}))"
        reader = self._reader([part.location for part in found])
        return f"select {', '.join([others, *sql.constants(wanted)])} from {reader}"

    def _levels(self, partition: GluePartition) -> list[tuple[str, str]]:
        if len(partition.values) != len(self._columns):
            raise SourceNotReady(
                f"A partition of {self} has {len(partition.values)} values for {len(self._columns)} columns.",
                "Repair the table in the catalog.",
            )
        return list(zip(self._columns, partition.values, strict=True))

    def _reader(self, locations: Sequence[str | None]) -> str:
        found: dict[str, FileState] = {}
        for location in locations:
            if location is None:
                raise SourceNotReady(f"A part of {self} has no location in the catalog.", "Repair it there.")
            folder = normal_location(location)
            try:
                found.update((file.path, file) for file in self._files(folder).list(folder))
            except FileMissing:
                continue
        if not found:
            raise SourceNotReady(f"There is no data in {', '.join(str(place) for place in locations[:3])}.", _LOAD)
        self._remember(list(found.values()))
        return sql.read_parquet(found)

    def __str__(self) -> str:
        return f"{self._table.database}.{self._table.name}"
