"""What is measured on: raw tables, tables of ids, and what yesterday's file held. Kept between runs, by their sizes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks import own_day
from demo import data

YESTERDAY, NEWEST = "20251021", "20251022"
OLDER = ("20251020", YESTERDAY)
MATCHING = 60  # 300 million rows give 5 million ids
_ROWS_PER_FILE = 5_000_000
_LEAST_OLDER_ROWS = 2000  # so that some match
_PIECE_BYTES = 1 << 20
_ZLIB_LEVEL = 6

Say = Callable[[str], None]


class UnfitSample(Exception):
    """The sample data would not show a mistake that it is there to show."""


@dataclass(frozen=True)
class Ids:
    """A table of ids: sorted, none twice.

    Attributes:
        folder: Holds one Parquet file.
        count: How many.
        id_bytes: Their lengths together.
    """

    folder: Path
    count: int
    id_bytes: int

    @property
    def file(self) -> Path:
        """The Parquet file."""
        return self.folder / "ids.parquet"


@dataclass(frozen=True)
class RawTables:
    """Tables A and B, and what a whole job must give.

    Attributes:
        folder: Holds `cpfs` and `records`.
        rows: Rows of the newest partition.
        partition_bytes: Its size.
        expected: The ids that match in it.
        yesterday: Nearly the same ids: one in a hundred is missing, another one in a hundred is gone today.
    """

    folder: Path
    rows: int
    partition_bytes: int
    expected: Ids
    yesterday: Ids

    @property
    def cpfs(self) -> Path:
        """Table A's folder."""
        return self.folder / "cpfs"

    @property
    def records(self) -> Path:
        """Table B's folder."""
        return self.folder / "records"

    @property
    def files(self) -> list[Path]:
        """What a job reads."""
        return [*self.cpfs.glob("*.parquet"), *sorted((self.records / f"ano_mes_dia={NEWEST}").glob("*.parquet"))]


@dataclass(frozen=True)
class Publishing:
    """A table of ids to publish, and the same as text.

    Attributes:
        today: The table.
        yesterday: What was published before it.
        text: The ids, one a line.
        text_md5: The text's digest.
        zlib_bytes: The text's size after zlib's level 6; None for a table for which that takes too long.
    """

    today: Ids
    yesterday: Ids
    text: Path
    text_md5: str
    zlib_bytes: int | None


