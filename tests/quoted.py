"""Values that an engine stumbles over, files that are damaged, and whether any of it came out.

What came out is counted and never shown: a test's failure is a log, too.
"""

from __future__ import annotations

import random
import re
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

# No part of it occurs in a type, a port, a version or a date of the tests.
CPF = "73958264917"
_PIECE = 5
_FRACTION = re.compile(r"(?<=\d)\.\d{6,}")


def quoted(text: str) -> int:
    """Returns how many pieces of the document are in a text: a half of it is too much.

    Times in seconds, which dbt notes with fifteen digits behind the point, hold such a piece once in some thousand.
    """
    text = _FRACTION.sub("", text)
    return sum(CPF[begin : begin + _PIECE] in text for begin in range(len(CPF) - _PIECE + 1))


def chained(error: BaseException) -> bool:
    """Whether a traceback of an error would show another one."""
    return error.__cause__ is not None or error.__context__ is not None


def write_not_utf8(path: Path, prefix: str = "") -> Path:
    """Writes a file with a document that is no text."""
    text = (prefix + CPF).encode() + b"\xff"
    buffers = [None, pa.py_buffer(struct.pack("<ii", 0, len(text))), pa.py_buffer(text)]
    column = pa.Array.from_buffers(pa.string(), 1, buffers)
    pq.write_table(pa.table({"id": ["a"], "documento": column}), path)
    return path


def write_damaged_pages(path: Path, compression: str = "snappy") -> Path:
    """Writes a file whose footer is as it should be, and whose data is not."""
    rows = [f"{CPF}{number}" for number in range(2000)]
    columns = {"id": rows, "documento": rows}
    pq.write_table(pa.table(columns), path, compression=compression, use_dictionary=False, write_statistics=False)
    column = pq.ParquetFile(path).metadata.row_group(0).column(1)
    content = bytearray(path.read_bytes())
    begin = column.data_page_offset
    content[begin + 60 : begin + column.total_compressed_size] = b"\xfe" * (column.total_compressed_size - 60)
    path.write_bytes(content)
    return path


def write_damaged_at_random(path: Path, seed: int) -> Path:
    """Writes a file of which bytes were changed, or which ends too early."""
    dice = random.Random(seed)
    rows = [f"{CPF}{number}" for number in range(50)]
    pq.write_table(
        pa.table({"id": rows, "documento": rows}),
        path,
        compression=dice.choice(["snappy", "zstd", "gzip", "none", "brotli"]),
        use_dictionary=dice.random() < 0.5,
    )
    content = bytearray(path.read_bytes())
    if dice.random() < 0.3:
        content = content[: dice.randrange(len(content))]
    else:
        for _ in range(dice.randrange(1, 6)):
            content[dice.randrange(len(content))] = dice.randrange(256)
    path.write_bytes(content)
    return path
