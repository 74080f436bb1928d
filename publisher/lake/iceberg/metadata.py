"""Reads what an Iceberg table is at one moment: its current snapshot, and how its columns are found in files.

The metadata is read by pyiceberg. Rows are read elsewhere, as those of any Parquet file: pyiceberg's own scan holds a
whole file in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

import pyarrow as pa
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import StaticTable
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.name_mapping import NameMapping
from pyiceberg.table.snapshots import Snapshot as SnapshotMetadata

from publisher.errors import PublisherError, SourceNotReady
from publisher.lake.files import FileMissing, Files, normal_location


@dataclass(frozen=True)
class Snapshot:
    """A table's current snapshot.

    Attributes:
        metadata_location: The metadata file that names it.
        snapshot_id: None for a table that was never written to.
        committed_at: When it became current, by the clock of the engine.
        columns: Its columns, to be found in its data files.
        metadata: The whole metadata, as pyiceberg read it.
    """

    metadata_location: str
    snapshot_id: int | None
    committed_at: datetime | None
    columns: Columns
    metadata: TableMetadata = field(repr=False, compare=False)


@dataclass(frozen=True)
class Columns:
    """Finds the columns of a snapshot's schema in its data files, which may have been written under older schemas.

    Attributes:
        field_ids: By name.
        mapped_names: The names that a field has in files without field ids, by its id.
    """

    field_ids: Mapping[str, int]
    mapped_names: Mapping[int, frozenset[str]]

    def physical_name(self, name: str, schema: pa.Schema) -> str | None:
        """Returns what a column is called in a data file; None when the file does not have it.

        https://iceberg.apache.org/spec/#column-projection: by field id, and in files that carry none by the name
        mapping of the table.
        """
        field_id = self.field_ids.get(name)
        if field_id is None:
            return None
        ids = {field.name: int((field.metadata or {}).get(b"PARQUET:field_id", b"-1")) for field in schema}
        if any(number >= 0 for number in ids.values()):
            return next((physical for physical, number in ids.items() if number == field_id), None)
        names = self.mapped_names.get(field_id, frozenset())
        return next((field.name for field in schema if field.name in names), None)


def read_snapshot(files: Files, location: str) -> Snapshot:
    """Reads which snapshot is current.

    Args:
        files: Reads the table's files.
        location: The metadata file.

    Raises:
        SourceNotReady: It is missing or damaged.
        StoreFailed: The store failed.
    """
    return _pinned(*_load(files, location), location)


def static_table(files: Files, snapshot: Snapshot) -> StaticTable:
    """Returns the table as pyiceberg knows it, as of the metadata that was read, whatever is committed meanwhile."""
    # A table without a catalog is all that reading takes; nothing is ever committed through it.
    catalog = NoopCatalog("none")
    return StaticTable(("table",), snapshot.metadata, snapshot.metadata_location, _ThroughFiles(files), catalog)


def _load(files: Files, location: str) -> tuple[TableMetadata, SnapshotMetadata | None]:
    hint = "Rebuild the table with `dbt build`; a table named by hand must be an Iceberg metadata file."
    try:
        metadata = FromInputFile.table_metadata(_ThroughFiles(files).new_input(location))
    except PublisherError:
        raise
    except FileMissing:
        raise SourceNotReady(f"The Iceberg metadata file {location} does not exist.", hint) from None
    except Exception as error:  # pydantic's and json's kinds of damage, of which each version has others
        raise SourceNotReady(
            f"{location} cannot be read as Iceberg metadata ({type(error).__name__}).", hint
        ) from error
    return metadata, metadata.snapshot_by_id(metadata.current_snapshot_id or -1)


def _pinned(metadata: TableMetadata, snapshot: SnapshotMetadata | None, location: str) -> Snapshot:
    schemas = {schema.schema_id: schema for schema in metadata.schemas}
    written_under = snapshot.schema_id if snapshot else None
    schema = schemas.get(metadata.current_schema_id if written_under is None else written_under)
    return Snapshot(
        metadata_location=location,
        snapshot_id=snapshot.snapshot_id if snapshot else None,
        committed_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, timezone.utc) if snapshot else None,
        columns=Columns(
            field_ids={field.name: field.field_id for field in (schema or metadata.schema()).fields},
            mapped_names=_mapped_names(metadata.name_mapping()),
        ),
        metadata=metadata,
    )


def _mapped_names(mapping: NameMapping | None) -> dict[int, frozenset[str]]:
    if mapping is None:
        return {}
    return {field.field_id: frozenset(field.names) for field in mapping.root if field.field_id is not None}


class _ThroughFiles(FileIO):
    """Lets pyiceberg read through `Files`: the same credentials, deadline and errors as everything else."""

    def __init__(self, files: Files) -> None:
        super().__init__()
        self._files = files

    def new_input(self, location: str) -> InputFile:
        return _Input(self._files, location)

    def new_output(self, location: str) -> OutputFile:
        raise NotImplementedError("the publisher writes no table")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        raise NotImplementedError("the publisher writes no table")


class _Input(InputFile):
    def __init__(self, files: Files, location: str) -> None:
        super().__init__(location)
        self._files = files

    def __len__(self) -> int:
        return self._files.stat(normal_location(self.location)).bytes

    def exists(self) -> bool:
        try:
            self._files.stat(normal_location(self.location))
        except FileMissing:
            return False
        return True

    def open(self, seekable: bool = True) -> InputStream:
        del seekable  # it always is
        return self._files.open(self._files.stat(normal_location(self.location)))
