"""What a new file changes: ids added and removed, by one merge pass over two sorted files. Memory is constant."""

from __future__ import annotations

import bisect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from publisher.file.decompressing import DamagedFile, whole_lines
from publisher.threads import ahead
from publisher.values import Changes


class NotComparable(Exception):
    """One of the files is damaged, or not in ascending order; the text says which, and why."""


def count_changes(new: Iterable[bytes], active: Iterable[bytes]) -> Changes:
    """Compares the lines of two gzip files, both ascending. Each is decompressed in a thread of its own.

    Args:
        new: The new file, in pieces.
        active: The active file, in pieces.

    Returns:
        How many ids each has, and how many the other lacks.

    Raises:
        NotComparable: One of them is not a whole gzip file of strictly ascending lines.
    """
    with ahead(_lines(new)) as of_new, ahead(_lines(active)) as of_active:
        return _count(_Lines(of_new, "the new file"), _Lines(of_active, "active"))


def _count(news: _Lines, olds: _Lines) -> Changes:
    common = 0
    while (one := news.block()) is not None and (other := olds.block()) is not None:
        # Up to the smaller of the two last ids both blocks are complete, whatever comes after them.
        bound = min(_last(one), _last(other))
        ours, theirs = news.take(bound), olds.take(bound)
        if len(ours) and len(theirs):
            common += pc.sum(pc.is_in(ours, value_set=theirs)).as_py()
    news.drain()
    olds.drain()
    return Changes(ids_added=news.count - common, ids_removed=olds.count - common, active_ids=olds.count)


class _Lines:
    """Ascending lines, block by block, each block from a place that the caller chooses."""

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
        """Returns the lines of the block up to and with `bound`, and goes on behind them."""
        block = self._block
        if block is None:
            raise AssertionError("take() follows block()")
        length = len(block) if _last(block) <= bound else bisect.bisect_right(_Bytes(block), bound)
        self._block = block.slice(length)
        return block.slice(0, length)

    def drain(self) -> None:
        """Reads to the end: what is left is counted and checked, too."""
        while self._next() is not None:
            pass

    def _next(self) -> pa.Array | None:
        try:
            array = next(self._arrays, None)
        except DamagedFile as damage:
            raise NotComparable(f"{self._name} {damage}") from damage
        if array is None:
            return None
        ascends = len(array) == 1 or pc.all(pc.less(array[:-1], array[1:])).as_py()
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


def _lines(pieces: Iterable[bytes]) -> Iterator[pa.Array]:
    """Yields the lines of a gzip file as arrays of type binary.

    Args:
        pieces: The file's bytes, in order.

    Raises:
        DamagedFile: It is not one whole gzip member, or has a line that no id is as long as.
    """
    yield from map(_split, whole_lines(pieces))


def _split(lines: bytes) -> pa.Array:
    # From buffers: pa.array() imports pandas where it is installed.
    offsets = b"".join(offset.to_bytes(4, sys.byteorder) for offset in (0, len(lines)))
    text = pa.Array.from_buffers(pa.binary(), 1, [None, pa.py_buffer(offsets), pa.py_buffer(lines)])
    return pc.split_pattern(text, "\n").flatten()
