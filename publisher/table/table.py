"""Opens a table of ids: Parquet files, in the order of their ids, as a stream of Arrow arrays."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from publisher.errors import SourceNotReady
from publisher.file import arrow
from publisher.lake.access import LakeAccess
from publisher.lake.files import Files
from publisher.lake.footers import parquet_file, side_by_side
from publisher.table.contents import Contents, contents_of
from publisher.table.deleted_rows import without_deleted
from publisher.table.file_order import in_order
from publisher.table.footer_statistics import only_text, text_range
from publisher.values import FileState, TableRef

BATCH_ROWS = 1 << 17
_PARTITION_COLUMN = "source_partition"


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a table, as its footer describes it.

    Attributes:
        id_column: What the column of ids is called in this file.
        rows: Rows by the footer, deleted ones included.
        id_bounds: Bounds of its ids by the footer's statistics, possibly cut; None where the writer left none.
        source_partition: The partition that all rows of the file name; None where they name several or none.
        deleted: Positions of the rows that do not count, ascending.
    """

    file: FileState
    id_column: str
    rows: int
    id_bounds: tuple[bytes, bytes] | None
    source_partition: str | None
    deleted: array[int] = field(repr=False)


@dataclass(frozen=True)
class Table:
    """A table that is ready to be read.

    Attributes:
        listing: What it consisted of when it was opened.
        snapshot_id: The Iceberg snapshot that is read; None for other tables.
        committed_at: When that snapshot became current, by the engine's clock.
        location: The table's own folder, or its file.
        catalog: The catalog of a Glue table, as its ARN; None for others.
    """

    ref: TableRef
    files: tuple[DataFile, ...]
    listing: frozenset[FileState]
    reader: Files
    snapshot_id: int | None = None
    committed_at: datetime | None = None
    location: str = ""
    catalog: str | None = None

    @property
    def rows(self) -> int:
        """Rows by the footers: no data page was read for it."""
        return sum(file.rows - len(file.deleted) for file in self.files)

    @property
    def source_partitions(self) -> frozenset[str | None]:
        """The partitions that the files name; empty where there are no rows."""
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
                    ids = without_deleted(batch.column(0), row, file.deleted)
                    row += len(batch)
                    if len(ids):
                        yield _as_text(ids)


def open_table(ref: TableRef, lake: LakeAccess | None = None) -> Table:
    """Lists a table's files and brings them into the order of their ids.

    The order comes from the statistics in the footers, because a file's name promises nothing (data_10 before data_2);
    where these do not tell it, from the first ids. Files that overlap end at the guard for ascending order.

    Args:
        ref: The table. Of an Iceberg table the current snapshot is read, whatever becomes current meanwhile.
        lake: Where it is looked for.

    Raises:
        SourceNotReady: The table is missing, a file cannot be read, or the id column is missing or not text.
        UsageError: The table is of a kind that cannot be read.
        StoreFailed: The store or the catalog failed.
    """
    contents = contents_of(ref, lake or LakeAccess())
    files = side_by_side(lambda file: _footer(*file, ref, contents), contents.files)
    files = [file for file in files if file.rows > len(file.deleted)]
    files = in_order(
        files,
        [file.id_bounds for file in files],
        lambda unclear: side_by_side(lambda file: _first_id(contents.reader, file), unclear),
    )
    snapshot = contents.snapshot
    return Table(
        ref,
        tuple(files),
        contents.listing,
        contents.reader,
        snapshot.snapshot_id if snapshot else None,
        snapshot.committed_at if snapshot else None,
        contents.location,
        contents.catalog,
    )


def _footer(file: FileState, deleted: array[int], ref: TableRef, contents: Contents) -> DataFile:
    with parquet_file(contents.reader, file) as parquet:
        schema = parquet.schema_arrow
        id_column = contents.physical_name(ref.id_column, schema)
        if id_column is None:
            names = contents.columns.field_ids if contents.columns else schema.names
            raise SourceNotReady(
                f"The table {ref} has no column {ref.id_column}; it has {', '.join(names)}."
                if ref.id_column not in names
                else f"The file {file.path} of the table {ref} was written without the column {ref.id_column}.",
                "Name the column with --id-column, or rebuild the table.",
            )
        _require_text(schema.field(id_column).type, ref)
        partition_column = contents.physical_name(_PARTITION_COLUMN, schema)
        if partition_column and not _is_text(schema.field(partition_column).type):
            partition_column = None
        return DataFile(
            file=file,
            id_column=id_column,
            rows=parquet.metadata.num_rows,
            id_bounds=text_range(parquet.metadata, id_column),
            source_partition=only_text(parquet, partition_column) if partition_column else None,
            deleted=deleted,
        )


def _first_id(reader: Files, file: DataFile) -> bytes:
    """Returns a file's first id that is not deleted, of which nothing behind its page is read; empty for a null."""
    row = next((number for number, deleted in enumerate(file.deleted) if number != deleted), len(file.deleted))
    with parquet_file(reader, file.file) as parquet:
        groups = range(parquet.metadata.num_row_groups)
        for batch in parquet.iter_batches(
            min(row + 1, BATCH_ROWS), row_groups=groups, columns=[file.id_column], use_threads=False
        ):
            if row < len(batch):
                first = _as_text(batch.column(0).slice(row, 1))[0]
                return first.as_buffer().to_pybytes() if first.is_valid else b""
            row -= len(batch)
    raise SourceNotReady(f"The file {file.file.path} has fewer rows than its footer says.", "Rebuild the table.")


def _is_text(kind: pa.DataType) -> bool:
    text = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(text) or pa.types.is_large_string(text) or pa.types.is_string_view(text))


def _require_text(kind: pa.DataType, ref: TableRef) -> None:
    if not _is_text(kind):
        raise SourceNotReady(
            f"The column {ref.id_column} of {ref} is {kind}, not text.",
            "Cast it to a string in the model, and order by the string: numbers sort differently.",
        )


def _as_text(array: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return arrow.cast(array, pa.large_string()) if pa.types.is_string_view(array.type) else array
