"""The target `duckdb` on raw tables that their metadata names: Iceberg tables, and tables of the Glue Data Catalog."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.serializers import ToOutputFile
from pyiceberg.table import CommitTableResponse, Table, TableProperties
from pyiceberg.table.delete_file_index import PATH_FIELD_ID
from pyiceberg.table.metadata import TableMetadata, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import update_table_metadata
from pyiceberg.transforms import BucketTransform, IdentityTransform, Transform
from pyiceberg.typedef import Record
from pyiceberg.types import (
    BinaryType,
    DateType,
    DecimalType,
    DoubleType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimeType,
    UUIDType,
)

from dbt_matched_ids.duckdb.s3 import S3FileSystem
from dbt_matched_ids.invocation_cache import InvocationCache
from publisher.errors import PublisherError
from publisher.lake.iceberg.table import IcebergTable
from publisher.lake.partition_names import Chosen, levels_of
from publisher.lake.scan import Column, Role
from tests.conftest import PROJECT, Bucket
from tests.e2e.conftest import CPF_ONE, CPF_OTHER, CPF_TWO, Lake, fill_small_lake
from tests.e2e.test_duckdb import MACRO, Asked, answer, compiled, on_duckdb, published, result_of
from tests.publisher.lake import glue_server
from tests.publisher.lake.glue_server import GlueServer

OLD, NEW = "20251021", "20251022"
NO_DAY = "ano_mes_dia=__HIVE_DEFAULT_PARTITION__"
Rows = Sequence[tuple[Any, ...]]
Levels = Sequence[tuple[str, IcebergType, Transform[Any, Any] | None]]


class Folder(NoopCatalog):
    """Commits as a catalog of file-system tables does: the next version, and a hint that names it."""

    def commit_table(self, table: Table, requirements: Any, updates: Any) -> CommitTableResponse:
        for requirement in requirements:
            requirement.validate(table.metadata)
        metadata = update_table_metadata(table.metadata, updates)
        return CommitTableResponse.model_validate(
            {"metadata": metadata, "metadata-location": self.write(metadata, table.io)}
        )

    def write(self, metadata: TableMetadata, io: Any) -> str:
        version = 1
        while io.new_input(place := f"{metadata.location}/metadata/v{version}.metadata.json").exists():
            version += 1
        ToOutputFile.table_metadata(metadata, io.new_output(place))
        with io.new_output(f"{metadata.location}/metadata/version-hint.text").create(overwrite=True) as hint:
            hint.write(str(version).encode())
        return place


def create(
    location: Path | str,
    partition: IcebergType | None = StringType(),  # noqa: B008 -- they are all the same
    *,
    id_type: IcebergType = StringType(),  # noqa: B008
    more: Levels = (),
    properties: dict[str, str] | None = None,
) -> Table:
    """Makes a table of id, documento and, unless it is not partitioned, ano_mes_dia."""
    columns: list[tuple[str, IcebergType, Transform[Any, Any] | None]] = [
        ("id", id_type, None),
        ("documento", StringType(), None),
        *([("ano_mes_dia", partition, IdentityTransform())] if partition else []),
        *more,
    ]
    schema = Schema(*(NestedField(number, name, kind) for number, (name, kind, _) in enumerate(columns, 1)))
    levels = [
        PartitionField(number, 999 + number, by, name if isinstance(by, IdentityTransform) else f"{name}_computed")
        for number, (name, _, by) in enumerate(columns, 1)
        if by
    ]
    catalog, io = Folder("folder"), PyArrowFileIO(properties or {})
    metadata = new_table_metadata(schema, PartitionSpec(*levels), UNSORTED_SORT_ORDER, str(location), {})
    return Table(("raw", "table"), metadata, catalog.write(metadata, io), io, catalog)


def append(table: Table, rows: Rows) -> None:
    columns = list(zip(*rows, strict=True))
    schema = table.schema().as_arrow()
    table.append(
        pa.table([pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema=schema)
    )


def files_of(table: Table, day: str | None = None) -> list[str]:
    paths = [task.file.file_path for task in table.scan().plan_files()]
    return [path for path in paths if day is None or day in path]


def fill(table: Table, old: Any = OLD, new: Any = NEW) -> None:
    """The rows of `fill_small_lake`, the newest in two files, none of them in the order of their ids."""
    append(table, [("gone", "000" + CPF_ONE, old), ("a", "000" + CPF_ONE, old)])
    append(table, [("c", "000" + CPF_ONE, new), ("a", "000" + CPF_TWO, new)])
    append(table, [("b", "000" + CPF_ONE, new), ("x", "000" + CPF_OTHER, new)])


def expected(table: Table, column: str = "ano_mes_dia", value: Any = NEW) -> bytes:
    """The content by pyiceberg's own reading, and a join in Python."""
    rows = table.scan().to_arrow().to_pylist()
    wanted = {"000" + CPF_ONE, "000" + CPF_TWO}
    ids = {str(row["id"]) for row in rows if row[column] == value and row["documento"] in wanted}
    return "\n".join(sorted(ids, key=str.encode)).encode()


def spoil(table: Table, day: str) -> None:
    paths = files_of(table, day)
    assert paths
    for path in paths:
        Path(path).write_text("whoever opens this fails")


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    """Table A is a folder; table B is for the test to make in `records`, as a file-system table of Iceberg."""
    lake = on_duckdb(tmp_path, tmp_path)
    lake.write_cpfs([CPF_ONE, CPF_TWO])
    lake.settings["MATCHED_IDS_RECORDS_PATH"] = f"iceberg:{tmp_path}/records"
    yield lake
    assert lake.leaked_documents() == 0


def ids_of(lake: Lake) -> list[str]:
    ids: list[str] = pq.read_table(result_of(lake))["id"].to_pylist()
    return ids


def built(lake: Lake, *arguments: str, **variables: str) -> str:
    ended = lake.build(*arguments, variables=variables)
    assert ended.success, ended.output
    return ended.output


ID, DOCUMENT, CPF = Column("id", Role.ID), Column("documento", Role.DOCUMENT), Column("documento", Role.CPF)


