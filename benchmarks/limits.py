"""The parts of a publish, each alone: how fast it could be at best.

Usage: python -m benchmarks.limits decode PARQUET_FILE | md5 TEXT_FILE | compress TEXT_FILE
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from publisher.file.encoding import _LEVEL, _PIECE_BYTES  # what the product takes, also when that changes


def decode(table: Path) -> None:
    """Reads a Parquet file's column of ids."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(table) as file:
        for _ in file.iter_batches(columns=["id"], batch_size=1 << 17):
            pass


def md5(text: Path) -> None:
    """Digests a file."""
    digest = hashlib.md5(usedforsecurity=False)
    for piece in _pieces(text):
        digest.update(piece)


def compress(text: Path) -> None:
    """Compresses a file, and writes nothing."""
    from isal import isal_zlib

    compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, 31)
    for piece in _pieces(text):
        compressor.compress(piece)
    compressor.flush()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


PARTS = {"decode": decode, "md5": md5, "compress": compress}

if __name__ == "__main__":
    PARTS[sys.argv[1]](Path(sys.argv[2]))
