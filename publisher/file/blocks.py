"""Turns Arrow arrays of ids into checked blocks of lines, without a Python string per row."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from publisher.file import arrow
from publisher.values import LONGEST_ID_BYTES

# Everything that some reader takes for a line break or cannot show: C0 and C1 controls (U+0085 is a line break
# in Python's splitlines), DEL, and the line and paragraph separators.
_CONTROL_CHARACTERS = "[\\x{0}-\\x{1f}\\x{7f}-\\x{9f}\\x{2028}\\x{2029}]"
_FIRST_VISIBLE, _LAST_VISIBLE = 0x21, 0x7E
_ZERO, _NINE = 0x30, 0x39


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
        shortest_bytes: Length of the shortest id; where `fault` is set, 0.
        longest_bytes: Length of the longest id, likewise.
        has_digits_only: Whether all ids consist of ASCII digits.
    """

    ids: pa.Array
    lines: memoryview
    count: int
    first_row: int
    first_id: bytes = b""
    last_id: bytes = b""
    fault: str | None = None
    is_ascending: bool = True
    shortest_bytes: int = 0
    longest_bytes: int = 0
    has_digits_only: bool = False


def blocks(arrays: Iterable[pa.Array]) -> Iterator[Block]:
    """Yields one block for each array that is not empty.

    Args:
        arrays: Arrays of type string or large_string.
    """
    row = 1
    for ids in arrays:
        if len(ids):
            yield _block(ids, row)
            row += len(ids)


def _block(ids: pa.Array, first_row: int) -> Block:
    if ids.null_count:
        return Block(ids, memoryview(b""), len(ids), first_row, fault=f"{ids.null_count} null")
    extent = _extent(ids)
    fault = _fault(ids, extent)
    if fault:
        return Block(ids, memoryview(b""), len(ids), first_row, fault=fault)
    return Block(
        ids=ids,
        lines=joined(ids),
        count=len(ids),
        first_row=first_row,
        first_id=ids[0].as_buffer().to_pybytes(),
        last_id=ids[-1].as_buffer().to_pybytes(),
        # Arrow compares text as unsigned bytes, like Spark's and DuckDB's order by.
        is_ascending=len(ids) == 1 or arrow.are_all(arrow.less(ids[:-1], ids[1:])),
        shortest_bytes=extent.shortest,
        longest_bytes=extent.longest,
        has_digits_only=extent.lowest >= _ZERO and extent.highest <= _NINE,
    )


def some_of(block: Block, length_bytes: int, prefix: bytes, most: int, *, are_digits: bool) -> list[bytes]:
    """Returns ids of a block that have a length and begin with a prefix, evenly spread over all such.

    Args:
        block: Ids in ascending order.
        length_bytes: The length that is wanted.
        prefix: What they begin with.
        most: How many at most.
        are_digits: Whether what comes after the prefix is to be digits alone, or with something else; others may be
            returned too, but not in their place.
    """
    if not block.shortest_bytes <= length_bytes <= block.longest_bytes or (block.has_digits_only and not are_digits):
        return []
    ids = block.ids
    if prefix:  # ascending ids with one prefix stand together
        begin = _first_from(ids, prefix)
        ids = ids[begin : _first_from(ids, prefix + b"\xff")]
    if block.shortest_bytes != block.longest_bytes:
        ids = arrow.filtered(ids, arrow.equal(arrow.binary_length(ids), _number(length_bytes)))
    if len(ids) > most and are_digits and not block.has_digits_only and (not prefix or prefix.isdigit()):
        ids = arrow.filtered(ids, arrow.ascii_is_decimal(ids))
    if len(ids) > most:
        places = array("q", range(0, len(ids), -(-len(ids) // most)))
        ids = ids.take(pa.Array.from_buffers(pa.int64(), len(places), [None, pa.py_buffer(places)]))
    return [value.encode() for value in ids.to_pylist()]


def _first_from(ids: pa.Array, key: bytes) -> int:
    """Returns the position of the first id that is not smaller than a key."""
    return bisect_left(range(len(ids)), key, key=lambda position: ids[position].as_buffer().to_pybytes())


def _number(value: int) -> pa.Scalar:
    return pa.Array.from_buffers(pa.int64(), 1, [None, pa.py_buffer(array("q", [value]))])[0]


def fault_of(ids: pa.Array) -> str | None:
    """Returns what keeps texts from being ids; None when all are good.

    Args:
        ids: Of type string or large_string, not empty and without nulls; not necessarily UTF-8.
    """
    return _fault(ids, _extent(ids))


def joined(ids: pa.Array) -> memoryview:
    """Returns ids with a line break between each two, in one buffer.

    Args:
        ids: Of type string or large_string, without nulls.
    """
    # One list of all ids, joined: the text is, byte for byte, the content.
    one_list = pa.Array.from_buffers(pa.list_(ids.type), 1, [None, _offsets(4, 0, len(ids))], children=[ids])
    return memoryview(arrow.binary_join(one_list, _LINE_BREAKS[ids.type])[0].as_buffer())


def _text_bytes(ids: pa.Array) -> memoryview:
    """Returns the bytes of all texts of an array, one after the other, without copying."""
    _, offsets, data = ids.buffers()
    positions = memoryview(offsets).cast("q" if pa.types.is_large_string(ids.type) else "i")
    start, end = positions[ids.offset], positions[ids.offset + len(ids)]
    return memoryview(data)[start:end] if data is not None else memoryview(b"")


class _Extent(NamedTuple):
    """The lengths of the shortest and the longest text of an array, and the lowest and the highest byte in them."""

    shortest: int
    longest: int
    lowest: int
    highest: int


def _extent(ids: pa.Array) -> _Extent:
    shortest, longest = arrow.min_max(arrow.binary_length(ids))
    text = _text_bytes(ids)
    lowest, highest = arrow.min_max(pa.Array.from_buffers(pa.uint8(), len(text), [None, pa.py_buffer(text)]))
    return _Extent(shortest or 0, longest or 0, lowest or 0, highest or 0)


def _fault(ids: pa.Array, extent: _Extent) -> str | None:
    if extent.shortest == 0:
        return "an empty id"
    if extent.longest > LONGEST_ID_BYTES:  # a file with it could be compared with no other
        return f"an id of more than {LONGEST_ID_BYTES >> 10} KiB"
    # Nearly always all ids are visible ASCII, which two comparisons per byte prove; only others are looked into.
    if extent.lowest >= _FIRST_VISIBLE and extent.highest <= _LAST_VISIBLE:
        return None
    try:
        ids.validate(full=True)
    except pa.ArrowInvalid:
        return "an id that is not UTF-8"
    if arrow.is_any(arrow.match_substring_regex(ids, _CONTROL_CHARACTERS)):
        return "an id with a line break or another control character"
    if arrow.is_any(arrow.equal(arrow.binary_length(arrow.utf8_trim_whitespace(ids)), _number(0))):
        return "a blank id"
    return None
