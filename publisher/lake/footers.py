"""Reads the footers of Parquet files, many side by side: rows and types, and no value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from publisher.errors import SourceNotReady
from publisher.lake.files import FileMissing, Files
from publisher.lake.kinds import kind_of
from publisher.lake.scan import Column, FileColumn
from publisher.values import FileState

_THREADS = 16
# Reads a column chunk in pieces instead of whole: memory does not depend on the size of the row groups.
_READ_BYTES = 1 << 20
_GONE = "Something writes the table: run again when that is over, one after the other."

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@contextmanager
def parquet_file(reader: Files, file: FileState) -> Iterator[pq.ParquetFile]:
    """Opens a file, and turns what pyarrow raises about it into a SourceNotReady that names it.

    pyarrow's own text is left out: a decoder may quote the value that it stumbled over.

    Raises:
        SourceNotReady: It is gone, damaged or no Parquet; also while reading.
        StoreFailed: The store failed; also while reading.
    """
    try:
        with (
            reader.open(file) as opened,
            pq.ParquetFile(
                opened, buffer_size=_READ_BYTES, pre_buffer=False, page_checksum_verification=True
            ) as parquet,
        ):
            yield parquet
    except FileMissing:
        raise SourceNotReady(f"The file {file.path} of the table was removed while it was read.", _GONE) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceNotReady(
            f"The file {file.path} cannot be read as Parquet ({type(error).__name__}).",
            "It is damaged or not a Parquet file: have it written anew, or remove what does not belong to the table.",
        ) from error


def side_by_side(work: Callable[[_Item], _Result], items: Sequence[_Item], threads: int = _THREADS) -> list[_Result]:
    """Returns what `work` makes of each item, in their order; the first error ends it."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        return list(pool.map(work, items))


def columns_by_name(file: FileState, parquet: pq.ParquetFile, wanted: Sequence[Column]) -> Mapping[str, FileColumn]:
    """Finds columns in a file by their names, whatever their case, as Spark and DuckDB do.

    Args:
        file: Which one.
        parquet: The same, opened.
        wanted: What is asked for.

    Raises:
        SourceNotReady: The file lacks one, or has two that differ in case only.
    """
    schema = parquet.schema_arrow
    found = {}
    for column in wanted:
        same = [field for field in schema if field.name.lower() == column.name.lower()]
        if not same:
            raise SourceNotReady(
                f"The file {file.path} was written without the column {column.name}, {column.role.value}: its rows "
                "would be left out.",
                "Have the file written anew, or set the column's name to what all files have.",
            )
        field = same[0]
        require_own_name(file, field.name, schema.names)
        nulls = _nulls(parquet.metadata, field.name)
        found[column.name] = FileColumn(field.name, str(field.type), kind_of(field.type), nulls=nulls)
    return found


def _nulls(metadata: pq.FileMetaData, name: str) -> int | None:
    """Returns how many rows have no value in a column, by the statistics that engines skip row groups by."""
    place = next((place for place in range(metadata.num_columns) if metadata.schema.column(place).path == name), None)
    if place is None:
        return None
    total = 0
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(place).statistics
        if statistics is None or not statistics.has_null_count:
            return None
        total += statistics.null_count
    return total


def require_own_name(file: FileState, name: str, names: Iterable[str]) -> None:
    """Returns when a column of a file is the only one that engines know by its name.

    Case does not matter to them. Of `id` and `ID` DuckDB calls the second `ID_1`, so that `id_1` may be either.

    Raises:
        SourceNotReady: There is another.
    """
    count = Counter(other.lower() for other in names)
    numbered = re.fullmatch(r"(.+)_[0-9]+", name.lower())
    if count[name.lower()] > 1 or (numbered and count[numbered[1]] > 1):
        raise SourceNotReady(
            f"The file {file.path} has columns that are called {name} where case does not matter.",
            "Have it written with one of them: engines do not agree on which they read.",
        )