class Raw:
    """What dbt would ask of one raw table, without dbt."""

    def __init__(self) -> None:
        self.setting = ""
        self.invocation = InvocationCache()
        self.connection = duckdb.connect()
        self.connection.register_filesystem(S3FileSystem(lambda: self.invocation))

    def look_at(self, setting: str) -> Raw:
        """Begins an invocation of dbt that reads this table."""
        self.setting = setting
        self.invocation = InvocationCache()
        return self

    def names(self, columns: str = "ano_mes_dia") -> list[str]:
        return self.invocation.table(self.setting).partition_names(columns.split(","))

    def rows(
        self, partition: str | None = NEW, columns: str = "ano_mes_dia", wanted: Sequence[Column] = (ID, DOCUMENT)
    ) -> list[dict[str, Any]]:
        chosen = None
        if partition is not None:
            chosen = Chosen(partition, levels_of(partition) if "=" in partition else {columns: partition})
        found = self.connection.execute(self.invocation.scan(self.setting, chosen, wanted).sql)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def column(self, name: str, partition: str | None = NEW, columns: str = "ano_mes_dia") -> list[Any]:
        """The values of one column, of the id where it is none of table B's documents or partitions."""
        asked = {"documento": [DOCUMENT if partition else CPF], **{key: [ID] for key in columns.split(",")}}
        wanted = asked.get(name, [Column(name, Role.ID)])
        return sorted((row[name] for row in self.rows(partition, columns, wanted)), key=str)

    def refusal(
        self,
        setting: str,
        partition: str | None = NEW,
        columns: str = "ano_mes_dia",
        wanted: Sequence[Column] = (ID, DOCUMENT),
    ) -> str:
        """The first error on the way that dbt goes, with what to do."""
        with pytest.raises(PublisherError) as raised:
            self.look_at(setting)
            if partition is not None:
                self.names(columns)
            self.rows(partition, columns, wanted)
        assert raised.value.hint
        said = f"{raised.value.message} {raised.value.hint}"
        assert "\n" not in said
        return said


@pytest.fixture
def raw() -> Raw:
    return Raw()


# By dbt, to the published file.


def test_the_newest_partition_alone_is_read_and_published(lake: Lake, bucket: Bucket) -> None:
    table = create(lake.records)
    fill(table)
    append(table, [("no day", "000" + CPF_ONE, None)])
    content = expected(table)
    spoil(table, f"ano_mes_dia={OLD}")
    spoil(table, "ano_mes_dia=null")
    output = built(lake)
    assert f"is read at {NEW} (2 considered, next newest {OLD}, 1 ignored: {NO_DAY} (null))" in output
    assert gzip.decompress(published(lake, bucket)) == content == b"a\nb\nc"
    assert set(pq.read_table(result_of(lake))["source_partition"].to_pylist()) == {NEW}
    assert OLD not in compiled(lake, "stg_records")
    built(lake, "--empty")
    assert ids_of(lake) == []
    assert answer(lake, f"select '', count(*)::varchar from warehouse.{lake.schema}.stg_records") == "0"


def test_both_tables_and_the_metadata_file_by_its_name(lake: Lake, bucket: Bucket) -> None:
    cpfs = create(lake.folder / "documents", None)
    append(cpfs, [("1", CPF_ONE), ("2", CPF_TWO)])
    table = create(lake.records)
    fill(table)
    lake.settings["MATCHED_IDS_CPFS_PATH"] = f"iceberg:file://{cpfs.metadata_location}"
    lake.settings["MATCHED_IDS_RECORDS_PATH"] = f"iceberg:{table.metadata_location}"
    append(cpfs, [("3", CPF_OTHER)])  # in a later version than the one that is named
    ended = lake.dbt("build")
    assert ended.success, ended.output
    assert re.search(r"PASS=\d+ WARN=0 ERROR=0 SKIP=0", ended.output)  # unit tests included
    assert gzip.decompress(published(lake, bucket)) == expected(table) == b"a\nb\nc"


def test_several_levels_by_a_pin_and_the_newest_are_told_by_metadata_alone(lake: Lake) -> None:
    levels: Levels = [("ano", IntegerType(), IdentityTransform()), ("Dia", StringType(), IdentityTransform())]
    table = create(lake.records, None, more=levels)
    days = [(2025, "30"), (2025, "9"), (2024, "31"), (2025, "1/2"), (2025, "9=9%"), (None, "31")]
    append(table, [(f"{number}", "000" + CPF_ONE, year, day) for number, (year, day) in enumerate(days)])
    built(lake, partition_columns="ano,dia", pinned_partition="ano=2025/dia=9")
    assert ids_of(lake) == ["1"]
    spoil(table, "")
    ended = lake.dbt("compile", "--inline", MACRO, variables={"partition_columns": "ano,dia"})
    assert ended.success, ended.output
    assert json.loads(ended.compiled)["name"] == "ano=2025/dia=30"
    assert "(3 considered, next newest ano=2025/dia=9, 3 ignored: " in ended.output
    for name in ("ano=2025/dia=1%2F2", "ano=2025/dia=9%3D9%25", "ano=__HIVE_DEFAULT_PARTITION__/dia=31"):
        assert name in ended.output


