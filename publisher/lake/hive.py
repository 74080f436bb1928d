"""A raw table of Parquet in the Glue Data Catalog, which tells its partitions and the folder of each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property

from publisher.errors import SourceNotReady
from publisher.lake.access import LakeAccess
from publisher.lake.data_files import data_files, footers, require_no_partition_column
from publisher.lake.files import FileMissing, Files, normal_location
from publisher.lake.glue import GluePartition, GlueTable, require_registered
from publisher.lake.other_formats import require_no_other_table
from publisher.lake.partition_names import Chosen, partition_name, require_partitioned_by
from publisher.lake.scan import Column, Scan, scan_of
from publisher.values import FileState

_FOLDERS_SHOWN = 3


class HiveTable:
    """The table. Its partitions are listed once, when they are asked for first."""

    def __init__(self, table: GlueTable, lake: LakeAccess) -> None:
        """Sends nothing.

        Args:
            table: What the catalog says of it.
            lake: Lists its partitions, and reads its files.
        """
        self._table = table
        self._lake = lake
        self._columns = [name.lower() for name, _ in table.partition_columns]

    def __str__(self) -> str:
        return f"{self._table.database}.{self._table.name}"

    @cached_property
    def _partitions(self) -> list[GluePartition]:
        require_registered(self._table)
        return list(self._lake.glue.partitions(self._table.database, self._table.name))

    def partition_names(self, columns: Sequence[str]) -> list[str]:
        """Returns the names of its partitions.

        Raises:
            SourceNotReady: It is not partitioned so, or its partitions are computed and not listed.
            StoreFailed: Glue failed.
        """
        require_partitioned_by(columns, self._columns, str(self))
        return [partition_name(dict(self._levels(partition))) for partition in self._partitions]

    def has_file(self, chosen: Chosen, name: str) -> bool:
        """Whether each folder of a partition directly holds a file of this name, whatever is in it.

        Raises:
            SourceNotReady: The partitions are computed and not listed, or a folder cannot be listed.
            UsageError: A folder is where nothing is read from.
            StoreFailed: Glue or the store failed.
        """
        parts = self._of(chosen)
        return bool(parts) and all(self._holds(part.location, name) for part in parts)

    def scan(self, chosen: Chosen | None, wanted: Sequence[Column]) -> Scan:
        """Looks at the footers of one partition's files, or of all files of a table without partitions.

        Raises:
            SourceNotReady: There are none, one cannot be read, or one is not what the others are.
            StoreFailed: Glue or the store failed.
        """
        require_no_partition_column(self._columns, wanted, str(self))
        if not self._columns and chosen is None:
            places = [self._table.location]
        else:
            require_partitioned_by(chosen.columns if chosen else (), self._columns, str(self))
            places = [part.location for part in (self._of(chosen) if chosen else self._partitions)]
            if not places:
                raise SourceNotReady(
                    f"There is no partition {chosen.name if chosen else 'at all'} in {self}.",
                    "Pin one that is there with the setting pinned_partition, or unset it.",
                )
        if self._table.location is not None:
            folder = normal_location(self._table.location)
            require_no_other_table(self._lake.files(folder), folder)
        found: dict[str, tuple[Files, FileState]] = {}
        for place in places:
            if place is None:
                raise SourceNotReady(f"A part of {self} has no location in the catalog.", "Repair it there.")
            folder = normal_location(place)
            reader = self._lake.files(folder)
            read = [*self._columns, *(column.name for column in wanted)]
            with suppress(FileMissing):
                found.update((file.path, (reader, file)) for file in data_files(reader, folder, read))
        if not found:
            raise SourceNotReady(
                f"There is no data in {', '.join(map(str, places[:_FOLDERS_SHOWN]))}: all files are empty or hidden (a "
                "name that begins with _ or a dot), or there is none.",
                "Check that the load ran to its end, and the location in the catalog.",
            )
        reader = next(iter(found.values()))[0]
        files = footers(reader, [file for _, file in found.values()], wanted)
        return scan_of(str(self), files, chosen.values if chosen else {}, wanted)

    def _holds(self, location: str | None, name: str) -> bool:
        if location is None:
            return False
        folder = normal_location(location)
        try:
            children = self._lake.files(folder).children(folder)
        except FileMissing:
            return False
        return any(child.name == name and not child.is_folder for child in children)

    def _of(self, chosen: Chosen) -> list[GluePartition]:
        return [part for part in self._partitions if chosen.values.items() <= dict(self._levels(part)).items()]

    def _levels(self, partition: GluePartition) -> list[tuple[str, str]]:
        if len(partition.values) != len(self._columns):
            raise SourceNotReady(
                f"A partition of {self} has {len(partition.values)} values for {len(self._columns)} columns.",
                "Repair the table in the catalog.",
            )
        return list(zip(self._columns, partition.values, strict=True))
