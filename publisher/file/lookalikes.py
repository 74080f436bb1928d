"""Ids that look like documents: a wrong column, taken for that of the ids, would publish people's CPFs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from publisher.file.blocks import Block, some_of
from publisher.redaction import is_document
from publisher.values import Lookalikes

# Of one block, whatever its size: what is looked for is most of a column, or none of it.
_LOOKED_AT = 1_000
_BARE = re.compile(rb"[0-9]{11}")
_MASKED = re.compile(rb"[0-9]{3}[.][0-9]{3}[.][0-9]{3}-[0-9]{2}")


@dataclass(frozen=True)
class _Shape:
    """What a document can look like as an id.

    Attributes:
        words: For a message.
        prefix: What comes first.
        rest: What comes then.
        rest_bytes: How long that is.
    """

    words: str
    prefix: bytes
    rest: re.Pattern[bytes]
    rest_bytes: int


class LookalikeCounter:
    """Counts, in a sample of each block, the ids that look like documents. Blocks of other lengths cost nothing."""

    def __init__(self, prefix: str) -> None:
        """Prepares.

        Args:
            prefix: What table B writes before a document.
        """
        self._shapes = [
            _Shape(f"{words}{form}", before, rest, rest_bytes)
            for before, words in {prefix.encode(): "the prefix and ", b"": ""}.items()
            for form, rest, rest_bytes in (("11 digits", _BARE, 11), ("11 digits with dots and a dash", _MASKED, 14))
        ]
        self._counts = [[0, 0] for _ in self._shapes]

    def feed(self, block: Block) -> None:
        """Looks at a block of ids in ascending order."""
        for shape, count in zip(self._shapes, self._counts, strict=True):
            length_bytes = len(shape.prefix) + shape.rest_bytes
            for value in some_of(block, length_bytes, shape.prefix, _LOOKED_AT, are_digits=shape.rest is _BARE):
                rest = value[len(shape.prefix) :]
                if shape.rest.fullmatch(rest):
                    count[0] += 1
                    count[1] += is_document(rest)

    def finish(self) -> tuple[Lookalikes, ...]:
        """Returns what was found, for each shape."""
        return tuple(Lookalikes(shape.words, *count) for shape, count in zip(self._shapes, self._counts, strict=True))
