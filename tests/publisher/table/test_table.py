"""Tables as other writers leave them: every one must come out as the same ids, in order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from publisher.errors import SourceNotReady
from publisher.file.blocks import blocks
from publisher.table.summary import read_summary
from publisher.table.table import open_table
from publisher.values import TableRef
from tests.conftest import WriteTable

IDS = sorted(f"{number * 7919 % 100_003:06}" for number in range(20_000))


def content(location: Path, id_column: str = "id") -> list[str]:
    table = open_table(TableRef("parquet", str(location), id_column))
    lines = b"\n".join(bytes(block.lines) for block in blocks(table.id_arrays()))
    assert table.rows == lines.count(b"\n") + 1
    return lines.decode().split("\n")


def duckdb_zstd(folder: Path) -> None:
    pd.DataFrame({"id": IDS}).to_parquet(source := folder.with_name("source.parquet"))
    options = "(format parquet, compression zstd, row_group_size 2048)"
    duckdb.sql(f"copy (from '{source}' order by id) to '{source.with_name('data_0.parquet')}' {options}")
    source.with_name("data_0.parquet").rename(folder / "data_0.parquet")


def pandas_snappy(folder: Path) -> None:
    pd.DataFrame({"id": IDS, "other": range(len(IDS))}).to_parquet(folder / "data", compression="snappy")


def pandas_categories(folder: Path) -> None:
    pd.DataFrame({"id": pd.Categorical(IDS)}).to_parquet(folder / "data.parquet")


def plain_encoding_small_groups(folder: Path) -> None:
    pq.write_table(
        pa.table({"id": IDS}), folder / "x.parquet", use_dictionary=False, row_group_size=100, compression="none"
    )


def large_strings(folder: Path) -> None:
    pq.write_table(pa.table({"id": pa.array(IDS, pa.large_string())}), folder / "x.parquet")


def string_views(folder: Path) -> None:
    pq.write_table(pa.table({"id": pa.array(IDS, pa.string_view())}), folder / "x.parquet")


def dictionaries(folder: Path) -> None:
    pq.write_table(pa.table({"id": pa.array(IDS).dictionary_encode()}), folder / "x.parquet", row_group_size=999)


def new_format_with_page_index(folder: Path) -> None:
    pq.write_table(
        pa.table({"id": IDS}), folder / "x.parquet", version="2.6", data_page_version="2.0", write_page_index=True,
        column_encoding={"id": "DELTA_BYTE_ARRAY"}, use_dictionary=False,
    )  # fmt: skip


def many_files_in_another_order(folder: Path) -> None:
    # data_10 sorts before data_2, and the numbers run backwards on top.
    for number in range(12):
        part = IDS[number * 2000 : (number + 1) * 2000]
        pq.write_table(pa.table({"id": pa.array(part, pa.string())}), folder / f"data_{12 - number}.parquet")


def with_files_that_hold_nothing(folder: Path) -> None:
    pq.write_table(pa.table({"id": IDS}), folder / "part-1.parquet")
    pq.write_table(pa.table({"id": pa.array([], pa.string())}), folder / "part-0.parquet")
    (folder / "part-2.parquet").touch()
    (folder / "_SUCCESS").touch()
    (folder / "_metadata").write_text("not a data file")
    (folder / ".part-1.parquet.crc").write_text("not a data file")
    (folder / "_temporary").mkdir()
    (folder / "_temporary" / "part-9.parquet").write_text("an unfinished write")


def without_statistics(folder: Path) -> None:
    for number in range(2):
        part = IDS[number * 10_000 : (number + 1) * 10_000]
        pq.write_table(pa.table({"id": part}), folder / f"part-{number}.parquet", write_statistics=False)


WRITERS: list[Callable[[Path], None]] = [
    duckdb_zstd, pandas_snappy, pandas_categories, plain_encoding_small_groups, large_strings, string_views,
    dictionaries, new_format_with_page_index, many_files_in_another_order, with_files_that_hold_nothing,
    without_statistics,
]  # fmt: skip


@pytest.mark.parametrize("write", WRITERS)
def test_every_writer_s_table_is_the_same_ids_in_order(write: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "a table's folder"
    folder.mkdir()
    write(folder)
    assert content(folder) == IDS


def test_a_single_file_is_a_table(write_table: WriteTable) -> None:
    assert content(next(write_table(["a", "b"]).iterdir())) == ["a", "b"]


def test_another_column_can_be_the_id(tmp_path: Path) -> None:
    pq.write_table(pa.table({"conta": ["a"], "id": [1]}), tmp_path / "x.parquet")
    assert content(tmp_path, "conta") == ["a"]


def test_the_partition_is_read_from_the_footers(write_table: WriteTable) -> None:
    table = open_table(TableRef("parquet", str(write_table(["a"], ["b"], partition="20251022"))))
    assert table.source_partitions == {"20251022"}
    assert open_table(TableRef("parquet", str(write_table(["a"])))).source_partitions == {None}


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([1, 2]), "is int64, not text"),
        (pa.array([1.5]), "is double, not text"),
        (pa.array([b"a"]), "is binary, not text"),
        (pa.array([["a"]]), "not text"),
        (pa.array([1, 1]).dictionary_encode(), "not text"),
    ],
)
def test_ids_of_another_type_are_refused_not_converted(column: pa.Array, words: str, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": column}), tmp_path / "x.parquet")
    with pytest.raises(SourceNotReady, match=words):
        content(tmp_path)


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    pq.write_table(pa.table({"conta": ["a"], "saldo": [1]}), tmp_path / "x.parquet")
    with pytest.raises(SourceNotReady, match="no column id; it has conta, saldo") as raised:
        content(tmp_path)
    assert "--id-column" in raised.value.hint


def test_a_missing_folder_is_a_missing_table(tmp_path: Path) -> None:
    with pytest.raises(SourceNotReady, match="does not exist"):
        content(tmp_path / "nowhere")


@pytest.mark.parametrize("damage", ["text", "cut", "page"])
def test_a_damaged_file_is_named(damage: str, write_table: WriteTable) -> None:
    folder = write_table(["a", "b"], [f"c{number:05}" for number in range(50_000)])
    file = folder / "part-00001.parquet"
    raw = bytearray(file.read_bytes())
    if damage == "text":
        file.write_text("this is no Parquet, whatever its name")
    elif damage == "cut":
        file.write_bytes(raw[:-100])
    else:
        raw[1000:3000] = bytes(2000)
        file.write_bytes(raw)
    with pytest.raises(SourceNotReady, match=r"part-00001\.parquet cannot be read as Parquet") as raised:
        content(folder)
    assert raised.value.exit_code == 5


def test_a_flipped_bit_is_found_by_the_page_checksum(tmp_path: Path) -> None:
    # In plain encoding without compression a flipped bit is just another id; Spark writes checksums, as here.
    file = tmp_path / "x.parquet"
    pq.write_table(
        pa.table({"id": IDS}), file, compression="none", use_dictionary=False, write_page_checksum=True
    )  # fmt: skip
    raw = bytearray(file.read_bytes())
    place = raw.index(IDS[5000].encode())
    raw[place] ^= 1
    file.write_bytes(raw)
    with pytest.raises(SourceNotReady, match="cannot be read as Parquet"):
        content(tmp_path)


def test_a_file_that_vanishes_between_listing_and_reading_is_named(write_table: WriteTable) -> None:
    folder = write_table(["a"], ["b"])
    table = open_table(TableRef("parquet", str(folder)))
    (folder / "part-00001.parquet").unlink()
    with pytest.raises(SourceNotReady, match=r"part-00001\.parquet of the table was removed"):
        list(table.id_arrays())


SUMMARY = {
    "source_partition": ["20251022"], "total_ids": [2], "min_id": ["a"], "max_id": ["b"], "total_id_bytes": [2],
    "dbt_invocation_id": ["an invocation"], "built_at": [datetime(2025, 10, 22, 6, 30, 1, 234567, timezone.utc)],
}  # fmt: skip


def test_a_summary_is_one_row(tmp_path: Path) -> None:
    pq.write_table(pa.table(SUMMARY), tmp_path / "x.parquet")
    summary = read_summary(TableRef("parquet", str(tmp_path)))
    assert (summary.total_ids, summary.source_partition) == (2, "20251022")
    assert [summary.built_at] == SUMMARY["built_at"]
    assert (summary.document_prefix, summary.total_cpfs) == (None, None)  # an older build's row


def test_a_summary_tells_what_was_counted_on_both_sides(tmp_path: Path) -> None:
    counted = {"total_records": 4, "document_prefix": "000", "total_cpfs": 3, "usable_cpfs": 2, "sampled_records": None}
    columns = {**SUMMARY, **{name: [value] for name, value in counted.items()}}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    summary = read_summary(TableRef("parquet", str(tmp_path)))
    assert {name: getattr(summary, name) for name in counted} == counted
    assert summary.sampled_with_prefix is None


def test_a_summary_whose_time_is_a_text_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({**SUMMARY, "built_at": ["2025-10-22"]}), tmp_path / "x.parquet")
    with pytest.raises(SourceNotReady, match="built_at"):
        read_summary(TableRef("parquet", str(tmp_path)))


def test_a_summary_of_two_rows_none_or_other_columns_is_refused(tmp_path: Path) -> None:
    ref = TableRef("parquet", str(tmp_path))
    with pytest.raises(SourceNotReady, match="no row"):
        read_summary(ref)
    pq.write_table(pa.table(SUMMARY).drop_columns(["total_ids"]), tmp_path / "x.parquet")
    with pytest.raises(SourceNotReady, match="lacks total_ids"):
        read_summary(ref)
    pq.write_table(pa.table(SUMMARY), tmp_path / "x.parquet")
    pq.write_table(pa.table(SUMMARY), tmp_path / "y.parquet")
    with pytest.raises(SourceNotReady, match="more than one row"):
        read_summary(ref)
