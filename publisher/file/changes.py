"""What one sorted list of ids changes against another, by one merge pass over both. Memory is constant."""

from __future__ import annotations

import bisect
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from publisher.file import arrow
from publisher.file.blocks import Block, fault_of, joined
from publisher.file.decompressing import DamagedFile, whole_lines
from publisher.threads import ahead
from publisher.values import Changes

# Is given ids as they are found, with a line break behind each.
Sink = Callable[[memoryview], object]

_LINE_BREAK = memoryview(b"\n")
_OFFSET_BYTES = (1 << 31) - 1  # what the offsets of an Arrow array of type binary can tell


class NotComparable(Exception):
    """One of the two is damaged, or not in ascending order; the text says which, and why."""


@dataclass(frozen=True)
class Ids:
    """One of the two lists of a comparison.

    Attributes:
        name: What it is called when it cannot be compared.
        arrays: Of type binary, none of them empty. That they ascend is looked at by the comparison.
    """

    name: str
    arrays: Iterable[pa.Array]


def of_file(name: str, pieces: Iterable[bytes], max_content_bytes: int | None = None, *, ids_only: bool = False) -> Ids:
    """Returns the lines of a gzip file, of which nothing is read yet.

    Args:
        name: What the file is called when it cannot be compared.
        pieces: Its bytes, in order.
        max_content_bytes: How long its content is said to be; no more of it is unpacked.
        ids_only: Refuses lines that no guard would let into a file: blank ones, and what is not text of one line.
    """
    return Ids(name, _lines(name, pieces, max_content_bytes, ids_only=ids_only))


def of_table(name: str, blocks: Iterable[Block]) -> Ids:
    """Returns the ids of a table.

    Args:
        name: What the table is called when it cannot be compared.
        blocks: Of good ids only.
    """
    return Ids(name, _ids(blocks))


def of_arrays(name: str, arrays: Iterable[pa.Array]) -> Ids:
    """Returns ids as they are, of which nothing is read yet: also such as no guard would let into a file.

    Args:
        name: What they are called when they cannot be compared.
        arrays: Of type string or large_string, none of them empty.
    """
    return Ids(name, _texts(name, arrays))


def count_changes(new: Iterable[bytes], active: Iterable[bytes], active_content_bytes: int | None = None) -> Changes:
    """Compares the lines of two gzip files, both ascending. Each is decompressed in a thread of its own.

    Args:
        new: The new file, in pieces.
        active: The active file, in pieces.
        active_content_bytes: How long its content is said to be; no more of it is unpacked.

    Returns:
        How many ids each has, and how many the other lacks.

    Raises:
        NotComparable: One of them is not a whole gzip file of strictly ascending lines.
    """
    return compare(of_file("the new file", new), of_file("active", active, active_content_bytes))


def compare(new: Ids, active: Ids, added: Sink | None = None) -> Changes:
    """Compares two ascending lists of ids. Each is made in a thread of its own.

    The two are treated alike: what is removed is what is added when they change places.

    Args:
        new: One list.
        active: The other one.
        added: Is given the ids that `active` lacks, in order, before it is known that both lists are in order.

    Returns:
        How many ids each has, and how many the other lacks.

    Raises:
        NotComparable: One of them is not strictly ascending, or a file that is damaged.
    """
    with ahead(new.arrays) as of_new, ahead(active.arrays) as of_active:
        return _compare(_Ascending(of_new, new.name), _Ascending(of_active, active.name), added)


def _compare(news: _Ascending, olds: _Ascending, added: Sink | None) -> Changes:
    common = 0
    while (one := news.block()) is not None and (other := olds.block()) is not None:
        # Up to the smaller of the two last ids both blocks are complete, whatever comes after them.
        bound = min(_last(one), _last(other))
        ours, theirs = news.take(bound), olds.take(bound)
        if len(ours) and len(theirs):
            are_in_both = arrow.is_in(ours, theirs)
            common += arrow.total(are_in_both)
            if added:
                _give(added, arrow.filtered(ours, arrow.invert(are_in_both)))
        elif added:
            _give(added, ours)
    news.drain(added)
    olds.drain()
    return Changes(ids_added=news.count - common, ids_removed=olds.count - common, active_ids=olds.count)