def test_what_is_committed_between_two_models_is_seen_by_none(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    table = create(lake.records)
    fill(table)
    names, begin = IcebergTable.partition_names, IcebergTable.__init__
    looks: list[str] = []

    def look(self: Any, *arguments: Any) -> None:
        looks.append(str(arguments[0]))
        begin(self, *arguments)

    def names_and_commit(self: Any, columns: Sequence[str]) -> list[str]:
        found = names(self, columns)
        append(table, [("late", "000" + CPF_ONE, NEW), ("later", "000" + CPF_ONE, "20251023")])
        return found

    monkeypatch.setattr(IcebergTable, "__init__", look)
    monkeypatch.setattr(IcebergTable, "partition_names", names_and_commit)
    built(lake)
    assert ids_of(lake) == ["a", "b", "c"]
    assert looks == [str(lake.records)]
    monkeypatch.undo()
    built(lake)  # and by the next invocation, in the same process
    assert ids_of(lake) == ["later"]


def test_a_refusal_of_dbt_names_the_table(lake: Lake) -> None:
    table = create(lake.records)
    fill(table)
    delete(table, {files_of(table, NEW)[0]: [0]}, content=DataFileContent.EQUALITY_DELETES)
    ended = lake.build()
    assert not ended.success
    path = f"{lake.folder}/records"
    assert f"The Iceberg table at {path} has equality deletes" in ended.output
    assert "Traceback" not in ended.output
    assert not result_of(lake).exists()
    for macro in ("raw_location('glue:raw.records', 'x')", "raw_location('iceberg:/x', 'x')"):  # as on `local`
        ended = lake.dbt("compile", "--inline", f"{{{{ {macro} }}}}")
        assert "only the target duckdb reads such a table by its path" in ended.output


# Which partition.


@pytest.mark.parametrize(
    ("kind", "old", "new", "shown"),
    [
        (StringType(), OLD, NEW, "20251022"),
        (IntegerType(), int(OLD), int(NEW), "20251022"),
        (LongType(), 9, 10, "10"),
        (DateType(), date(2025, 10, 21), date(2025, 10, 22), "2025-10-22"),
    ],
)
def test_partitions_have_the_texts_that_spark_gives_them(
    kind: IcebergType, old: Any, new: Any, shown: str, raw: Raw, tmp_path: Path
) -> None:
    table = create(tmp_path / "x", kind)
    fill(table, old, new)
    append(table, [("no day", "000" + CPF_ONE, None)])
    spoil(table, f"ano_mes_dia={old}")
    spoil(table, "ano_mes_dia=null")
    raw.look_at(f"iceberg:{tmp_path}/x")
    assert f"ano_mes_dia={shown}" in raw.names()
    assert "ano_mes_dia=__HIVE_DEFAULT_PARTITION__" in raw.names()
    assert len(raw.names()) == 3
    assert raw.column("id", shown) == ["a", "b", "c", "x"]
    assert raw.column("ano_mes_dia", shown) == [shown] * 4


def test_several_levels(raw: Raw, tmp_path: Path) -> None:
    levels: Levels = [(name, StringType(), IdentityTransform()) for name in ("mes", "regiao")]
    table = create(tmp_path / "x", IntegerType(), more=levels)
    for month in ("9", "10"):
        for region in ("norte", "sul"):
            append(table, [(f"{month} {region}", "000" + CPF_ONE, 2025, month, region)])
    raw.look_at(f"iceberg:{tmp_path}/x")
    columns = "ano_mes_dia,mes"
    assert raw.names(columns) == ["ano_mes_dia=2025/mes=10", "ano_mes_dia=2025/mes=9"]
    assert raw.column("id", "ano_mes_dia=2025/mes=9", columns) == ["9 norte", "9 sul"]
    assert raw.column("id", "sul", "regiao") == ["10 sul", "9 sul"]
    for pin in ("ano_mes_dia=2025/mes=09", "ano_mes_dia=02025/mes=9", "ano_mes_dia=x/mes=9"):
        said = raw.refusal(f"iceberg:{tmp_path}/x", pin, columns)
        assert re.search(r"There is no partition \S+ in the Iceberg table at .* pinned_partition", said)
    said = raw.refusal(f"iceberg:{tmp_path}/x", columns="id")
    assert f"the Iceberg table at {tmp_path}/x is not partitioned by id; its partition columns are ano_" in said
    # A level that the partition is not chosen by is none of the files' columns either: a file may lack it.
    for name in ("Regiao", "mes"):
        said = raw.refusal(f"iceberg:{tmp_path}/x", "2025", wanted=[ID, Column(name, Role.DOCUMENT)])
        assert f"The column {name} of the Iceberg table at {tmp_path}/x, the document of table B, is a part" in said


def test_levels_that_came_later_do_not_hide_the_first(raw: Raw, tmp_path: Path) -> None:
    table = create(tmp_path / "x", more=[("regiao", StringType(), None)])
    append(table, [("a", "x", NEW, "sul")])
    with table.update_spec() as change:
        change.add_identity("regiao")
    append(table, [("b", "x", NEW, "sul"), ("z", "x", OLD, "sul")])
    with table.update_spec() as change:
        change.add_field("id", BucketTransform(2), "by_id")
    path = foreign_file(tmp_path, "one", id=["c"], documento=["x"])  # as Hive: levels are no columns
    add_file(table, path, Record(NEW, "sul", 1), FileFormat.PARQUET)
    setting = f"iceberg:{tmp_path}/x"
    raw.look_at(setting)
    assert raw.names() == ["ano_mes_dia=20251021", "ano_mes_dia=20251022"]
    assert raw.column("id") == ["a", "b", "c"]
    assert "is a partition column" in raw.refusal(setting, wanted=[Column("regiao", Role.ID)])  # which one file lacks
    raw.look_at(setting)
    assert "some of its files do not tell their regiao." in raw.refusal(setting, columns="regiao")
    words = "is not partitioned by id; its partition columns are ano_mes_dia, regiao, bucket[2](id)."
    assert words in raw.refusal(setting, columns="id")


# Columns.


def test_columns_are_found_by_their_ids(raw: Raw, tmp_path: Path) -> None:
    junk: Levels = [("junk", StringType(), None), ("junk2", StringType(), None)]
    table = create(tmp_path / "x", id_type=IntegerType(), more=junk)
    append(table, [(1, "x", NEW, "first", "wrong")])
    with table.update_schema() as change:
        change.rename_column("documento", "old")
        change.rename_column("junk", "documento")
        change.delete_column("junk2")
        change.update_column("id", LongType())
    with table.update_schema() as change:
        change.add_column("junk2", StringType())  # another column of that name
    append(table, [(1 << 40, "x", NEW, "second", "y")])
    raw.look_at(f"iceberg:{tmp_path}/x")
    own = sorted((str(row["id"]), row["documento"], row["junk2"]) for row in table.scan().to_arrow().to_pylist())
    wanted = [ID, DOCUMENT, Column("junk2", Role.DOCUMENT)]
    assert sorted((row["id"], row["documento"], row["junk2"]) for row in raw.rows(wanted=wanted)) == own
    assert own == [("1", "first", None), (str(1 << 40), "second", "y")]


def test_only_the_columns_that_are_asked_for_have_to_be_readable(raw: Raw, tmp_path: Path) -> None:
    struct = StructType(NestedField(20, "id", StringType()), NestedField(21, "documento", StringType()))
    more: Levels = [
        ("when", TimestampType(), None), ("twice", StringType(), None), ("TWICE", IntegerType(), None),
        ("nested", struct, None), ("several", ListType(22, StringType()), None), ("d", DoubleType(), None),
    ]  # fmt: skip
    table = create(tmp_path / "x", more=more)
    rest = (datetime(2025, 10, 22), "a", 1, {"id": "no", "documento": "no"}, ["no"], 1.5)
    append(table, [("old", "x", NEW, *rest)])
    with table.update_schema() as change:
        change.add_column("at", TimeType(), default_value=time(1))
    append(table, [("new", "y", NEW, *rest, time(2))])
    raw.look_at(f"iceberg:{tmp_path}/x")
    assert sorted(raw.rows(), key=str) == [
        {"id": "new", "documento": "y", "ano_mes_dia": NEW},
        {"id": "old", "documento": "x", "ano_mes_dia": NEW},
    ]
    kinds = {"when": "timestamp", "at": "time", "d": "double", "nested": "struct<", "several": "list<"}
    for name, kind in kinds.items():
        said = raw.refusal(f"iceberg:{tmp_path}/x", wanted=[Column(name, Role.ID)])
        assert f"The column {name} of the Iceberg table at {tmp_path}/x, the id, is {kind}" in said
        assert "in its metadata: only texts and integers are read. Cast the column" in said
    said = raw.refusal(f"iceberg:{tmp_path}/x", wanted=[Column("twice", Role.ID)])
    assert "has 2 columns called twice where case does not matter: twice and TWICE. Rename one" in said
    assert "has no column ident; it has id, documento, " in raw.refusal(
        f"iceberg:{tmp_path}/x", wanted=[Column("ident", Role.ID)]
    )


def test_a_file_in_which_another_column_had_the_name_but_for_its_case_is_refused(raw: Raw, tmp_path: Path) -> None:
    """DuckDB would call the second one `id_1`, and read the first."""
    table = create(tmp_path / "x", more=[("ID", StringType(), None)])
    append(table, [("right", "x", NEW, "wrong")])
    with table.update_schema() as change:
        change.rename_column("ID", "other")
    append(table, [("right too", "x", NEW, "wrong")])
    said = raw.refusal(f"iceberg:{tmp_path}/x")
    assert re.search(r"The file \S+ has columns that are called id where case does not matter. Have it written", said)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (StringType(), "é", "é"), (LongType(), 7, "7"), (BinaryType(), b"01", "01"), (DecimalType(10, 0), 100, "100"),
        (UUIDType(), UUID(int=7), str(UUID(int=7))),
    ],
)  # fmt: skip
def test_a_file_without_the_column_has_its_initial_value(
    kind: IcebergType, value: Any, text: str, raw: Raw, tmp_path: Path
) -> None:
    table = create(tmp_path / "x")
    append(table, [("a", "x", NEW)])
    with table.update_schema() as change:
        change.add_column("with", kind, default_value=value)
        change.add_column("without", kind)
    setting = f"iceberg:{tmp_path}/x"
    assert raw.look_at(setting).column("with") == [text]
    assert raw.look_at(setting).column("without") == [None]


