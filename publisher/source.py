"""Opens a table of ids: Parquet files, in the order of their ids, as a stream of Arrow arrays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from publisher.artifacts import FileState, Summary, TableRef
from publisher.errors import SourceNotReady

BATCH_ROWS = 1 << 17
# Reads a column chunk in pieces instead of whole: memory does not depend on the size of the row groups.
_READ_BYTES = 1 << 20
_PARTITION_COLUMN = "source_partition"


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a table, as its footer describes it.

    Attributes:
        min_id: First id by the footer's statistics; None where the writer left none.
        max_id: Last id, likewise.
        source_partition: The partition that all rows of the file name; None where they name several or none.
    """

    path: Path
    rows: int
    min_id: bytes | None
    max_id: bytes | None
    source_partition: str | None


@dataclass(frozen=True)
class Table:
    """A table that is ready to be read."""

    ref: TableRef
    files: tuple[DataFile, ...]
    listing: frozenset[FileState]

    @property
    def rows(self) -> int:
        """Rows by the footers: no data page was read for it."""
        return sum(file.rows for file in self.files)

    @property
    def source_partitions(self) -> frozenset[str | None]:
        """The partitions that the files name in their statistics; empty where there are no rows."""
        return frozenset(file.source_partition for file in self.files)

    def id_arrays(self) -> Iterator[pa.Array]:
        """Reads the ids in ascending order of the files, never more than BATCH_ROWS at once.

        Yields:
            Arrays of type string or large_string; nulls are possible.

        Raises:
            SourceNotReady: A file is gone or damaged.
        """
        for file in self.files:
            with (
                _reading(file.path),
                pq.ParquetFile(
                    file.path, buffer_size=_READ_BYTES, pre_buffer=False, page_checksum_verification=True
                ) as parquet,
            ):
                for batch in parquet.iter_batches(BATCH_ROWS, columns=[self.ref.id_column], use_threads=False):
                    yield _as_text(batch.column(0))


def open_table(ref: TableRef) -> Table:
    """Lists a table's files and brings them into the order of their ids, by their footers alone.

    The order comes from the statistics, because a file's name promises nothing (data_10 before data_2). Files
    whose ranges overlap end at the guard for ascending order, as do files without statistics in a wrong order.

    Raises:
        SourceNotReady: The folder is missing, a file cannot be read, or the id column is missing or not text.
    """
    listing = list_files(ref)
    files = [_footer(Path(file.path), ref) for file in sorted(listing, key=lambda file: file.path)]
    files = [file for file in files if file.rows]
    if all(file.min_id is not None for file in files):
        files.sort(key=lambda file: (file.min_id or b"", file.max_id or b"", file.path))
    return Table(ref, tuple(files), listing)


def list_files(ref: TableRef) -> frozenset[FileState]:
    """Lists a table's data files. Two listings are equal when no file was added, removed or written between them.

    Raises:
        SourceNotReady: The table is missing or cannot be listed.
    """
    files = []
    for path in _data_files(ref):
        with _reading(path):
            found = path.stat()
        files.append(FileState(str(path), found.st_size, found.st_mtime_ns))
    return frozenset(files)


def read_summary(ref: TableRef) -> Summary:
    """Reads the one-row summary table.

    Raises:
        SourceNotReady: It is missing, has not exactly one row, or lacks a column.
    """
    hint = "Run `dbt build` again; if it stays so, open the table int_matched_ids_summary."
    names = list(Summary.__dataclass_fields__)
    rows: list[dict[str, Any]] = []
    for path in _data_files(ref):
        with _reading(path), pq.ParquetFile(path) as parquet:
            missing = [name for name in names if name not in parquet.schema_arrow.names]
            if missing:
                raise SourceNotReady(f"The summary table at {ref.location} lacks {', '.join(missing)}.", hint)
            if len(rows) + parquet.metadata.num_rows > 1:
                raise SourceNotReady(f"The summary table at {ref.location} has more than one row.", hint)
            # Only these columns: the timestamp beside them would import pandas.
            rows += parquet.read(columns=names, use_threads=False).to_pylist()
    if not rows:
        raise SourceNotReady(f"The summary table at {ref.location} has no row.", hint)
    return Summary(**rows[0])


def _data_files(ref: TableRef) -> list[Path]:
    """Returns the files that hold data; as in Spark, hidden names and empty files hold none."""
    location = Path(ref.location)
    if location.is_file():
        return [location]
    if not location.is_dir():
        raise SourceNotReady(
            f"The table {ref} does not exist.",
            "Run `dbt build`; if it ran elsewhere, its tables must be readable at the same place here.",
        )
    found = []
    try:
        for folder, subfolders, names in os.walk(location, onerror=_raise):
            subfolders[:] = [name for name in subfolders if not name.startswith(("_", "."))]
            found += [Path(folder, name) for name in names if not name.startswith(("_", "."))]
        return sorted(path for path in found if path.stat().st_size)
    except OSError as error:
        raise SourceNotReady(
            f"The table {ref} cannot be listed: {error.strerror}.", "Check the folder's permissions, then run again."
        ) from error


def _raise(error: OSError) -> None:
    raise error


def _footer(path: Path, ref: TableRef) -> DataFile:
    with _reading(path), pq.ParquetFile(path) as parquet:
        schema, metadata = parquet.schema_arrow, parquet.metadata
        if schema.get_field_index(ref.id_column) < 0:
            raise SourceNotReady(
                f"The table {ref} has no column {ref.id_column}; it has {', '.join(schema.names)}.",
                "Name the column with --id-column.",
            )
        _require_text(schema.field(ref.id_column).type, ref)
        ids = _column_range(metadata, ref.id_column)
        partitions = _column_range(metadata, _PARTITION_COLUMN)
        return DataFile(
            path=path,
            rows=metadata.num_rows,
            min_id=ids[0] if ids else None,
            max_id=ids[1] if ids else None,
            source_partition=partitions[0].decode() if partitions and partitions[0] == partitions[1] else None,
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


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns what pyarrow raises about a file into a SourceNotReady that names the file.

    pyarrow's own text is left out: a decoder may quote the value that it stumbled over.
    """
    try:
        yield
    except FileNotFoundError:
        raise SourceNotReady(
            f"The file {path} of the table was removed while it was read.",
            "Something rebuilt the table: run `dbt build` and publish again, one after the other.",
        ) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceNotReady(
            f"The file {path} cannot be read as Parquet ({type(error).__name__}).",
            "It is damaged or not a Parquet file: rebuild the table, or remove what does not belong to it.",
        ) from error
