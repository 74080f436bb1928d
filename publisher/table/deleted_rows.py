"""Leaves out the rows that an Iceberg table's delete files name."""

from __future__ import annotations

from array import array
from bisect import bisect_left

import pyarrow as pa


def without_deleted(values: pa.Array, first_row: int, deleted: array[int]) -> pa.Array:
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
