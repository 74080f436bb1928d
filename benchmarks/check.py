"""Whether a file holds exactly the ids that it must: each once, one a line, and nothing else."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path

import duckdb

from benchmarks.samples import Ids

_PIECE_BYTES = 1 << 20


class WrongResult(Exception):
    """A contestant gave another result than it had to."""


def require_equal(file: Path, expected: Ids, whose: str) -> None:
    """Compares a gzip file with the ids that it must hold, in whatever order.

    Args:
        file: One id a line; the last line may end with a line break.
        expected: The ids.
        whose: Who made the file.

    Raises:
        WrongResult: An id is missing, is there twice or should not be there, or the file is not one id a line.
    """
    content_bytes = sum(len(piece) for piece in _pieces(file, whose))
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            create temp view found as
            from read_csv(
                '{file}', columns={{'id': 'varchar'}}, header=false, auto_detect=false, delim='\t', quote='', escape='',
                compression='gzip', strict_mode=false, null_padding=true
            )
            """
        )
        lines, missing, extra = connection.execute(
            f"""
            select
                (select count(*) from found),
                (select count(*) from '{expected.file}' anti join found using (id)),
                (select count(*) from found anti join '{expected.file}' using (id))
            """
        ).fetchone()
    # The last comparison sees what a reader of lines overlooks: blank lines, quotes, carriage returns.
    line_breaks = (expected.count - 1, expected.count)
    if lines != expected.count or missing or extra or content_bytes - expected.id_bytes not in line_breaks:
        raise WrongResult(
            f"{whose} gave a wrong result: {lines:,} lines in {content_bytes:,} bytes, {missing:,} ids missing,"
            f" {extra:,} lines that should not be there; expected {expected.count:,} ids of {expected.id_bytes:,} bytes"
        )


def require_same_content(file: Path, md5: str, whose: str) -> None:
    """Compares what a gzip file holds with a digest.

    Raises:
        WrongResult: It differs.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for piece in _pieces(file, whose):
        digest.update(piece)
    if digest.hexdigest() != md5:
        raise WrongResult(f"{whose} gave a file with another content")


def _pieces(file: Path, whose: str) -> Iterator[bytes]:
    try:
        with gzip.open(file) as content:
            while piece := content.read(_PIECE_BYTES):
                yield piece
    except (EOFError, OSError, zlib.error):
        raise WrongResult(f"{whose} gave a file that is not whole gzip") from None