def test_a_column_renamed_after_the_last_snapshot_has_its_new_name(raw: Raw, tmp_path: Path) -> None:
    table = create(tmp_path / "x")
    fill(table)
    with table.update_schema() as change:
        change.rename_column("id", "ident")
        change.rename_column("ano_mes_dia", "dt")
    raw.look_at(f"iceberg:{tmp_path}/x")
    assert raw.names("dt") == ["dt=20251021", "dt=20251022"]
    assert raw.column("ident", columns="dt") == ["a", "b", "c", "x"]


def add_file(table: Table, path: str, partition: Record, file_format: FileFormat) -> None:
    """Commits a file as it is."""
    with table.transaction() as transaction, transaction.update_snapshot().fast_append() as update:
        file = DataFile.from_args(
            content=DataFileContent.DATA, file_path=path, file_format=file_format, partition=partition,
            record_count=1, file_size_in_bytes=1,
        )  # fmt: skip
        file.spec_id = table.spec().spec_id
        update.append_data_file(file)


def foreign_file(folder: Path, name: str, **columns: list[str]) -> str:
    """A file that another engine wrote: without field ids."""
    path = folder / f"{name}.parquet"
    pq.write_table(pa.table(columns), path)
    return str(path)


def test_files_without_field_ids_are_read_by_the_name_mapping(raw: Raw, tmp_path: Path) -> None:
    table = create(tmp_path / "x", more=[("more", StringType(), None)])
    table.add_files([foreign_file(tmp_path, "one", documento=["x"], id=["one"], ano_mes_dia=[NEW], more=["m"])])
    append(table, [("b", "x", NEW, "n")])
    with table.update_schema() as change:
        change.rename_column("id", "ident")
    append(table, [("c", "x", NEW, "o")])
    table.add_files([foreign_file(tmp_path, "two", ident=["two"], documento=["x"], ano_mes_dia=[NEW])])
    assert table.metadata.name_mapping() is not None
    raw.look_at(f"iceberg:{tmp_path}/x")
    assert raw.column("ident") == ["b", "c", "one", "two"]
    assert raw.column("more") == [None, "m", "n", "o"]