def _give(sink: Sink, ids: pa.Array) -> None:
    if len(ids):
        sink(joined(ids.view(pa.string())))
        sink(_LINE_BREAK)


class _Ascending:
    """Ascending ids, block by block, each block from a place that the caller chooses."""

    def __init__(self, arrays: Iterable[pa.Array], name: str) -> None:
        self.count = 0
        self._name = name
        self._arrays = iter(arrays)
        self._block: pa.Array | None = None
        self._previous: bytes | None = None

    def block(self) -> pa.Array | None:
        """Returns what is left of the current block, or the next one; None at the end."""
        if self._block is None or not len(self._block):
            self._block = self._next()
        return self._block

    def take(self, bound: bytes) -> pa.Array:
        """Returns the ids of the block up to and with `bound`, and goes on behind them."""
        block = self._block
        if block is None:
            raise AssertionError("take() follows block()")
        length = len(block) if _last(block) <= bound else bisect.bisect_right(_Bytes(block), bound)
        self._block = block.slice(length)
        return block.slice(0, length)

    def drain(self, sink: Sink | None = None) -> None:
        """Reads to the end: what is left is counted and checked, too."""
        while (block := self.block()) is not None:
            if sink:
                _give(sink, block)
            self._block = None

    def _next(self) -> pa.Array | None:
        array = next(self._arrays, None)
        if array is None:
            return None
        ascends = len(array) == 1 or arrow.are_all(arrow.less(array[:-1], array[1:]))
        if not ascends or (self._previous is not None and array[0].as_buffer().to_pybytes() <= self._previous):
            raise NotComparable(f"{self._name} is not in strictly ascending order")
        self._previous = _last(array)
        self.count += len(array)
        return array


@dataclass(frozen=True)
class _Bytes:
    """An array as a sequence of bytes, for bisect."""

    array: pa.Array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, position: int) -> bytes:
        return bytes(self.array[position].as_buffer().to_pybytes())


def _last(array: pa.Array) -> bytes:
    return bytes(array[-1].as_buffer().to_pybytes())


def _lines(name: str, pieces: Iterable[bytes], max_content_bytes: int | None, *, ids_only: bool) -> Iterator[pa.Array]:
    try:
        for lines in whole_lines(pieces, max_content_bytes):
            array = _split(lines)
            if ids_only and (fault := fault_of(array.view(pa.string()))):
                raise NotComparable(f"{name} has {fault}")
            yield array
    except DamagedFile as damage:
        raise NotComparable(f"{name} {damage}") from damage


def _split(lines: bytes) -> pa.Array:
    # From buffers: pa.array() imports pandas where it is installed.
    offsets = b"".join(offset.to_bytes(4, sys.byteorder) for offset in (0, len(lines)))
    text = pa.Array.from_buffers(pa.binary(), 1, [None, pa.py_buffer(offsets), pa.py_buffer(lines)])
    return arrow.split_pattern(text, "\n").values  # of the one list


def _ids(blocks: Iterable[Block]) -> Iterator[pa.Array]:
    for block in blocks:
        rows = _OFFSET_BYTES // block.longest_bytes
        for start in range(0, block.count, rows):
            yield arrow.cast(block.ids.slice(start, rows), pa.binary())


def _texts(name: str, arrays: Iterable[pa.Array]) -> Iterator[pa.Array]:
    for array in arrays:
        if array.null_count:
            raise NotComparable(f"{name} has {array.null_count} null")
        rows = _OFFSET_BYTES // max(arrow.min_max(arrow.binary_length(array))[1] or 0, 1)
        for start in range(0, len(array), rows):
            yield arrow.cast(array.slice(start, rows), pa.binary())
