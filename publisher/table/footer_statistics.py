"""What the statistics in a Parquet footer tell of a column of text.

Their smallest and largest value are bounds, and need not be there: Polars and arrow-rs cut them after 64 bytes, DuckDB
after 256, parquet-mr where it is told to; parquet-cpp leaves out what is longer than 4 KiB. The last character of a
largest value that was cut should be raised, which not every writer did. Whether a bound is exact, pyarrow does not say.
"""

from __future__ import annotations

import pyarrow.parquet as pq

# No writer is known to cut shorter ones without being told to.
_CUT_BYTES = 64
_BATCH_ROWS = 1 << 17


def text_range(metadata: pq.FileMetaData, name: str) -> tuple[bytes, bytes] | None:
    """Returns bounds of a text column over all row groups; None where a group has none, or there are no rows."""
    ranges: list[tuple[bytes, bytes]] = []
    for statistics in _statistics(metadata, name):
        if statistics is None or not statistics.has_min_max or statistics.logical_type.type != "STRING":
            return None
        # As bytes: one that was cut within a character is no text.
        ranges.append((statistics.min_raw, statistics.max_raw))
    return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None


def only_text(parquet: pq.ParquetFile, name: str) -> str | None:
    """Returns the text that all rows of a text column hold; None where they hold several, or one holds none.

    Statistics that cannot have been cut tell; otherwise the column is read, up to a second value.
    """
    if any(found and found.has_null_count and found.null_count for found in _statistics(parquet.metadata, name)):
        return None
    bounds = text_range(parquet.metadata, name)
    if bounds and bounds[0] == bounds[1] and len(bounds[0]) < _CUT_BYTES:
        return bounds[0].decode()
    values: set[str | None] = set()
    for batch in parquet.iter_batches(_BATCH_ROWS, columns=[name], use_threads=False):
        values.update(batch.column(0).unique().to_pylist())
        if len(values) > 1:
            return None
    return next(iter(values), None)


def _statistics(metadata: pq.FileMetaData, name: str) -> list[pq.Statistics | None]:
    """Returns a column's statistics for each row group that has rows and the column."""
    found = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = (group.column(position) for position in range(group.num_columns))
        column = next((column for column in columns if column.path_in_schema == name), None)
        if column is not None and group.num_rows:
            found.append(column.statistics)
    return found
