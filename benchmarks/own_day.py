"""The replaced job's own day: about one match for each document of table A, so that the scan is nearly all there is.

The shape of its files is that of the lake's: two columns that are read and two that are not, all documents with the
prefix, row groups of a million rows. The same arguments, the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

CPFS = 100_000
ROWS_PER_FILE = 5_000_000
_ROWS_PER_GROUP = 1_000_000
_DOCUMENTS, _IDS = 10**11, 10**10
_AT_ONCE = 2  # files; each takes a GB while it is made


def make_cpfs(folder: Path) -> None:
    """Writes table A as one Parquet file into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"documento": _digits(_cpfs(), 11)}), folder / "cpfs.parquet")


def make_day(folder: Path, day: str, rows: int, matching: int, progress: Callable[[int], None]) -> None:
    """Writes one partition of table B. Each day has the same ids; which of them match is another chance every day.

    Args:
        folder: The table's folder; the partition becomes `ano_mes_dia=<day>` in it.
        day: YYYYMMDD.
        rows: How many rows, each with an id of its own.
        matching: One record in so many belongs to a person of table A.
        progress: Called with the rows written so far.
    """
    unfinished = folder / f".{day}.partial"
    unfinished.mkdir(parents=True, exist_ok=True)
    cpfs = _cpfs()

    def make_file(first: int) -> int:
        count = min(ROWS_PER_FILE, rows - first)
        chance = np.random.default_rng((int(day), first))
        documents = chance.integers(0, _DOCUMENTS, size=count)
        hit = chance.random(count) * matching < 1
        documents[hit] = chance.choice(cpfs, size=hit.sum())
        columns = {
            "id": _digits(np.arange(first, first + count) * 7919 % _IDS, 10),
            "documento": _digits(documents, 14),
            "valor": chance.random(count),
            "canal": chance.integers(0, 9, size=count).astype("int32"),
        }
        file = unfinished / f"part-{first // ROWS_PER_FILE:05d}.parquet"
        pq.write_table(pa.table(columns), file, row_group_size=_ROWS_PER_GROUP)
        return first + count

    with ThreadPoolExecutor(_AT_ONCE) as makers:
        for done in makers.map(make_file, range(0, rows, ROWS_PER_FILE)):
            progress(done)
    unfinished.rename(folder / f"ano_mes_dia={day}")


def _cpfs() -> np.ndarray:
    chance = np.random.default_rng(1)
    some = np.unique(chance.integers(0, _DOCUMENTS, size=CPFS + 1000))  # a few come twice
    return chance.permutation(some)[:CPFS]


def _digits(numbers: np.ndarray, width: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width=width, padding="0")
