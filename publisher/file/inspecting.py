"""Recomputes what a gzip file is from its bytes, and compares it with what is said of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from isal import igzip_lib

from publisher.file.decompressing import DamagedFile, fed
from publisher.threads import InOrder
from publisher.values import Inspection, Metadata

_BLANK_LINE = "the content has a blank line"


class Inspector:
    """Recomputes from a gzip file's bytes all that is known about it. Memory is constant, whatever the content.

    The content is digested in a thread of its own.
    """

    def __init__(self, max_bytes: int | None = None, max_content_bytes: int | None = None) -> None:
        """Has read nothing yet.

        Args:
            max_bytes: How long the file is said to be; what goes on behind that is not looked at.
            max_content_bytes: How long its content is said to be; no more of it is unpacked.
        """
        self._max_bytes = max_bytes
        self._max_content_bytes = max_content_bytes
        self._decompressor = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._bytes = self._content_bytes = self._line_breaks = 0
        self._has_blank_line = self._is_damaged = False
        self._last = b"\n"  # before the first line stands, so to say, a line break
        self._has_more_bytes = self._has_more_content = False
        self._digests = InOrder()

    @property
    def is_over(self) -> bool:
        """Whether there is more than was announced, so that nothing that follows can make the file right."""
        return self._has_more_bytes or self._has_more_content

    def feed(self, compressed: bytes) -> None:
        """Adds the next bytes of the file."""
        if self.is_over:
            return
        self._has_more_bytes = _is_more(self._bytes + len(compressed), self._max_bytes)
        if self._has_more_bytes:
            return
        self._sha256.update(compressed)
        self._bytes += len(compressed)
        if self._is_damaged:
            return
        if self._decompressor.eof:
            self._is_damaged = bool(compressed)  # a second member, or something else, follows the first
            return
        try:
            for content in fed(self._decompressor, compressed):
                self._inspect(content)
                if self._has_more_content:
                    return
        except DamagedFile:
            self._is_damaged = True

    def finish(self) -> Inspection:
        """Returns what the file turned out to be."""
        self._digests.finish()
        is_whole = not self._is_damaged and self._decompressor.eof
        return Inspection(
            bytes=self._bytes,
            sha256=self._sha256.hexdigest(),
            is_whole_gzip=is_whole,
            content_bytes=self._content_bytes,
            md5=self._md5.hexdigest(),
            lines=self._line_breaks + (self._content_bytes > 0 and self._last != b"\n"),
            has_blank_line=self._has_blank_line,
            has_more_bytes=self._has_more_bytes,
            has_more_content=self._has_more_content,
        )

    def _inspect(self, content: bytes) -> None:
        if not content:
            return
        self._digests.run(self._md5.update, content)
        self._content_bytes += len(content)
        self._has_more_content = _is_more(self._content_bytes, self._max_content_bytes)
        self._line_breaks += content.count(b"\n")
        if (self._last == b"\n" and content[:1] == b"\n") or b"\n\n" in content:
            self._has_blank_line = True
        self._last = content[-1:]


def _is_more(found: int, announced: int | None) -> bool:
    return announced is not None and found > announced


def inspect(pieces: Iterable[bytes], stored_bytes: int, said: Metadata) -> Inspection:
    """Returns what a file turned out to be, as far as it is not longer than was announced.

    Args:
        pieces: Its bytes, in order; what follows the announced length is left unread.
        stored_bytes: The size that the store tells.
        said: The metadata.
    """
    inspector = Inspector(stored_bytes, said.content_bytes)
    for piece in pieces:
        inspector.feed(piece)
        if inspector.is_over:
            break
    return inspector.finish()


def differences(stored_bytes: int, said: Metadata, found: Inspection) -> tuple[str, ...]:
    """Compares what a file turned out to be with what was promised of it; one text for each thing that differs.

    The one comparison behind the read-back of a staged file, `verify`, `rollback` and `pull`.

    Args:
        stored_bytes: The size that the store tells.
        said: The metadata.
        found: What the bytes are.
    """
    if found.has_more_bytes or found.has_more_content:  # only a part was read, of which little can be told
        beyond = (
            f"the file is longer than the {stored_bytes} bytes announced by the store"
            if found.has_more_bytes
            else f"the file has more content than the {said.content_bytes} bytes announced by its metadata"
        )
        return (beyond, _BLANK_LINE) if found.has_blank_line else (beyond,)
    faults = (
        (not found.is_whole_gzip, "the file is not one whole gzip member"),
        (found.has_blank_line, _BLANK_LINE),
        # An empty list can be meant; the publisher then had to be overruled, and the metadata says zero.
        (not found.content_bytes and said.total_ids != 0, "the content is empty"),
    )
    pairs = (
        ("bytes", "store", stored_bytes, found.bytes),
        ("total_ids", "metadata", said.total_ids, found.lines),
        ("md5_checksum", "metadata", said.md5_checksum, found.md5),
        ("sha256", "metadata", said.sha256, found.sha256),
        ("content_bytes", "metadata", said.content_bytes, found.content_bytes),
    )
    return (
        *(text for is_fault, text in faults if is_fault),
        *(
            f"{name} is missing from the metadata or unreadable"
            if promised is None
            else f"{name} is {promised} by the {who} and {computed} by the file"
            for name, who, promised, computed in pairs
            if promised != computed
        ),
    )