def raw_tables(folder: Path, rows: int, say: Say) -> RawTables:
    """Makes tables A and B, unless they are there.

    Args:
        folder: Where all sample data is.
        rows: Rows of the newest partition; the two older ones have a hundredth.
        say: Is told what is being done.

    Raises:
        UnfitSample: Reading the older partitions too would not be noticed.
    """

    def make_day(records: Path, day: str, day_rows: int, watch: Callable[[int], None]) -> None:
        files = max(data.FILES_PER_PARTITION, -(-day_rows // _ROWS_PER_FILE))
        data.make_day(records, day, day_rows, matching=MATCHING, files=files, progress=watch)

    return _raw_tables(folder / f"rows-{rows}", rows, data.make_cpfs, make_day, say)


def own_day_of_replaced_job(folder: Path, rows: int, say: Say) -> RawTables:
    """Makes tables A and B as the replaced job has them, unless they are there: about a match for each of A's rows.

    Args:
        folder: Where all sample data is.
        rows: Rows of the newest partition; the two older ones have a hundredth.
        say: Is told what is being done.

    Raises:
        UnfitSample: Reading the older partitions too would not be noticed.
    """
    matching = max(MATCHING, rows // own_day.CPFS)  # few rows must not match all of them

    def make_day(records: Path, day: str, day_rows: int, watch: Callable[[int], None]) -> None:
        own_day.make_day(records, day, day_rows, matching, watch)

    return _raw_tables(folder / f"own-day-{rows}", rows, own_day.make_cpfs, make_day, say)


def publishing(folder: Path, count: int, *, with_zlib: bool, say: Say) -> Publishing:
    """Makes a table of ten-digit ids as the models write it, unless it is there.

    Args:
        folder: Where all sample data is.
        count: How many ids.
        with_zlib: Whether to find out what zlib makes of them.
        say: Is told what is being done.
    """
    folder = folder / f"ids-{count}"
    say(f"{count:,} ids")
    # The ids of one record in MATCHING, as in table B: the records' numbers are multiplied by 7919 there too.
    today = _ids(
        folder / "today",
        f"""
        select lpad((((i * {MATCHING} + (i * 2654435761) % 4294967291 % {MATCHING}) * 7919 + 104729)
            % 10000000000)::varchar, 10, '0') as id
        from range({count}) as numbers(i)
        """,
    )
    yesterday = _ids(folder / "yesterday", _day_before(today.file), YESTERDAY)
    text = folder / "ids.txt"
    if not text.exists():
        with duckdb.connect() as connection:
            unfinished = text.with_suffix(".partial")
            connection.execute(
                f"copy (select id from '{today.file}' order by id) to '{unfinished}' (format csv, header false)"
            )
            unfinished.rename(text)
    return Publishing(today, yesterday, text, *_facts_of_text(text, with_zlib=with_zlib))


def many_partitions(tables: RawTables, folder: Path, count: int) -> Path:
    """Makes a table B of many daily partitions up to the newest, each with the same small file. Returns its folder."""
    records = folder / f"partitions-{count}"
    newest = date(int(NEWEST[:4]), int(NEWEST[4:6]), int(NEWEST[6:]))
    source = min((tables.records / f"ano_mes_dia={NEWEST}").iterdir())
    for days_before in range(count):
        partition = records / f"ano_mes_dia={newest - timedelta(days_before):%Y%m%d}"
        partition.mkdir(parents=True, exist_ok=True)
        if not (partition / "part-0.parquet").exists():
            os.link(source, partition / "part-0.parquet")
    return records


def _raw_tables(
    folder: Path,
    rows: int,
    make_cpfs: Callable[[Path], None],
    make_day: Callable[[Path, str, int, Callable[[int], None]], None],
    say: Say,
) -> RawTables:
    if not (folder / "cpfs" / "cpfs.parquet").exists():
        make_cpfs(folder / "cpfs")
    for leftover in (folder / "records").glob(".*.partial"):
        shutil.rmtree(leftover)
    for day in (*OLDER, NEWEST):
        if not (folder / "records" / f"ano_mes_dia={day}").exists():
            day_rows = rows if day == NEWEST else max(rows // 100, _LEAST_OLDER_ROWS)

            def watch(done: int, day: str = day, day_rows: int = day_rows) -> None:
                say(f"{day}: {done:,} of {day_rows:,} rows")

            make_day(folder / "records", day, day_rows, watch)
    say("what must come out")
    expected = _ids(folder / "expected", _matches(folder, NEWEST))
    yesterday = _ids(folder / "yesterday", _day_before(expected.file), YESTERDAY)
    _require_telling_older_partitions(folder, expected)
    partition = folder / "records" / f"ano_mes_dia={NEWEST}"
    return RawTables(folder, rows, sum(file.stat().st_size for file in partition.iterdir()), expected, yesterday)


def _matches(folder: Path, day: str) -> str:
    """The job in its plainest form, as none of the contestants has it."""
    return f"""
        select distinct records.id
        from read_parquet('{folder}/records/ano_mes_dia={day}/*.parquet') as records
        join read_parquet('{folder}/cpfs/*.parquet') as cpfs on records.documento = concat('000', cpfs.documento)
    """


def _day_before(today: Path) -> str:
    return f"""
        with today as (select id, row_number() over (order by id) as place from '{today}')
        select id from today where place % 100 <> 0
        union
        select lpad(((id::bigint + 1) % 10000000000)::varchar, 10, '0') from today where place % 100 = 50
    """


def _ids(folder: Path, query: str, partition: str = NEWEST) -> Ids:
    """Writes what a query gives, sorted, as the models write their table, unless it is there."""
    ids = folder / "ids.parquet"
    with duckdb.connect() as connection:
        if not ids.exists():
            folder.mkdir(parents=True, exist_ok=True)
            connection.execute(
                f"copy (select id, '{partition}' as source_partition from ({query}) order by id)"
                f" to '{ids}' (format parquet, use_tmp_file true)"
            )
        count, id_bytes = connection.execute(f"select count(*), coalesce(sum(strlen(id)), 0) from '{ids}'").fetchone()
    return Ids(folder, count, int(id_bytes))


def _require_telling_older_partitions(folder: Path, expected: Ids) -> None:
    with duckdb.connect() as connection:
        for day in OLDER:
            query = f"select count(*) from ({_matches(folder, day)}) as older anti join '{expected.file}' using (id)"
            if not connection.execute(query).fetchone()[0]:
                raise UnfitSample(f"{folder}: no id matches in {day} alone; take more --rows")


def _facts_of_text(text: Path, *, with_zlib: bool) -> tuple[str, int | None]:
    """Returns a text's MD5 and its size after zlib; kept beside it."""
    kept = text.with_suffix(".json")
    md5, zlib_bytes = json.loads(kept.read_text()) if kept.exists() else (None, None)
    if md5 is None or (with_zlib and zlib_bytes is None):
        digest, compressor, compressed_bytes = hashlib.md5(usedforsecurity=False), zlib.compressobj(_ZLIB_LEVEL), 0
        with text.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                compressed_bytes += len(compressor.compress(piece)) if with_zlib else 0
        md5 = digest.hexdigest()
        zlib_bytes = compressed_bytes + len(compressor.flush()) if with_zlib else None
        kept.write_text(json.dumps([md5, zlib_bytes]))
    return md5, zlib_bytes
