"""The content of a gzip file, piece by piece, and nothing of one that is not whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from isal import igzip_lib

# Small enough that what is done with a piece finds it in the processor's cache.
_DECOMPRESSED_BYTES = 1 << 18


class DamagedFile(Exception):
    """A file is not one whole gzip member."""


def decompressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the content of a gzip file, a quarter of a MiB at once at most.

    Args:
        pieces: The file's bytes, in order.

    Raises:
        DamagedFile: It is not one whole gzip member, with nothing after it; what came before was yielded.
    """
    decompressor = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    for piece in pieces:
        if decompressor.eof and piece:
            raise DamagedFile
        yield from fed(decompressor, piece)
    if not decompressor.eof:
        raise DamagedFile


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
