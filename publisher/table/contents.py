"""Which files a table consists of, and which of their rows do not count: of Parquet, of Iceberg, of Glue tables."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from publisher.errors import SourceNotReady, UsageError
from publisher.lake.access import LakeAccess
from publisher.lake.data_files import data_files
from publisher.lake.files import FileMissing, Files, normal_location
from publisher.lake.other_formats import require_plain
from publisher.values import FileState, TableRef

if TYPE_CHECKING:
    import pyarrow as pa

    from publisher.lake.iceberg.metadata import Columns, Snapshot

_REBUILD = "Something rebuilt the table, or its snapshots were expired: run `dbt build` and publish again."
_COMPACT = (
    "Compact the table (rewrite_data_files), or rebuild it with `dbt build`, with write.format.default set to parquet."
)
_NOTHING_DELETED: array[int] = array("q")


@dataclass(frozen=True)
class Contents:
    """What a table consists of at one moment, before any of its files was opened.

    Attributes:
        files: The data files, each with the positions of its deleted rows.
        columns: Finds the columns in files that were written under older schemas; None where names are names.
        location: The table's own folder, or its file.
        catalog: The catalog of a Glue table, as its ARN; None for others.
    """

    reader: Files
    files: tuple[tuple[FileState, array[int]], ...]
    listing: frozenset[FileState]
    columns: Columns | None = None
    snapshot: Snapshot | None = None
    location: str = ""
    catalog: str | None = None

    def physical_name(self, name: str, schema: pa.Schema) -> str | None:
        """Returns what a column is called in a file of this schema; None where the file has no such column."""
        if self.columns is not None:
            return self.columns.physical_name(name, schema)
        return name if schema.get_field_index(name) >= 0 else None


def contents_of(ref: TableRef, lake: LakeAccess) -> Contents:
    """Lists what a table consists of now. Of an Iceberg table the current snapshot is pinned.

    Raises:
        SourceNotReady: The table is missing, or cannot be listed.
        UsageError: It is of a kind that cannot be read.
        StoreFailed: The store or the catalog failed.
    """
    kind, location, catalog = _resolve(ref, lake)
    reader = lake.files(location)
    if kind == "iceberg":
        from publisher.lake.iceberg.plan import Reader, deleted_rows, plan

        snapshot, listing = _snapshot(location, lake)
        who = Reader("the publisher", f"the Iceberg table at {location}", _REBUILD, _COMPACT)
        planned = plan(reader, snapshot, who)
        deleted = deleted_rows(reader, snapshot, who, planned)
        files = tuple((file.state, rows) for file, rows in zip(planned, deleted, strict=True))
        return Contents(
            reader, files, listing, snapshot.columns, snapshot, snapshot.metadata.location.rstrip("/"), catalog
        )
    found = _parquet_files(ref, location, reader)
    files = tuple((file, _NOTHING_DELETED) for file in found)
    return Contents(reader, files, frozenset(found), location=location.rstrip("/"), catalog=catalog)


def list_files(ref: TableRef, lake: LakeAccess | None = None) -> frozenset[FileState]:
    """Lists what a table consists of now; two listings are equal when nothing was written to it between them.

    Raises:
        SourceNotReady: The table is missing or cannot be listed.
        StoreFailed: The store or the catalog failed.
    """
    lake = lake or LakeAccess()
    kind, location, _ = _resolve(ref, lake)
    if kind == "iceberg":
        return _snapshot(location, lake)[1]
    return frozenset(_parquet_files(ref, location, lake.files(location)))


def _resolve(ref: TableRef, lake: LakeAccess) -> tuple[str, str, str | None]:
    """Returns a table's format, where it is, which for a Glue table the catalog tells, and that catalog."""
    if ref.kind != "glue":
        return ref.kind, ref.location, None
    database, _, name = ref.location.partition(".")
    table = lake.glue.table(database, name)
    if table.kind == "iceberg" and table.metadata_location:
        return "iceberg", normal_location(table.metadata_location), table.catalog
    if table.kind == "parquet" and table.location and not table.partition_columns:
        return "parquet", normal_location(table.location), table.catalog
    what = "partitioned" if table.kind == "parquet" and table.partition_columns else f"of the kind {table.kind}"
    raise UsageError(
        f"The table {ref} is {what}; the publisher reads Iceberg tables and unpartitioned Parquet.",
        "Name the model's own table; of a partitioned one, the folder: --table parquet:s3://bucket/folder.",
    )


def _snapshot(location: str, lake: LakeAccess) -> tuple[Snapshot, frozenset[FileState]]:
    try:
        from publisher.lake.iceberg.file_system import metadata_file
        from publisher.lake.iceberg.metadata import read_snapshot
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Reading an Iceberg table takes the Python package {error.name}, which is not installed.",
            "Install the extra: pip install 'matched-ids[iceberg]', or requirements/glue.txt.",
        ) from error
    reader = lake.files(location)
    snapshot = read_snapshot(reader, metadata_file(reader, location))
    # By the table's own folder, not by its metadata file: maintenance writes a new one and leaves the snapshot.
    return snapshot, frozenset({FileState(snapshot.metadata.location, 0, f"snapshot {snapshot.snapshot_id}")})


def _parquet_files(ref: TableRef, location: str, reader: Files) -> list[FileState]:
    try:
        children = reader.children(location)
    except FileMissing:
        children = []  # a file, then, or nothing
    require_plain(reader, location, children)
    try:
        return data_files(reader, location, [ref.id_column])
    except FileMissing:
        raise SourceNotReady(
            f"The table {ref} does not exist.",
            "Run `dbt build`; if it ran elsewhere, its tables must be readable at the same place here.",
        ) from None
