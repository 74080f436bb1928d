"""Opens a table of ids: Parquet files, in the order of their ids, as a stream of Arrow arrays."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from publisher.artifacts import FileState, Summary, TableRef
from publisher.errors import SourceNotReady, UsageError
from publisher.lake.data_files import data_files
from publisher.lake.files import FileMissing, Files, LocalFiles, normal_location
from publisher.lake.footers import parquet_file, side_by_side
from publisher.lake.other_formats import require_plain

if TYPE_CHECKING:
    from publisher.aws import Deadline
    from publisher.lake.glue import GlueCatalog, GlueTable
    from publisher.lake.iceberg import Columns, Snapshot

BATCH_ROWS = 1 << 17
_PARTITION_COLUMN = "source_partition"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_REBUILD = "Something rebuilt the table, or its snapshots were expired: run `dbt build` and publish again."
_COMPACT = (
    "Compact the table (rewrite_data_files), or rebuild it with `dbt build`, with write.format.default set to parquet."
)
# What an older build's summary row lacks.
_OPTIONAL_IN_SUMMARY = frozenset(
    {"document_prefix", "total_cpfs", "usable_cpfs", "total_records", "sampled_records", "sampled_with_prefix"}
)
_NOTHING_DELETED: array[int] = array("q")


class Lake:
    """Where tables are looked for. What a table does not need is not set up."""

    def __init__(
        self, deadline: Deadline | None = None, *, s3: Files | None = None, glue: GlueCatalog | None = None
    ) -> None:
        """Prepares; nothing is sent yet.

        Args:
            deadline: Ends all requests.
            s3: Reads `s3://` addresses, instead of what boto3 finds.
            glue: The catalog, instead of what boto3 finds.
        """
        self._deadline = deadline
        self._s3 = s3
        self._glue = glue

    def files(self, location: str) -> Files:
        """Returns what reads the files at a location.

        Raises:
            UsageError: S3 cannot be set up.
            StoreFailed: Likewise.
        """
        if not location.startswith("s3://"):
            return LocalFiles()
        if self._s3 is None:
            from publisher.lake.s3_files import S3Files

            self._s3 = S3Files(deadline=self._deadline)
        return self._s3

    def glue_table(self, database: str, name: str) -> GlueTable:
        """Returns what the Glue Data Catalog says of a table.

        Raises:
            SourceNotReady: It is missing.
            UsageError: Glue cannot be set up.
            StoreFailed: Glue failed.
        """
        if self._glue is None:
            from publisher.lake.glue import GlueCatalog

            self._glue = GlueCatalog(deadline=self._deadline)
        return self._glue.table(database, name)


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a table, as its footer describes it.

    Attributes:
        id_column: What the column of ids is called in this file.
        rows: Rows by the footer, deleted ones included.
        min_id: First id by the footer's statistics; None where the writer left none.
        max_id: Last id, likewise.
        source_partition: The partition that all rows of the file name; None where they name several or none.
        deleted: Positions of the rows that do not count, ascending.
    """

    file: FileState
    id_column: str
    rows: int
    min_id: bytes | None
    max_id: bytes | None
    source_partition: str | None
    deleted: array[int] = field(repr=False)


@dataclass(frozen=True)
class Table:
    """A table that is ready to be read.

    Attributes:
        listing: What it consisted of when it was opened.
        snapshot_id: The Iceberg snapshot that is read; None for other tables.
        committed_at: When that snapshot became current, by the engine's clock.
    """

    ref: TableRef
    files: tuple[DataFile, ...]
    listing: frozenset[FileState]
    reader: Files
    snapshot_id: int | None = None
    committed_at: datetime | None = None

    @property
    def rows(self) -> int:
        """Rows by the footers: no data page was read for it."""
        return sum(file.rows - len(file.deleted) for file in self.files)

    @property
    def source_partitions(self) -> frozenset[str | None]:
        """The partitions that the files name in their statistics; empty where there are no rows."""
        return frozenset(file.source_partition for file in self.files)

    def id_arrays(self) -> Iterator[pa.Array]:
        """Reads the ids in ascending order of the files, never more than BATCH_ROWS at once.

        Yields:
            Arrays of type string or large_string; nulls are possible.

        Raises:
            SourceNotReady: A file is gone, was replaced, or is damaged.
            StoreFailed: The store failed.
        """
        for file in self.files:
            row = 0
            with parquet_file(self.reader, file.file) as parquet:
                for batch in parquet.iter_batches(BATCH_ROWS, columns=[file.id_column], use_threads=False):
                    ids = _without(batch.column(0), row, file.deleted)
                    row += len(batch)
                    if len(ids):
                        yield _as_text(ids)


