"""Brings the files of a table into the order of their ids, and opens only those whose statistics do not tell it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

_File = TypeVar("_File")

# No byte of UTF-8 is 0xFF: with it at its end, a text is behind all that begin with the text.
_BEHIND = b"\xff"


def in_order(
    files: Sequence[_File],
    bounds: Sequence[tuple[bytes, bytes] | None],
    first_ids: Callable[[Sequence[_File]], Sequence[bytes]],
) -> list[_File]:
    """Returns files in the order of their first ids.

    Each is taken to be ascending, and no two to overlap; whether that is so is seen by whoever reads them. Then bounds
    that lie apart tell which of two files comes first, cut ones too: unless one begins with the other, they differ in a
    byte that is the ids' own. That holds for any id of a file in the place of its first or last, so for statistics of
    writers that compared bytes with a sign. Of files whose bounds touch, and of those without, the first ids are read.

    Args:
        files: The files.
        bounds: The smallest and the largest id of each, as far as it is known; both may be cut.
        first_ids: Reads the first ids of files.
    """
    if len(files) < 2:
        return list(files)
    firsts: dict[int, bytes] = {}

    def read(numbers: list[int]) -> None:
        firsts.update(zip(numbers, first_ids([files[number] for number in numbers]), strict=True))

    read([number for number, known in enumerate(bounds) if known is None])
    spans = [known or (firsts[number], firsts[number]) for number, known in enumerate(bounds)]
    touching: list[list[int]] = []
    behind = b""
    for number in sorted(range(len(files)), key=lambda number: spans[number][0]):
        low, high = spans[number]
        if touching and low <= behind:
            touching[-1].append(number)
        else:
            touching.append([number])
        behind = max(behind, high + _BEHIND)
    read([number for group in touching if len(group) > 1 for number in group if number not in firsts])
    return [files[number] for group in touching for number in sorted(group, key=lambda number: firsts.get(number, b""))]
