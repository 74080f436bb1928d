"""Which types are read as an id or a document: every form of text and of integer, of one kind in all files."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dbt_matched_ids import scan_sql
from dbt_matched_ids.invocation_cache import InvocationCache, Scanned
from publisher.errors import SourceNotReady, UsageError
from publisher.lake.files import LocalFiles
from publisher.lake.folder import FolderTable
from publisher.lake.kinds import Kind, kind_in_catalog, kind_of
from publisher.lake.partition_names import Chosen
from publisher.lake.scan import Column, Role

ID, CPF, DOCUMENT = Column("id", Role.ID), Column("documento", Role.CPF), Column("documento", Role.DOCUMENT)
ANY = Column("id", Role.OTHER)

TEXTS = {
    "string": pa.array(["0012"]),
    "large_string": pa.array(["0012"], pa.large_string()),
    "string_view": pa.array(["0012"], pa.string_view()),
    "binary": pa.array([b"0012"]),
    "large_binary": pa.array([b"0012"], pa.large_binary()),
    "dictionary": pa.array(["0012"]).dictionary_encode(),
}
INTEGERS = {
    **{
        str(kind): pa.array([7], kind)
        for kind in (pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64())
    },
    "largest": pa.array([18446744073709551615], pa.uint64()),
    "decimal": pa.array([Decimal(7)], pa.decimal128(12, 0)),
    "decimal38": pa.array([Decimal(10) ** 37], pa.decimal128(38, 0)),
    "dictionary of integers": pa.array([7], pa.int64()).dictionary_encode(),
}
OTHERS = {
    "double": pa.array([1.0]),
    "float": pa.array([1.0], pa.float32()),
    "decimal with a scale": pa.array([Decimal("1.00")], pa.decimal128(12, 2)),
    "decimal of 39 digits": pa.array([Decimal(1)], pa.decimal256(39, 0)),
    "timestamp": pa.array([datetime.datetime(2025, 10, 22)], pa.timestamp("us")),
    "timestamptz": pa.array([datetime.datetime(2025, 10, 22)], pa.timestamp("us", "UTC")),
    "date": pa.array([datetime.date(2025, 10, 22)]),
    "time": pa.array([datetime.time(1)]),
    "duration": pa.array([datetime.timedelta(1)]),
    "boolean": pa.array([True]),
    "list": pa.array([["a"]]),
    "struct": pa.array([{"a": "b"}]),
    "null": pa.array([None]),
    "fixed": pa.array([b"0012"], pa.binary(4)),
}


def write(folder: Path, *files: pa.Array, name: str = "id") -> FolderTable:
    folder.mkdir(exist_ok=True)
    for number, column in enumerate(files):
        pq.write_table(pa.table({name: column}), folder / f"part-{number}.parquet")
    return FolderTable(str(folder), LocalFiles())


def values(table: FolderTable, column: Column = ID) -> list[Any]:
    """What DuckDB reads."""
    query = scan_sql.select_of(table.scan(None, [column]), [column])
    return sorted(row[0] for row in duckdb.sql(query).fetchall())


@pytest.mark.parametrize("form", TEXTS.values(), ids=TEXTS)
def test_any_form_of_text_is_a_text(form: pa.Array, tmp_path: Path) -> None:
    table = write(tmp_path / "x", form, *TEXTS.values())
    assert set(values(table)) == {"0012"}
    assert table.scan(None, [ID]).kinds == {"id": Kind.TEXT}


@pytest.mark.parametrize("form", INTEGERS.values(), ids=INTEGERS)
def test_integers_of_any_width_print_as_themselves_whichever_file_comes_first(form: pa.Array, tmp_path: Path) -> None:
    columns = [form, *INTEGERS.values()]
    table = write(tmp_path / "x", *columns)
    assert values(table) == sorted(str(value) for column in columns for value in column.to_pylist())
    assert table.scan(None, [ID]).kinds == {"id": Kind.INTEGER}


@pytest.mark.parametrize("form", OTHERS.values(), ids=OTHERS)
def test_other_types_are_refused_in_whichever_file_they_are(form: pa.Array, tmp_path: Path) -> None:
    for columns in ([form], [TEXTS["string"], form], [form, INTEGERS["int64"]]):
        with pytest.raises(SourceNotReady, match="only texts and integers are read") as raised:
            write(tmp_path / "x", *columns).scan(None, [ID])
        assert f"part-{columns.index(form)}.parquet" in raised.value.message


def test_a_column_that_is_neither_id_nor_document_may_be_of_any_type_and_is_read_as_it_is(tmp_path: Path) -> None:
    for number, (name, form) in enumerate({**INTEGERS, **OTHERS}.items()):
        table = write(tmp_path / str(number), form, form)
        assert table.scan(None, [ANY]).files, name
    moments = [datetime.datetime(2025, 10, 22), datetime.datetime(2025, 10, 23)]
    stored = [pa.array([moment], pa.timestamp("us")) for moment in moments]
    assert values(write(tmp_path / "moments", *stored), ANY) == moments
    assert set(values(write(tmp_path / "texts", *TEXTS.values()), ANY)) == {"0012"}


@pytest.mark.parametrize(
    "names", [("int64", "int32"), ("double", "float"), ("timestamp", "date"), ("string", "double"), ("int64", "double")]
)
def test_such_a_column_of_two_types_is_refused_with_the_two_files(names: tuple[str, str], tmp_path: Path) -> None:
    forms = {**TEXTS, **INTEGERS, **OTHERS}
    for first, second in (names, names[::-1]):
        table = write(tmp_path / f"{first} {second}", forms[first], forms[first], forms[second])
        with pytest.raises(SourceNotReady, match=r"of two (types|kinds)") as raised:
            table.scan(None, [ANY])
        for name in ("part-0.parquet", "part-2.parquet"):
            assert name in raised.value.message


@pytest.mark.parametrize("columns", [("int64", "string"), ("string", "int64"), ("binary", "decimal")])
def test_a_mix_of_kinds_is_refused_with_the_two_files(columns: tuple[str, str], tmp_path: Path) -> None:
    forms = {**TEXTS, **INTEGERS}
    table = write(tmp_path / "x", forms[columns[0]], forms[columns[0]], forms[columns[1]])
    with pytest.raises(SourceNotReady, match="of two kinds") as raised:
        table.scan(None, [ID])
    for name in ("part-0.parquet", "part-2.parquet"):
        assert name in raised.value.message


def test_table_a_may_have_numbers_and_table_b_may_not(tmp_path: Path) -> None:
    table = write(tmp_path / "x", pa.array([12345678979]), name="documento")
    assert table.scan(None, [CPF]).kinds == {"documento": Kind.INTEGER}
    with pytest.raises(SourceNotReady, match="no prefix of zeros survives in a number") as raised:
        table.scan(None, [DOCUMENT])
    assert "12345678979" not in str(raised.value) + raised.value.hint


def test_a_file_without_the_column_is_named(tmp_path: Path) -> None:
    table = write(tmp_path / "x", TEXTS["string"])
    pq.write_table(pa.table({"other": ["b"]}), tmp_path / "x/part-1.parquet")
    with pytest.raises(SourceNotReady, match=r"part-1.parquet was written without the column id"):
        table.scan(None, [ID])
    pq.write_table(pa.table({"ID": ["0013"]}), tmp_path / "x/part-1.parquet")  # case does not matter
    assert values(table) == ["0012", "0013"]


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [({"ID": ["b"], "id": ["c"]}, "id"), ({"x": ["a"], "X": ["b"], "x_1": ["c"]}, "x_1")],
)
def test_a_name_that_duckdb_gives_to_another_column_is_refused(
    columns: dict[str, list[str]], wanted: str, tmp_path: Path
) -> None:
    """DuckDB calls the second of two names that differ in case by a number."""
    table = write(tmp_path / "x", TEXTS["string"], name=wanted)
    pq.write_table(pa.table(columns), tmp_path / "x/part-1.parquet")
    with pytest.raises(SourceNotReady, match=r"part-1.parquet has columns that are called \w+ where case does not"):
        table.scan(None, [Column(wanted, Role.ID)])


@pytest.mark.parametrize("name", ["a*.parquet", "a'b.parquet", "[x].parquet", "a\nb.parquet", "a\udcff.parquet"])
def test_a_file_that_cannot_be_named_to_duckdb_is_refused(name: str, tmp_path: Path) -> None:
    table = write(tmp_path / "x", TEXTS["string"])
    (tmp_path / "x/part-0.parquet").rename(tmp_path / "x" / name)
    with pytest.raises(UsageError, match="a control character or no UTF-8 in its name") as raised:
        values(table)
    assert raised.value.message.isascii()


def test_files_of_other_signs_in_their_names_are_read(tmp_path: Path) -> None:
    table = write(tmp_path / "x", *[TEXTS["string"]] * 4)
    for number, name in enumerate(["{a,b}.parquet", 'a"b\\n.parquet', "é$HOME%41;#.parquet", "~"]):
        (tmp_path / f"x/part-{number}.parquet").rename(tmp_path / "x" / name)
    assert values(table) == ["0012"] * 4


def test_the_values_of_a_partition_are_its_own_whatever_its_files_say(tmp_path: Path) -> None:
    folder = tmp_path / "x/dt=20251022"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"id": ["a"], "dt": ["wrong"]}), folder / "a.parquet")
    wanted = [Column(name, Role.OTHER) for name in ("DT", "id")]
    read = InvocationCache().scan(str(tmp_path / "x"), Chosen("20251022", {"dt": "20251022"}), wanted)
    assert duckdb.sql(f"select id, dt from ({read.sql}) as rows").fetchall() == [("a", "20251022")]


def test_files_without_rows_say_nothing_of_types(tmp_path: Path) -> None:
    table = write(tmp_path / "x", pa.array([], pa.float64()), TEXTS["string"], pa.array([], pa.null()))
    assert values(table) == ["0012"]
    assert values(write(tmp_path / "y", pa.array([], pa.null()))) == []


def test_what_is_no_parquet_is_named(tmp_path: Path) -> None:
    table = write(tmp_path / "x", TEXTS["string"])
    (tmp_path / "x/part-1.csv").write_text("id\n12345678979\n")
    with pytest.raises(SourceNotReady, match=r"part-1.csv cannot be read as Parquet") as raised:
        table.scan(None, [ID])
    assert "12345678979" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("string", Kind.TEXT), ("varchar(20)", Kind.TEXT), ("binary", Kind.TEXT), ("char(14)", Kind.OTHER),
        ("INT", Kind.INTEGER), ("bigint", Kind.INTEGER), ("tinyint", Kind.INTEGER), ("decimal(20,0)", Kind.INTEGER),
        ("decimal(20, 0)", Kind.INTEGER), ("decimal(12,2)", Kind.OTHER), ("decimal(10)", Kind.INTEGER),
        ("double", Kind.OTHER), ("timestamp", Kind.OTHER), ("date", Kind.OTHER), ("boolean", Kind.OTHER),
        ("array<string>", Kind.OTHER), ("struct<a:string>", Kind.OTHER), ("map<string,string>", Kind.OTHER),
    ],
)  # fmt: skip
def test_a_catalog_names_the_same_kinds(name: str, kind: Kind) -> None:
    assert kind_in_catalog(name) is kind


def test_an_arrow_type_within_another_is_looked_into() -> None:
    assert kind_of(pa.dictionary(pa.int32(), pa.dictionary(pa.int32(), pa.string()))) is Kind.TEXT


def test_each_engine_refuses_only_the_names_that_it_cannot_read_itself(tmp_path: Path) -> None:
    """DuckDB takes [ for a pattern; Spark, which names files only where their integers differ, takes braces for one."""
    wanted = (ID,)
    braces = Scanned(write(tmp_path / "{a,b}", pa.array([7], pa.int32()), pa.array([8])).scan(None, wanted), wanted)
    assert sorted(row[0] for row in duckdb.sql(braces.sql).fetchall()) == ["7", "8"]
    with pytest.raises(UsageError, match="has a sign of a pattern in its name"):
        assert braces.spark_sql
    brackets = Scanned(write(tmp_path / "a[1]", TEXTS["string"], TEXTS["large_string"]).scan(None, wanted), wanted)
    assert brackets.spark_sql is None
    with pytest.raises(UsageError, match="has a wildcard"):
        assert brackets.sql