@dataclass(frozen=True)
class _Contents:
    """What a table consists of at one moment.

    Attributes:
        files: The data files, each with the positions of its deleted rows.
        columns: Finds the columns in files that were written under older schemas; None where names are names.
    """

    reader: Files
    files: tuple[tuple[FileState, array[int]], ...]
    listing: frozenset[FileState]
    columns: Columns | None = None
    snapshot: Snapshot | None = None


def open_table(ref: TableRef, lake: Lake | None = None) -> Table:
    """Lists a table's files and brings them into the order of their ids, by their footers alone.

    The order comes from the statistics, because a file's name promises nothing (data_10 before data_2). Files
    whose ranges overlap end at the guard for ascending order, as do files without statistics in a wrong order.

    Args:
        ref: The table. Of an Iceberg table the current snapshot is read, whatever becomes current meanwhile.
        lake: Where it is looked for.

    Raises:
        SourceNotReady: The table is missing, a file cannot be read, or the id column is missing or not text.
        UsageError: The table is of a kind that cannot be read.
        StoreFailed: The store or the catalog failed.
    """
    contents = _contents(ref, lake or Lake())
    files = side_by_side(lambda file: _footer(*file, ref, contents), contents.files)
    files = [file for file in files if file.rows > len(file.deleted)]
    if all(file.min_id is not None for file in files):
        files.sort(key=lambda file: (file.min_id or b"", file.max_id or b"", file.file.path))
    snapshot = contents.snapshot
    return Table(
        ref,
        tuple(files),
        contents.listing,
        contents.reader,
        snapshot.snapshot_id if snapshot else None,
        snapshot.committed_at if snapshot else None,
    )


def list_files(ref: TableRef, lake: Lake | None = None) -> frozenset[FileState]:
    """Lists what a table consists of now; two listings are equal when nothing was written to it between them.

    Raises:
        SourceNotReady: The table is missing or cannot be listed.
        StoreFailed: The store or the catalog failed.
    """
    lake = lake or Lake()
    kind, location = _resolve(ref, lake)
    if kind == "iceberg":
        return _snapshot(location, lake)[1]
    return frozenset(_parquet_files(ref, location, lake.files(location)))


def read_summary(ref: TableRef, lake: Lake | None = None) -> Summary:
    """Reads the one-row summary table.

    Raises:
        SourceNotReady: It is missing, has not exactly one row, or lacks a column.
        StoreFailed: The store or the catalog failed.
    """
    hint = "Run `dbt build` again; if it stays so, open the table int_matched_ids_summary."
    contents = _contents(ref, lake or Lake())
    names = list(Summary.__dataclass_fields__)
    rows: list[dict[str, Any]] = []
    for file, deleted in contents.files:
        with parquet_file(contents.reader, file) as parquet:
            physical = {name: _physical_name(name, parquet.schema_arrow, contents.columns) for name in names}
            present = {name: found for name, found in physical.items() if found is not None}
            missing = [name for name in names if name not in present and name not in _OPTIONAL_IN_SUMMARY]
            if missing:
                raise SourceNotReady(f"The summary table {ref} lacks {', '.join(missing)}.", hint)
            if len(rows) + parquet.metadata.num_rows - len(deleted) > 1:
                raise SourceNotReady(f"The summary table {ref} has more than one row.", hint)
            for batch in parquet.iter_batches(columns=list(present.values()), use_threads=False):
                columns = {name: batch.column(batch.schema.get_field_index(found)) for name, found in present.items()}
                if not pa.types.is_timestamp(columns["built_at"].type):
                    raise SourceNotReady(f"The column built_at of the summary table {ref} is not a time.", hint)
                # As a number: a timestamp's own conversion imports pandas.
                columns["built_at"] = pc.cast(columns["built_at"], pa.timestamp("us"), safe=False).cast(pa.int64())
                values = pa.table({name: _without(column, 0, deleted) for name, column in columns.items()})
                rows += values.to_pylist()
    if not rows:
        raise SourceNotReady(f"The summary table {ref} has no row.", hint)
    (row,) = rows
    micros = row.pop("built_at")
    return Summary(**row, built_at=None if micros is None else _EPOCH + timedelta(microseconds=micros))


def _resolve(ref: TableRef, lake: Lake) -> tuple[str, str]:
    """Returns a table's format and where it is, which for a Glue table the catalog tells."""
    if ref.kind != "glue":
        return ref.kind, ref.location
    database, _, name = ref.location.partition(".")
    table = lake.glue_table(database, name)
    if table.kind == "iceberg" and table.metadata_location:
        return "iceberg", normal_location(table.metadata_location)
    if table.kind == "parquet" and table.location and not table.partition_columns:
        return "parquet", normal_location(table.location)
    what = "partitioned" if table.kind == "parquet" and table.partition_columns else f"of the kind {table.kind}"
    raise UsageError(
        f"The table {ref} is {what}; the publisher reads Iceberg tables and unpartitioned Parquet.",
        "Name the model's own table; of a partitioned one, the folder: --table parquet:s3://bucket/folder.",
    )


