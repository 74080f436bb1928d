"""Looks for one line in a sorted gzip file, and reads no further than to where it would stand."""

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


def _text(content: bytes) -> str:
    if len(content.translate(None, _CONTROL_BYTES)) < len(content):
        raise DamagedFile("has a control character in a line")
    try:
        return content.decode()
    except UnicodeDecodeError:  # its text quotes the content
        raise DamagedFile("has a line that is not UTF-8") from None
