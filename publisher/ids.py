"""Turns Arrow arrays of ids into checked blocks of lines, without a Python string per row."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

# Everything that some reader takes for a line break or cannot show: C0 and C1 controls (U+0085 is a line break
# in Python's splitlines), DEL, and the line and paragraph separators.
_CONTROL_CHARACTERS = "[\\x{0}-\\x{1f}\\x{7f}-\\x{9f}\\x{2028}\\x{2029}]"
_FIRST_VISIBLE, _LAST_VISIBLE = 0x21, 0x7E


def _offsets(offset_bytes: int, *offsets: int) -> pa.Buffer:
    return pa.py_buffer(b"".join(offset.to_bytes(offset_bytes, sys.byteorder) for offset in offsets))


# Made from buffers, because pa.scalar() and pa.array() import pandas where it is installed: half a second.
_LINE_BREAKS = {
    kind: pa.Array.from_buffers(kind, 1, [None, _offsets(offset_bytes, 0, 1), pa.py_buffer(b"\n")])[0]
    for kind, offset_bytes in ((pa.string(), 4), (pa.large_string(), 8))
}


@dataclass(frozen=True)
class Block:
    """Consecutive lines of the content.

    Attributes:
        ids: The ids as the table has them.
        lines: The ids, with a line break between each two. Where `fault` is set, empty.
        count: How many ids.
        first_row: Number of the first row in the table, from 1.
        first_id: The first id in UTF-8; where `fault` is set, empty.
        last_id: The last id, likewise.
        fault: What is wrong with the block, for a guard to judge; None when all ids are good.
        is_ascending: Whether every id is greater than the one before it, by bytes, within the block.
    """

    ids: pa.Array
    lines: memoryview
    count: int
    first_row: int
    first_id: bytes = b""
    last_id: bytes = b""
    fault: str | None = None
    is_ascending: bool = True


def blocks(arrays: Iterable[pa.Array]) -> Iterator[Block]:
    """Yields one block for each array that is not empty.

    Args:
        arrays: Arrays of type string or large_string.
    """
    row = 1
    for array in arrays:
        if len(array):
            yield _block(array, row)
            row += len(array)


def _block(array: pa.Array, first_row: int) -> Block:
    fault = _fault(array)
    if fault:
        return Block(array, memoryview(b""), len(array), first_row, fault=fault)
    return Block(
        ids=array,
        lines=_lines(array),
        count=len(array),
        first_row=first_row,
        first_id=array[0].as_buffer().to_pybytes(),
        last_id=array[-1].as_buffer().to_pybytes(),
        # Arrow compares text as unsigned bytes, like Spark's and DuckDB's order by.
        is_ascending=len(array) == 1 or pc.all(pc.less(array[:-1], array[1:])).as_py(),
    )


def _lines(array: pa.Array) -> memoryview:
    # One list of all ids, joined: the text is, byte for byte, the content.
    one_list = pa.Array.from_buffers(pa.list_(array.type), 1, [None, _offsets(4, 0, len(array))], children=[array])
    return memoryview(pc.binary_join(one_list, _LINE_BREAKS[array.type])[0].as_buffer())


def _text_bytes(array: pa.Array) -> memoryview:
    """Returns the bytes of all texts of an array, one after the other, without copying."""
    _, offsets, data = array.buffers()
    positions = memoryview(offsets).cast("q" if pa.types.is_large_string(array.type) else "i")
    start, end = positions[array.offset], positions[array.offset + len(array)]
    return memoryview(data)[start:end] if data is not None else memoryview(b"")


def _fault(array: pa.Array) -> str | None:
    if array.null_count:
        return f"{array.null_count} null"
    lengths = pc.min_max(pc.binary_length(array)).as_py()
    if lengths["min"] == 0:
        return "an empty id"
    # Nearly always all ids are visible ASCII, which two comparisons per byte prove; only others are looked into.
    text = _text_bytes(array)
    byte_range = pc.min_max(pa.Array.from_buffers(pa.uint8(), len(text), [None, pa.py_buffer(text)])).as_py()
    if byte_range["min"] >= _FIRST_VISIBLE and byte_range["max"] <= _LAST_VISIBLE:
        return None
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return "an id that is not UTF-8"
    if pc.any(pc.match_substring_regex(array, _CONTROL_CHARACTERS)).as_py():
        return "an id with a line break or another control character"
    if pc.any(pc.equal(pc.binary_length(pc.utf8_trim_whitespace(array)), 0)).as_py():
        return "a blank id"
    return None