def _contents(ref: TableRef, lake: Lake) -> _Contents:
    kind, location = _resolve(ref, lake)
    reader = lake.files(location)
    if kind == "iceberg":
        from publisher.lake.iceberg_plan import Reader, deleted_rows, plan

        snapshot, listing = _snapshot(location, lake)
        who = Reader("the publisher", f"the Iceberg table at {location}", _REBUILD, _COMPACT)
        planned = plan(reader, snapshot, who)
        deleted = deleted_rows(reader, snapshot, who, planned)
        files = tuple((file.state, rows) for file, rows in zip(planned, deleted, strict=True))
        return _Contents(reader, files, listing, snapshot.columns, snapshot)
    found = _parquet_files(ref, location, reader)
    return _Contents(reader, tuple((file, _NOTHING_DELETED) for file in found), frozenset(found))


def _snapshot(location: str, lake: Lake) -> tuple[Snapshot, frozenset[FileState]]:
    try:
        from publisher.lake.iceberg import metadata_file, read_snapshot
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


def _physical_name(name: str, schema: pa.Schema, columns: Columns | None) -> str | None:
    if columns is not None:
        return columns.physical_name(name, schema)
    return name if schema.get_field_index(name) >= 0 else None


def _footer(file: FileState, deleted: array[int], ref: TableRef, contents: _Contents) -> DataFile:
    with parquet_file(contents.reader, file) as parquet:
        schema, metadata = parquet.schema_arrow, parquet.metadata
        id_column = _physical_name(ref.id_column, schema, contents.columns)
        if id_column is None:
            names = contents.columns.field_ids if contents.columns else schema.names
            raise SourceNotReady(
                f"The table {ref} has no column {ref.id_column}; it has {', '.join(names)}."
                if ref.id_column not in names
                else f"The file {file.path} of the table {ref} was written without the column {ref.id_column}.",
                "Name the column with --id-column, or rebuild the table.",
            )
        _require_text(schema.field(id_column).type, ref)
        ids = _column_range(metadata, id_column)
        partition_column = _physical_name(_PARTITION_COLUMN, schema, contents.columns)
        partitions = _column_range(metadata, partition_column) if partition_column else None
        return DataFile(
            file=file,
            id_column=id_column,
            rows=metadata.num_rows,
            min_id=ids[0] if ids else None,
            max_id=ids[1] if ids else None,
            source_partition=partitions[0].decode() if partitions and partitions[0] == partitions[1] else None,
            deleted=deleted,
        )


def _column_range(metadata: pq.FileMetaData, name: str) -> tuple[bytes, bytes] | None:
    """Returns a text column's smallest and largest value over all row groups, None where one has no statistics."""
    ranges: list[tuple[bytes, bytes]] = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = (group.column(position) for position in range(group.num_columns))
        column = next((column for column in columns if column.path_in_schema == name), None)
        if column is None or not group.num_rows:
            continue
        statistics = column.statistics
        if statistics is None or not statistics.has_min_max or not isinstance(statistics.min, str):
            return None
        ranges.append((statistics.min.encode(), statistics.max.encode()))
    return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None


def _require_text(kind: pa.DataType, ref: TableRef) -> None:
    text = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(text) or pa.types.is_large_string(text) or pa.types.is_string_view(text)):
        raise SourceNotReady(
            f"The column {ref.id_column} of {ref} is {kind}, not text.",
            "Cast it to a string in the model, and order by the string: numbers sort differently.",
        )


def _as_text(array: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return pc.cast(array, pa.large_string()) if pa.types.is_string_view(array.type) else array


def _without(values: pa.Array, first_row: int, deleted: array[int]) -> pa.Array:
    """Returns the values whose rows are not deleted.

    Args:
        values: Of consecutive rows.
        first_row: Position of the first of them in its file.
        deleted: Positions of deleted rows in that file, ascending.
    """
    begin, end = bisect_left(deleted, first_row), bisect_left(deleted, first_row + len(values))
    if begin == end:
        return values
    kept = bytearray(b"\x01") * len(values)
    for position in deleted[begin:end]:
        kept[position - first_row] = 0
    mask = pa.Array.from_buffers(pa.uint8(), len(values), [None, pa.py_buffer(kept)])
    return values.filter(mask.cast(pa.bool_()))
