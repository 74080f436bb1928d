"""Statistics that are cut, lie or are missing: a valid table is read in the order of its ids all the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from publisher.errors import GuardRefusal
from publisher.source import good_blocks
from publisher.table.table import open_table
from publisher.values import TableRef
from tests.opened_files import opened


def content(folder: Path) -> list[str]:
    """Returns the ids that would be published."""
    table = open_table(TableRef("parquet", str(folder)))
    return [line for block in good_blocks(table, 8192) for line in bytes(block.lines).decode().split("\n")]


def polars(ids: Sequence[str], file: Path) -> None:
    pl.DataFrame({"id": ids}).write_parquet(file, row_group_size=7)


def polars_streaming(ids: Sequence[str], file: Path) -> None:
    pl.LazyFrame({"id": ids}).sink_parquet(file)


def arrow(ids: Sequence[str], file: Path) -> None:
    pq.write_table(pa.table({"id": ids}), file, row_group_size=7)


def arrow_without_statistics(ids: Sequence[str], file: Path) -> None:
    pq.write_table(pa.table({"id": ids}), file, row_group_size=7, write_statistics=False)


def arrow_dictionary(ids: Sequence[str], file: Path) -> None:
    pq.write_table(pa.table({"id": pa.array(ids).dictionary_encode()}), file, write_statistics=False)


def with_duckdb(ids: Sequence[str], file: Path) -> None:
    duckdb.from_arrow(pa.table({"id": ids})).order("id").write_parquet(str(file))


def now_this_now_that(ids: Sequence[str], file: Path) -> None:
    random.Random(str(file.name)).choice([polars, arrow, arrow_without_statistics, with_duckdb])(ids, file)


Write = Callable[[Sequence[str], Path], None]
WRITERS: list[Write] = [
    polars, polars_streaming, arrow, arrow_without_statistics, arrow_dictionary, with_duckdb, now_this_now_that
]  # fmt: skip


@pytest.mark.parametrize("length", [0, 62, 63, 64, 65, 255, 256, 300, 5_000])
@pytest.mark.parametrize("write", WRITERS)
def test_ids_that_are_alike_up_to_where_a_writer_cuts(write: Write, length: int, tmp_path: Path) -> None:
    ids = sorted("é" * (length // 2) + "x" * (length % 2) + f"{number:03}" for number in range(240))
    parts = [ids[:1], ids[1:2], *(ids[begin : begin + 17] for begin in range(2, 240, 17))]  # two of a single row
    names = random.Random(length).sample(range(len(parts)), len(parts))
    for name, part in zip(names, parts, strict=True):
        write(part, tmp_path / f"part-{name:02}.parquet")
    assert content(tmp_path) == ids


def with_statistics(ids: Sequence[str], file: Path, low: bytes, high: bytes) -> None:
    """Writes a file whose footer says what another writer could have said."""
    pq.write_table(pa.table({"id": ids}), file, use_dictionary=False, compression="none", store_schema=False)
    raw = file.read_bytes()
    footer_bytes = int.from_bytes(raw[-8:-4], "little")
    data, footer = raw[: -8 - footer_bytes], raw[-8 - footer_bytes : -8]
    # Thrift's compact protocol: the fields max_value and min_value, as their one length and their bytes.
    said = b"".join(b"%c%c%s" % (mark, len(value), value) for mark, value in ((0x28, max_of(ids)), (0x18, min_of(ids))))
    lies = b"".join(b"%c%c%s" % (mark, len(value), value) for mark, value in ((0x28, high), (0x18, low)))
    assert footer.count(said) == 1
    footer = footer.replace(said, lies)
    file.write_bytes(data + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    statistics = pq.read_metadata(file).row_group(0).column(0).statistics
    assert (statistics.min_raw, statistics.max_raw) == (low, high)


def min_of(ids: Sequence[str]) -> bytes:
    return min(value.encode() for value in ids)


def max_of(ids: Sequence[str]) -> bytes:
    return max(value.encode() for value in ids)


File = tuple[list[str], bytes, bytes]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param([(["xx1", "xx2"], b"xx", b"xx"), (["xx3", "xx4"], b"xx", b"xx")], id="a maximum cut, not raised"),
        pytest.param([(["abc", "abd"], b"abc", b"abd"), (["abz"], b"ab", b"ab")], id="cut to what others begin with"),
        pytest.param([(["abc", "abd"], b"abc", b"abd"), (["abz", "b"], b"ab", b"b")], id="a minimum cut to that"),
        pytest.param(
            [(["a", "abx"], b"a", b"ab"), (["aby", "aca"], b"ab", b"ac"), (["acb"], b"ac", b"ac")], id="a chain of them"
        ),
        pytest.param(
            [(["a", "z"], b"a", b"z"), (["zé", "é"], "é".encode(), "zé".encode()), (["ê"], "ê".encode(), "ê".encode())],
            id="bytes compared with a sign",
        ),
        pytest.param(
            [(["aé", "bé"], b"a\xc3", b"b\xc3"), (["bê", "c"], b"b\xc3", b"c")], id="cut within a character"
        ),
        pytest.param([(["a", "b"], b"", b"\xff"), (["c", "d"], b"", b"\xff")], id="bounds of everything"),
    ],
)  # fmt: skip
def test_what_a_footer_says_need_not_be_true_to_the_letter(files: list[File], tmp_path: Path) -> None:
    for number, (ids, low, high) in enumerate(files):
        with_statistics(ids, tmp_path / f"{9 - number}.parquet", low, high)
    assert content(tmp_path) == [value for ids, _, _ in files for value in ids]


def test_files_that_overlap_are_refused_whatever_their_statistics_say(tmp_path: Path) -> None:
    with_statistics(["a", "c"], tmp_path / "1.parquet", b"a", b"a")
    with_statistics(["b", "d"], tmp_path / "2.parquet", b"b", b"d")
    with pytest.raises(GuardRefusal, match="not strictly ascending"):
        content(tmp_path)


def test_an_id_that_two_files_hold_is_refused(tmp_path: Path) -> None:
    for number in range(2):
        polars(["x" * 70], tmp_path / f"{number}.parquet")
    with pytest.raises(GuardRefusal, match="not strictly ascending"):
        content(tmp_path)


def test_only_files_whose_statistics_do_not_tell_are_opened_for_their_first_id(tmp_path: Path) -> None:
    for number, ids in enumerate((["a", "b"], ["c"], ["x" * 70 + "1"], ["x" * 70 + "2"], ["y"])):
        polars(ids, tmp_path / f"{number}.parquet")
    with opened([tmp_path]) as watched:
        open_table(TableRef("parquet", str(tmp_path)))
    assert sorted(file.stem for file in watched.files) == ["0", "1", "2", "2", "3", "3", "4"]


def test_of_a_file_without_statistics_its_first_page_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Of the second file no page but the first is whole.
    ids = [f"{number:020}" for number in range(200_000)]
    for number, part in enumerate((ids[100_000:], ids[:100_000])):
        file = tmp_path / f"{number}.parquet"
        pq.write_table(
            pa.table({"id": part}), file, write_statistics=False, use_dictionary=False, compression="none",
            data_page_size=10_000, write_page_checksum=True,
        )  # fmt: skip
        raw = bytearray(file.read_bytes())
        raw[100_000:-10_000] = bytes(len(raw) - 110_000)
        file.write_bytes(raw)
    table = open_table(TableRef("parquet", str(tmp_path)))
    assert [Path(file.file.path).stem for file in table.files] == ["1", "0"]


PARTITION = "year=2025/month=10/" + "x" * 60 + "/day="


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (["20251022"] * 3, "20251022"),
        (["20251022", "20251022", "20251023"], None),
        (["20251022", None, "20251022"], None),
        ([None, None, None], None),
        ([PARTITION + "22"] * 3, PARTITION + "22"),
        ([PARTITION + "22", PARTITION + "22", PARTITION + "23"], None),
        ([PARTITION + "22", None, PARTITION + "22"], None),
    ],
)
@pytest.mark.parametrize("has_statistics", [True, False])
def test_the_partition_is_what_all_rows_name(
    days: list[str | None], expected: str | None, has_statistics: bool, tmp_path: Path
) -> None:
    frame = pl.DataFrame({"id": ["a", "b", "c"], "source_partition": pl.Series(days, dtype=pl.String)})
    frame.write_parquet(tmp_path / "x.parquet", statistics=has_statistics)
    assert open_table(TableRef("parquet", str(tmp_path))).source_partitions == {expected}


def test_a_partition_whose_maximum_was_cut_and_not_raised_is_not_cut(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    ids = pa.table({"source_partition": [PARTITION + "22", PARTITION + "23"], "id": ["a", "b"]})
    pq.write_table(ids, file, use_dictionary=False, compression="none", store_schema=False)
    for day in (b"22", b"23"):  # both bounds say the same, as after a cut
        raw = file.read_bytes()
        place = raw.rindex(PARTITION.encode() + day) + len(PARTITION)
        file.write_bytes(raw[:place] + b"xx" + raw[place + 2 :])
    statistics = pq.read_metadata(file).row_group(0).column(0).statistics
    assert statistics.min_raw == statistics.max_raw
    assert open_table(TableRef("parquet", str(tmp_path))).source_partitions == {None}