def test_files_without_field_ids_or_mapping_are_read_by_name_unless_that_is_ambiguous(raw: Raw, tmp_path: Path) -> None:
    table = create(tmp_path / "x")
    table.add_files([foreign_file(tmp_path, "one", documento=["x"], id=["one"], ano_mes_dia=[NEW])])
    with table.transaction() as change:
        change.remove_properties(TableProperties.DEFAULT_NAME_MAPPING)
    assert table.metadata.name_mapping() is None
    raw.look_at(f"iceberg:{tmp_path}/x")
    assert raw.column("id") == ["one"]
    with table.update_schema() as change:
        change.rename_column("id", "ident")
    said = raw.refusal(f"iceberg:{tmp_path}/x", wanted=[Column("ident", Role.ID)])
    assert "one.parquet has no field ids, and the column ident was renamed. Set the table property" in said


def test_what_is_no_text_is_one_as_on_spark(raw: Raw, tmp_path: Path) -> None:
    more: Levels = [("b", BinaryType(), None), ("n", DecimalType(20, 0), None), ("d", DecimalType(9, 2), None)]
    table = create(tmp_path / "x", id_type=UUIDType(), more=more)
    append(table, [(bytes(range(16)), "x", NEW, "é".encode(), 10**19, 1)])
    setting = f"iceberg:{tmp_path}/x"
    read = [raw.look_at(setting).column(name) for name in ("id", "b", "n")]
    assert read == [["00010203-0405-0607-0809-0a0b0c0d0e0f"], ["é"], [str(10**19)]]
    assert "is decimal(9, 2) in its metadata" in raw.refusal(setting, wanted=[Column("d", Role.CPF)])
    # As older writers wrote it: bytes, of which DuckDB would make a text as they are.
    (path,) = files_of(table)
    bare = pq.read_table(path)
    position = bare.schema.get_field_index("id")
    field = pa.field("id", pa.binary(16), metadata=bare.schema.field("id").metadata)
    pq.write_table(bare.set_column(position, field, pa.array([b"sixteen letters."], pa.binary(16))), path)
    assert "is fixed_size_binary[16] in " in raw.refusal(setting)


def test_an_integer_document_of_table_b_is_refused(raw: Raw, tmp_path: Path) -> None:
    append(create(tmp_path / "x", id_type=LongType()), [(1, "x", NEW)])
    said = raw.refusal(f"iceberg:{tmp_path}/x", wanted=[Column("id", Role.DOCUMENT)])
    assert "is an integer (long) in its metadata: no prefix of zeros survives in a number" in said


# Deleted rows.


