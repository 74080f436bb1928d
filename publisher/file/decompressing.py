"""The content of a gzip file, in pieces or in whole lines, and nothing of one that is damaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from isal import igzip_lib

from publisher.values import LONGEST_ID_BYTES

# Small enough that what is done with a piece finds it in the processor's cache, and no larger than the longest id: a
# line that is longer then ends in another piece than it begins in, where that is noticed.
_DECOMPRESSED_BYTES = min(1 << 18, LONGEST_ID_BYTES)


class DamagedFile(Exception):
    """A file is not one whole gzip member, or not one of ids; the text says which."""

    def __init__(self, what: str = "is not one whole gzip file") -> None:
        super().__init__(what)


def decompressed(pieces: Iterable[bytes], max_content_bytes: int | None = None) -> Iterator[bytes]:
    """Yields the content of a gzip file, a quarter of a MiB at once at most.

    Args:
        pieces: The file's bytes, in order.
        max_content_bytes: How long the content is said to be; no more of it is unpacked.

    Raises:
        DamagedFile: It is not one whole gzip member, with nothing after it, or longer than it is said to be; what came
            before was yielded.
    """
    decompressor = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    content_bytes = 0
    for piece in pieces:
        if decompressor.eof and piece:
            raise DamagedFile
        for content in fed(decompressor, piece):
            content_bytes += len(content)
            if max_content_bytes is not None and content_bytes > max_content_bytes:
                raise DamagedFile(f"has more content than the {max_content_bytes} bytes announced")
            yield content
    if not decompressor.eof:
        raise DamagedFile


def whole_lines(pieces: Iterable[bytes], max_content_bytes: int | None = None) -> Iterator[bytes]:
    """Yields the content of a gzip file cut at line breaks only: lines with a line break between each two.

    Args:
        pieces: The file's bytes, in order.
        max_content_bytes: How long the content is said to be; no more of it is unpacked.

    Raises:
        DamagedFile: It is not one whole gzip member, or has a line that no id is as long as; what came before was
            yielded.
    """
    rest = bytearray()  # a line that goes on for many pieces is added to, and not copied with each
    for content in decompressed(pieces, max_content_bytes):
        first_bytes = content.find(b"\n")
        if len(rest) + (len(content) if first_bytes < 0 else first_bytes) > LONGEST_ID_BYTES:
            raise DamagedFile(f"has a line of more than {LONGEST_ID_BYTES >> 10} KiB")
        whole, line_break, rest_of_this = content.rpartition(b"\n")
        if not line_break:
            rest += content
            continue
        yield bytes(rest) + whole
        rest = bytearray(rest_of_this)
    if rest:
        yield bytes(rest)


def fed(decompressor: igzip_lib.IgzipDecompressor, compressed: bytes) -> Iterator[bytes]:
    """Gives a decompressor the next bytes of a file, and yields what comes of them.

    Raises:
        DamagedFile: They are none of a gzip member, or go on behind its end.
    """
    try:
        yield decompressor.decompress(compressed, _DECOMPRESSED_BYTES)
        while not decompressor.eof and not decompressor.needs_input:
            yield decompressor.decompress(b"", _DECOMPRESSED_BYTES)
    except igzip_lib.IsalError as error:  # type: ignore[misc]  # the stub forgets that it is an exception
        raise DamagedFile from error
    if decompressor.unused_data:
        raise DamagedFile
