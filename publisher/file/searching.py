"""Looks for lines in a gzip file: for one, no further than to where it would stand, or for some in the whole."""

from __future__ import annotations

import operator
from bisect import bisect_left
from collections.abc import Iterable

from publisher.file.decompressing import DamagedFile, whole_lines

# What no id has, and what a file from elsewhere may: a carriage return above all, by which no line would be found.
_CONTROL_BYTES = bytes(byte for byte in (*range(0x20), 0x7F) if byte != ord("\n"))


def has_line(pieces: Iterable[bytes], line: str) -> bool:
    """Whether a gzip file of ascending lines has this one. Memory is constant, whatever the content.

    Reading ends at the line, or at the first that is greater; what comes behind it is not looked at.

    Args:
        pieces: The file's bytes, in order.
        line: Without its line break.

    Raises:
        DamagedFile: As far as it was read, it is not a gzip file of strictly ascending ids.
    """
    previous = ""  # before every id
    for content in whole_lines(pieces):
        # As text, because code points have the order of UTF-8's bytes, and Python compares text faster than bytes.
        lines = _text(content).split("\n")
        if not (previous < lines[0] and all(map(operator.lt, lines, lines[1:]))):
            raise DamagedFile("has a blank line" if "" in lines else "is not in strictly ascending order")
        previous = lines[-1]
        if line <= previous:
            return lines[bisect_left(lines, line)] == line
    return False


def count_lines_of(pieces: Iterable[bytes], wanted: frozenset[bytes]) -> int:
    """Returns how many of some lines a gzip file has, whatever their order. It is read to its end.

    Args:
        pieces: The file's bytes, in order.
        wanted: Lines, without their breaks.

    Raises:
        DamagedFile: It is not one whole gzip file, or of lines that would not be found.
    """
    found: set[bytes] = set()
    for content in whole_lines(pieces):
        if b"\r" in content:
            raise DamagedFile("has a carriage return in a line")
        found |= wanted.intersection(content.split(b"\n"))
    return len(found)


def parse_lines(content: bytes) -> frozenset[bytes]:
    """Returns the ids of a person's list, one a line; line breaks of other systems and empty lines do not matter.

    Args:
        content: The list.

    Raises:
        ValueError: A line is none of a published file, or there is none. The text says which, and quotes nothing.
    """
    found: set[bytes] = set()
    for number, line in enumerate(content.split(b"\n"), 1):
        line = line.removesuffix(b"\r")
        if not line:
            continue
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise ValueError(f"line {number:,} is not UTF-8") from None
        if text != text.strip() or not text.isprintable():
            raise ValueError(f"line {number:,} has blanks around the id, or a control character in it")
        found.add(line)
    if not found:
        raise ValueError("it has no id")
    return frozenset(found)


def _text(content: bytes) -> str:
    if len(content.translate(None, _CONTROL_BYTES)) < len(content):
        raise DamagedFile("has a control character in a line")
    try:
        return content.decode()
    except UnicodeDecodeError:  # its text quotes the content
        raise DamagedFile("has a line that is not UTF-8") from None