class DeleteWriter(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


def delete(
    table: Table,
    positions: dict[str, list[int]],
    day: str = NEW,
    content: DataFileContent = DataFileContent.POSITION_DELETES,
    file_format: FileFormat = FileFormat.PARQUET,
    path_bounds: tuple[str, str] | None = None,
) -> None:
    """Commits a delete file as merge-on-read does, which pyiceberg does not write."""
    path = f"{table.location()}/data/{len(table.metadata.snapshots)}-deletes.parquet"
    pairs = [(file, position) for file, found in sorted(positions.items()) for position in found]
    with table.io.new_output(path).create() as output:
        pq.write_table(pa.table({"file_path": [pair[0] for pair in pairs], "pos": [pair[1] for pair in pairs]}), output)
    file = DataFile.from_args(
        content=content,
        file_path=path,
        file_format=file_format,
        partition=Record(day),
        record_count=len(pairs),
        file_size_in_bytes=len(table.io.new_input(path)),
        equality_ids=[1] if content == DataFileContent.EQUALITY_DELETES else None,
        lower_bounds={PATH_FIELD_ID: path_bounds[0].encode()} if path_bounds else None,
        upper_bounds={PATH_FIELD_ID: path_bounds[1].encode()} if path_bounds else None,
    )
    file.spec_id = 0
    with table.transaction() as transaction:
        update = transaction.update_snapshot().fast_append()
        write = type(update)._manifests

        def with_deletes() -> Any:
            output = table.io.new_output(f"{table.location()}/metadata/{update.commit_uuid}-deletes.avro")
            with DeleteWriter(table.spec(), table.schema(), output, update.snapshot_id, "null") as writer:
                entry = ManifestEntry.from_args(
                    status=ManifestEntryStatus.ADDED, snapshot_id=update.snapshot_id, data_file=file
                )
                writer.add_entry(entry)
            return [*write(update), writer.to_manifest_file()]

        update._manifests = with_deletes  # type: ignore[method-assign]
        update.commit()


def test_deleted_rows_are_not_read(raw: Raw, tmp_path: Path) -> None:
    table = create(tmp_path / "x")
    fill(table)
    foreign = "file://" + foreign_file(tmp_path, "one", documento=["x"] * 3, id=["d", "e", "f"], ano_mes_dia=[NEW] * 3)
    by_id = next(path for path in files_of(table, NEW) if "c" in pq.read_table(path)["id"].to_pylist())
    table.add_files([foreign])
    delete(table, {by_id: [pq.read_table(by_id)["id"].to_pylist().index("c")], foreign: [0, 2]})
    delete(table, {foreign: [2]})
    raw.look_at(f"iceberg:{tmp_path}/x")
    own = [row["id"] for row in table.scan().to_arrow().to_pylist() if row["ano_mes_dia"] == NEW]
    assert raw.column("id") == sorted(own) == ["a", "b", "e", "x"]


@pytest.mark.parametrize("bounds", ["whole", "cut and raised", "cut alone", "cut alone, of two files"])
def test_deleted_rows_are_not_read_whatever_bounds_say_of_their_files(bounds: str, raw: Raw, tmp_path: Path) -> None:
    table = create(tmp_path / "x")
    append(table, [("a", "x", NEW), ("b", "x", NEW)])
    append(table, [("c", "x", NEW), ("d", "x", NEW)])
    paths = files_of(table, NEW)
    deleted = paths if bounds.endswith("of two files") else paths[:1]
    low, high = {
        "whole": (deleted[0], deleted[0]),
        "cut and raised": (deleted[0][:16], deleted[0][:15] + chr(ord(deleted[0][15]) + 1)),
        "cut alone": (deleted[0][:16], deleted[0][:16]),
        "cut alone, of two files": (min(deleted)[:-1], max(deleted)[:-1]),
    }[bounds]
    assert set(raw.look_at(f"iceberg:{tmp_path}/x").column("id")) == set("abcd")
    delete(table, {path: [0] for path in deleted}, path_bounds=(low, high))
    first = {pq.read_table(path)["id"].to_pylist()[0] for path in deleted}
    assert set(raw.look_at(f"iceberg:{tmp_path}/x").column("id")) == set("abcd") - first


def test_a_partition_whose_upper_bound_was_cut_and_not_raised_is_read(
    raw: Raw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = "day=2025-10-22/region=south"
    monkeypatch.setattr("pyiceberg.io.pyarrow.truncate_upper_bound_text_string", lambda value, width: value[:width])
    table = create(tmp_path / "x")
    append(table, [("a", "x", day)])
    (task,) = table.scan().plan_files()
    assert task.file.upper_bounds[3] == day[:16].encode()
    raw.look_at(f"iceberg:{tmp_path}/x")
    chosen = Chosen("a day", {"ano_mes_dia": day})
    (file,) = raw.invocation.table(raw.setting).scan(chosen, [ID]).files
    assert file.rows == 1


@pytest.mark.parametrize(
    ("content", "file_format", "words"),
    [
        (DataFileContent.EQUALITY_DELETES, FileFormat.PARQUET, "has equality deletes"),
        (
            DataFileContent.POSITION_DELETES,
            FileFormat.PUFFIN,
            "deleted by files of the format PUFFIN",
        ),
    ],
)
def test_deletes_that_are_not_applied_are_refused_where_they_matter(
    content: DataFileContent, file_format: FileFormat, words: str, raw: Raw, tmp_path: Path
) -> None:
    table = create(tmp_path / "x")
    fill(table)
    delete(table, {files_of(table, NEW)[0]: [0]}, NEW, content, file_format)
    said = raw.refusal(f"iceberg:{tmp_path}/x")
    assert f"he Iceberg table at {tmp_path}/x " in said
    assert words in said
    assert "Compact the table (rewrite_data_files), or read it with a target of Spark." in said
    append(table, [("d", "x", "20251023")])
    assert raw.look_at(f"iceberg:{tmp_path}/x").column("id", "20251023") == ["d"]


# What cannot be read.


def missing_metadata(folder: Path) -> str:
    return f"There is no file-system table of Iceberg at {folder}/x"


def missing_metadata_file(folder: Path) -> str:
    Path(create(folder / "x").metadata_location).unlink()
    return "The metadata file that"


def damaged_metadata(folder: Path) -> str:
    table = create(folder / "x")
    Path(table.metadata_location).write_text("{")
    return f"{table.metadata_location} cannot be read as Iceberg metadata"


def damaged_manifest(folder: Path) -> str:
    fill(create(folder / "x"))
    for path in (folder / "x" / "metadata").glob("*-m0.avro"):
        path.write_bytes(b"no avro")
    return f"The metadata of the Iceberg table at {folder}/x cannot be read"


def missing_manifest(folder: Path) -> str:
    fill(create(folder / "x"))
    for path in (folder / "x" / "metadata").glob("*-m0.avro"):
        path.unlink()
    return f"m0.avro of the Iceberg table at {folder}/x is gone. Were its snapshots expired?"


def missing_data_file(folder: Path) -> str:
    table = create(folder / "x")
    fill(table)
    for path in files_of(table, NEW):
        Path(path).unlink()
    return f"of the Iceberg table at {folder}/x is gone."


def damaged_data_file(folder: Path) -> str:
    table = create(folder / "x")
    fill(table)
    spoil(table, NEW)
    return "cannot be read as Parquet (ArrowInvalid)."


def never_written(folder: Path) -> str:
    create(folder / "x")
    return f"the Iceberg table at {folder}/x has no snapshot: it was never written to."


def unpartitioned(folder: Path) -> str:
    append(create(folder / "x", None), [("a", "000" + CPF_ONE)])
    return f"{folder}/x is not partitioned by ano_mes_dia; its partition columns are none."


def partitioned_otherwise_before(folder: Path) -> str:
    table = create(folder / "x", None, more=[("ano_mes_dia", StringType(), None)])
    fill(table)
    with table.update_spec() as change:
        change.add_identity("ano_mes_dia")
    append(table, [("a", "000" + CPF_ONE, NEW)])
    return "was partitioned otherwise before: some of its files do not tell their ano_mes_dia."


def a_type_without_a_text(folder: Path) -> str:
    append(create(folder / "x", DoubleType()), [("a", "000" + CPF_ONE, 1.5)])
    return "is partitioned by ano_mes_dia of the type double."


def another_format(folder: Path) -> str:
    add_file(create(folder / "x"), f"{folder}/x/x.orc", Record(NEW), FileFormat.ORC)
    return "has data files of the format ORC, not Parquet."


def a_wildcard(folder: Path) -> str:
    table = create(folder / "x")
    table.add_files([foreign_file(folder, "a[1]", documento=["000" + CPF_ONE], id=["one"], ano_mes_dia=[NEW])])
    return "a[1].parquet' has a wildcard (*, ? or [), a quote"


@pytest.mark.parametrize(
    "spoiled",
    [
        missing_metadata, missing_metadata_file, damaged_metadata, damaged_manifest, missing_manifest,
        missing_data_file, damaged_data_file, never_written, unpartitioned, partitioned_otherwise_before,
        a_type_without_a_text, another_format, a_wildcard,
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_clear_error(spoiled: Callable[[Path], str], raw: Raw, tmp_path: Path) -> None:
    words = spoiled(tmp_path)
    said = raw.refusal(f"iceberg:{tmp_path}/x")
    assert words in said
    assert "dbt build" not in said  # the table is none that dbt built


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("iceberg:/nowhere/v9.metadata.json", "The Iceberg metadata file /nowhere/v9.metadata.json does not exist."),
        ("iceberg:gs://bucket/table", "The location gs://bucket/table begins with gs:"),
        ("glue:it's", "is not of the form glue:database.table."),
    ],
)
def test_a_setting_that_names_no_table(setting: str, words: str, raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert words in raw.refusal(setting)


def test_a_table_without_rows(raw: Raw, tmp_path: Path) -> None:
    table = create(tmp_path / "x", None)
    append(table, [("1", CPF_ONE)])
    assert raw.look_at(f"iceberg:{tmp_path}/x").column("id", None) == ["1"]
    table.delete()
    said = raw.refusal(f"iceberg:{tmp_path}/x", None)
    assert said == f"There is no data in the Iceberg table at {tmp_path}/x. Check that the load ran to its end."


def test_pyiceberg_is_imported_for_such_a_table_alone(
    raw: Raw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import sys, duckdb, dbt_matched_ids.duckdb.plugin as module\n"
        "plugin = module.Plugin('x', {})\n"
        "plugin.configure_connection(duckdb.connect())\n"
        "sys.exit(', '.join({'pyiceberg', 'pyarrow', 'botocore', 'numpy'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True)
    for name in [name for name in sys.modules if name.startswith(("pyiceberg", "publisher.lake.iceberg"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyiceberg", None)
    said = raw.refusal(f"iceberg:{tmp_path}/x")
    assert "takes the Python package pyiceberg, which is not installed. Install the extra: pip install" in said


# S3 and Glue.


@pytest.fixture
def in_s3(lake: Lake, bucket: Bucket) -> Table:
    """Table B in a bucket, with whose credentials and endpoint the models run."""
    lake.settings.update(bucket.endpoint.environment())
    properties = {
        "s3.endpoint": bucket.endpoint.url,
        "s3.access-key-id": bucket.endpoint.access_key,
        "s3.secret-access-key": bucket.endpoint.secret_key,
        "s3.region": "us-east-1",
    }
    table = create(f"s3a://{bucket.name}/table", properties=properties)
    fill(table)
    for path in files_of(table, OLD):
        bucket.client.put_object(Bucket=bucket.name, Key=path.split("/", 3)[3], Body=b"whoever opens this fails")
    return table


def test_a_table_in_s3(in_s3: Table, lake: Lake, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.settings["MATCHED_IDS_RECORDS_PATH"] = f"iceberg:{in_s3.location()}/"
    asked = Asked(monkeypatch)
    built(lake)
    assert gzip.decompress(published(lake, bucket)) == b"a\nb\nc"
    data = {path.replace("s3a://", "s3://") for path in files_of(in_s3, NEW)}
    of_data = [path for path in asked.heads if path.endswith(".parquet")]
    assert set(of_data) == data
    assert len(of_data) == len(data)  # once each: DuckDB opens the version that was looked at
    assert {path for path, _ in asked.reads if path.endswith(".parquet")} == data
    assert asked.lists == asked.folders == []


def test_deleted_rows_of_a_table_in_s3(
    in_s3: Table, lake: Lake, raw: Raw, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in lake.settings.items():
        monkeypatch.setenv(name, value)
    delete(in_s3, {path: [0] for path in files_of(in_s3, NEW)})  # which the metadata calls s3a://
    own = in_s3.scan(f"ano_mes_dia == '{NEW}'").to_arrow()["id"].to_pylist()
    assert len(own) == 2
    assert raw.look_at(f"iceberg:{in_s3.location()}").column("id") == sorted(own)


@pytest.fixture
def glue(lake: Lake, bucket: Bucket) -> Iterator[GlueServer]:
    with glue_server.running() as server:
        lake.settings.update(bucket.endpoint.environment())
        lake.settings.update(server.environment())
        lake.settings["MATCHED_IDS_RECORDS_PATH"] = "glue:raw.records"
        yield server


def test_an_iceberg_table_of_glue(glue: GlueServer, in_s3: Table, lake: Lake, bucket: Bucket) -> None:
    # Glue lists no partition columns of such a table.
    glue.add(PartitionKeys=[], Parameters={"table_type": "ICEBERG", "metadata_location": in_s3.metadata_location})
    built(lake)
    assert gzip.decompress(published(lake, bucket)) == b"a\nb\nc"
    assert [operation for operation, _ in glue.asked] == ["GetTable"]


@pytest.fixture
def hive(glue: GlueServer, lake: Lake, bucket: Bucket) -> GlueServer:
    """Table B as folders that the catalog names, in which the column of the partition has another value."""
    fill_small_lake(lake)
    for file in lake.records.rglob("*.parquet"):
        table = pq.read_table(file, partitioning=None)
        pq.write_table(table.append_column("ANO_MES_DIA", pa.array(["wrong"] * table.num_rows)), file)
        key = f"records/{file.parent.name}/{file.name}"
        bucket.client.upload_file(str(file), bucket.name, key)
        if OLD in key:
            bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"whoever opens this fails")
    for name in ("_SUCCESS", "_temporary/a.parquet"):
        bucket.client.put_object(Bucket=bucket.name, Key=f"records/ano_mes_dia={NEW}/{name}", Body=b"no Parquet")
    bucket.client.put_object(Bucket=bucket.name, Key="records/ano_mes_dia=20251030/a.parquet", Body=b"not registered")
    glue.add(OLD, "__HIVE_DEFAULT_PARTITION__", NEW, bucket=bucket.name)
    return glue


def test_a_partitioned_parquet_table_of_glue(
    hive: GlueServer, lake: Lake, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch)
    output = built(lake)
    assert f"is read at {NEW} (2 considered, next newest {OLD}, 1 ignored: {NO_DAY} (null))" in output
    assert gzip.decompress(published(lake, bucket)) == b"a\nb\nc"
    assert [operation for operation, _ in hive.asked] == ["GetTable", "GetPartitions"]
    records = f"s3://{bucket.name}/records"
    assert (asked.heads, asked.lists) == ([], [f"{records}/ano_mes_dia=20251022"])
    # Of a table with many partitions a level is long: only what another format would have is asked for.
    assert asked.folders == [f"{records}/{name}" for name in ("_delta_log", ".hoodie", "metadata")]
    ended = lake.build(variables={"records_id_column": "ano_mes_dia"})
    assert "The column ano_mes_dia of raw.records, the id, is a partition column. Set its name to" in ended.output


@pytest.fixture
def of_glue(hive: GlueServer, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> GlueServer:
    """The same, asked without dbt."""
    for name, value in lake.settings.items():
        monkeypatch.setenv(name, value)
    return hive


def test_a_table_of_glue_without_partitions(of_glue: GlueServer, lake: Lake, raw: Raw, bucket: Bucket) -> None:
    bucket.client.upload_file(str(lake.cpfs / "a.parquet"), bucket.name, "cpfs/a.parquet")
    storage = {**of_glue.tables["raw", "records"]["StorageDescriptor"], "Location": f"s3a://{bucket.name}/cpfs/"}
    of_glue.tables["raw", "cpfs"] = {"Name": "cpfs", "DatabaseName": "raw", "StorageDescriptor": storage}
    assert raw.look_at("glue:raw.cpfs").column("documento", None) == [CPF_ONE, CPF_TWO]


def test_names_of_glue_are_escaped(of_glue: GlueServer, raw: Raw) -> None:
    of_glue.add(("2025", "1/2"), ("2025", "9=9%"), keys="Ano int, dia string")
    assert raw.look_at("glue:raw.records").names("dia") == ["ano=2025/dia=1%2F2", "ano=2025/dia=9%3D9%25"]


def test_a_partition_of_glue_is_ready_when_its_folder_holds_the_file(of_glue: GlueServer, raw: Raw) -> None:
    table = raw.look_at("glue:raw.records").invocation.table(raw.setting)
    assert table.has_file(Chosen(NEW, {"ano_mes_dia": NEW}), "_SUCCESS")
    assert not table.has_file(Chosen(NEW, {"ano_mes_dia": NEW}), "_temporary")  # a folder
    assert not table.has_file(Chosen(OLD, {"ano_mes_dia": OLD}), "_SUCCESS")
    of_glue.add("20240101", bucket="lake")
    of_glue.tables["raw", "records"]["StorageDescriptor"]["Location"] = "file:///nowhere"
    table = raw.look_at("glue:raw.records").invocation.table(raw.setting)
    assert not table.has_file(Chosen("20240101", {"ano_mes_dia": "20240101"}), "_SUCCESS")


def missing_from_glue(glue: GlueServer) -> str:
    glue.tables.clear()
    return "The table raw.records, or its database, is not in the Glue catalog in us-east-1."


def a_view(glue: GlueServer) -> str:
    glue.add(NEW, TableType="VIRTUAL_VIEW")
    return "of the kind view: the target duckdb reads Iceberg and Parquet. Name the table behind it."


def an_orc_table(glue: GlueServer) -> str:
    orc = "org.apache.hadoop.hive.ql.io.orc"
    return of_format(glue, "orc", f"{orc}.OrcInputFormat", f"{orc}.OrcSerde")


def a_csv_table(glue: GlueServer) -> str:
    return of_format(
        glue, "csv", "org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.serde2.OpenCSVSerde"
    )


def a_table_of_delimited_texts(glue: GlueServer) -> str:
    serde = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
    return of_format(glue, "lazysimpleserde", "org.apache.hadoop.mapred.TextInputFormat", serde)


def a_json_table(glue: GlueServer) -> str:
    return of_format(glue, "json", "org.apache.hadoop.mapred.TextInputFormat", "org.openx.data.jsonserde.JsonSerDe")


def of_format(glue: GlueServer, kind: str, input_format: str, serde: str) -> str:
    glue.add(NEW)
    glue.tables["raw", "records"]["StorageDescriptor"].update(
        InputFormat=input_format, SerdeInfo={"SerializationLibrary": serde}
    )
    return f"The table raw.records of the Glue catalog is of the kind {kind}: the target duckdb reads Iceberg and Par"


def a_link(glue: GlueServer) -> str:
    glue.tables["raw", "records"] = {"Name": "records", "TargetTable": {"DatabaseName": "a", "Name": "b"}}
    return "is of the kind link: the target duckdb reads Iceberg and Parquet. Name the table that it links to."


def an_iceberg_table_without_metadata(glue: GlueServer) -> str:
    glue.add(Parameters={"table_type": "ICEBERG"})
    return "The Iceberg table raw.records has no metadata_location in the Glue catalog. Register it"


def computed_partitions(glue: GlueServer) -> str:
    glue.add(OLD, Parameters={"projection.enabled": "TRUE"})  # what was registered before is not all there is
    return (
        "The table raw.records has partition projection (projection.enabled): Athena computes its partitions, and the "
        "catalog does not list them. Register them (a crawler, or MSCK REPAIR TABLE"
    )


def other_columns(glue: GlueServer) -> str:
    glue.add(NEW, keys="dt string")
    return "raw.records is not partitioned by ano_mes_dia; its partition columns are dt."


def no_such_partition(glue: GlueServer) -> str:
    glue.add(OLD)
    return f"There is no partition {NEW} in raw.records. Pin one that is there"


def a_partition_without_data(glue: GlueServer) -> str:
    glue.add(NEW, bucket="other")
    glue.tables["raw", "records"]["StorageDescriptor"]["Location"] = "file:///nowhere"
    return "There is no data in file:///nowhere/ano_mes_dia=20251022: all files are empty or hidden"


@pytest.mark.parametrize(
    "spoiled",
    [
        missing_from_glue, a_view, a_link, an_orc_table, a_csv_table, a_table_of_delimited_texts, a_json_table,
        an_iceberg_table_without_metadata, computed_partitions, other_columns, no_such_partition,
        a_partition_without_data,
    ],
)  # fmt: skip
def test_what_glue_does_not_tell_is_a_clear_error(
    spoiled: Callable[[GlueServer], str], of_glue: GlueServer, raw: Raw
) -> None:
    assert spoiled(of_glue) in raw.refusal("glue:raw.records")
