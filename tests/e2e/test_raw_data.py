"""Raw data that nobody here shaped: the right ids, or a refusal that names the cause, the same on `local` and `duckdb`.

docs/raw-data.md is the rule. What needs no engine is in tests/publisher/lake; here each kind goes through dbt.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from publisher.errors import PublisherError
from publisher.guards.limits import NO_LIMITS
from publisher.publish import publish
from publisher.settings import PublishSettings
from tests.conftest import Bucket
from tests.e2e.conftest import CPF_ONE, CPF_OTHER, CPF_TWO, Lake
from tests.e2e.test_duckdb import lake_of_duckdb, on_duckdb

__all__ = ["lake_of_duckdb"]  # a fixture

NEWEST = "ano_mes_dia=20251022"
OLDER = "ano_mes_dia=20251021"
OF_ONE, OF_TWO = "000" + CPF_ONE, "000" + CPF_TWO
# With leading zeros; made up, with valid check digits.
CPF_OF_ZEROS = "00000010006"


def put(path: Path, **columns: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def records(lake: Lake, ids: Any, documents: Any = None, path: str = f"{NEWEST}/a.parquet") -> None:
    put(lake.records / path, id=ids, documento=[OF_ONE] * len(ids) if documents is None else documents)


# Right.


def partition_column_inside_the_files(lake: Lake) -> list[str]:
    put(lake.records / NEWEST / "a.parquet", id=["a"], documento=[OF_ONE], ano_mes_dia=["19990101"], valor=[1.5])
    return ["a"]


def keys_above_the_folder(lake: Lake) -> list[str]:
    folder = lake.folder / "id=7" / "documento=x" / "records"
    records(lake, ["a", "b"], [OF_ONE, "00099999999999"])
    folder.parent.mkdir(parents=True)
    shutil.move(lake.records, folder)
    lake.settings["MATCHED_IDS_RECORDS_PATH"] = str(folder)
    return ["a"]


def folders_of_keys(lake: Lake) -> list[str]:
    for level in ("_uf=SP", "_uf=RJ"):
        records(lake, [f"of {level}"], path=f"{NEWEST}/{level}/a.parquet")
        put(lake.cpfs / level / "a.parquet", documento=[CPF_ONE])
    (lake.cpfs / "a.parquet").unlink()
    return ["of _uf=RJ", "of _uf=SP"]


def links(lake: Lake) -> list[str]:
    records(lake, ["gone"], path=f"{OLDER}/a.parquet")
    put(lake.folder / "store" / "a.parquet", id=["a"], documento=[OF_ONE])
    put(lake.folder / "other" / "b.parquet", id=["b"], documento=[OF_TWO])
    (lake.folder / "store" / "b.parquet").symlink_to(lake.folder / "other" / "b.parquet")
    (lake.records / NEWEST).symlink_to(lake.folder / "store")
    return ["a", "b"]


def another_schema_before(lake: Lake) -> list[str]:
    records(lake, pa.array([1], pa.int32()), pa.array([52998224725]), path=f"{OLDER}/a.parquet")
    put(lake.records / "ano_mes_dia=20240101" / "a.parquet", other=[1.5])
    records(lake, pa.array([5000000000]))
    return ["5000000000"]


def texts_of_all_forms(lake: Lake) -> list[str]:
    forms = (pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string()))
    for number, form in enumerate(forms):
        ids, documents = pa.array([f"00{number}"]), pa.array([OF_ONE])
        records(lake, ids.cast(form), documents.cast(form), path=f"{NEWEST}/{number}.parquet")
    return ["000", "001", "002", "003"]


def texts_in_the_order_of_their_bytes(lake: Lake) -> list[str]:
    names = ("é", "日", "10", "9")
    records(lake, pa.array([name.encode() for name in names], pa.binary()))
    return ["10", "9", "é", "日"]


def documents_that_are_null(lake: Lake) -> list[str]:
    lake.settings.update(MATCHED_IDS_MAX_MALFORMED_PERCENT="50", MATCHED_IDS_MAX_NULL_DOCUMENTS_PERCENT="40")
    lake.write_cpfs([CPF_ONE, None])
    records(lake, ["a", "prefix alone", "b"], [OF_ONE, "000", None])
    return ["a"]


def the_largest_integer(lake: Lake) -> list[str]:
    records(lake, pa.array([18446744073709551615], pa.uint64()))
    return ["18446744073709551615"]


def a_decimal_without_scale(lake: Lake) -> list[str]:
    records(lake, pa.array([Decimal(12345678901234567890)], pa.decimal128(38, 0)))
    return ["12345678901234567890"]


def documents_as_numbers_in_a(lake: Lake) -> list[str]:
    put(lake.cpfs / "a.parquet", documento=[int(CPF_ONE), int(CPF_OF_ZEROS), 1])
    records(lake, ["a", "z", "x"], [OF_ONE, "000" + CPF_OF_ZEROS, "0001"])
    lake.settings["MATCHED_IDS_MAX_MALFORMED_PERCENT"] = "100"
    return ["a", "z"]


def names_with_escapes(lake: Lake) -> list[str]:
    for hour in ("09%3A00", "10%3A00"):
        records(lake, [f"of {hour}"], path=f"ano_mes_dia=2025-10-22 {hour}/a.parquet")
    return ["of 10%3A00"]


def partitions_that_are_none(lake: Lake) -> list[str]:
    records(lake, ["a"])
    records(lake, ["b"], path="ano_mes_dia=__HIVE_DEFAULT_PARTITION__/a.parquet")
    records(lake, ["c"], path="ano_mes_dia=/a.parquet")
    (lake.records / "readme.txt").write_text("of the load")
    return ["a"]


RIGHT: list[Callable[[Lake], list[str]]] = [
    partition_column_inside_the_files, keys_above_the_folder, folders_of_keys, links, another_schema_before,
    texts_of_all_forms, texts_in_the_order_of_their_bytes, documents_that_are_null, the_largest_integer,
    a_decimal_without_scale, documents_as_numbers_in_a, names_with_escapes, partitions_that_are_none,
]  # fmt: skip


# Refused.


def an_integer_beside_a_text(lake: Lake) -> str:
    records(lake, pa.array([7]), path=f"{NEWEST}/a.parquet")
    records(lake, ["0012"], path=f"{NEWEST}/b.parquet")
    return "is of two kinds: an integer (int64) in"


def a_double(lake: Lake) -> str:
    records(lake, pa.array([12345678.0]))
    return "the id, is double in"


def a_decimal_with_a_scale(lake: Lake) -> str:
    records(lake, pa.array([Decimal("1.49")], pa.decimal128(12, 2)))
    return "the id, is decimal128(12, 2) in"


def a_number_as_document(lake: Lake) -> str:
    records(lake, ["a"], pa.array([int(CPF_ONE)]))
    return "the document of table B, is an integer (int64) in"


def kinds_that_differ_in_a(lake: Lake) -> str:
    records(lake, ["a"])
    put(lake.cpfs / "b.parquet", documento=[int(CPF_TWO)])
    return "is of two kinds: a text (string) in"


def a_file_without_the_document(lake: Lake) -> str:
    records(lake, ["a"])
    put(lake.records / NEWEST / "b.parquet", id=["b"], cpf=[OF_ONE])
    return "b.parquet was written without the column documento"


def a_sub_folder(lake: Lake) -> str:
    records(lake, ["a"])
    records(lake, ["b"], path=f"{NEWEST}/HIVE_UNION_SUBDIR_1/000000_0")
    return "HIVE_UNION_SUBDIR_1 is a folder with data among the files"


def a_sub_folder_of_a(lake: Lake) -> str:
    records(lake, ["a"])
    put(lake.cpfs / "lote2" / "b.parquet", documento=[CPF_TWO])
    return "cpfs/lote2 is a folder with data among the files"


def a_folder_called_like_the_document(lake: Lake) -> str:
    records(lake, ["a"], path=f"{NEWEST}/documento=x/a.parquet")
    return "documento"  # on local, a partition column; on duckdb, a folder's key


def a_link_that_leads_nowhere(lake: Lake) -> str:
    records(lake, ["a"])
    (lake.records / NEWEST / "b.parquet").symlink_to(lake.folder / "unmounted")
    return "b.parquet is a link that leads nowhere"


def a_partition_that_leads_nowhere(lake: Lake) -> str:
    records(lake, ["a"])
    (lake.records / "ano_mes_dia=20251023").symlink_to(lake.folder / "unmounted")
    return "ano_mes_dia=20251023 is a link that leads nowhere"


def a_newer_partition_of_another_depth(lake: Lake) -> str:
    records(lake, ["a"], path="dt=2025-10-22/hour=09/a.parquet")
    records(lake, ["b"], path="dt=2025-10-23/a.parquet")
    lake.settings["MATCHED_IDS_PARTITION_COLUMNS"] = "dt,hour"
    return "not of one depth: dt=2025-10-23 holds data itself"


def a_delta_table(lake: Lake) -> str:
    records(lake, ["a"])
    (lake.records / "_delta_log").mkdir()
    return "is a Delta table (_delta_log stands in it), and no plain folder of Parquet"


def a_partition_column_as_id(lake: Lake) -> str:
    records(lake, ["a"])
    lake.settings["MATCHED_IDS_RECORDS_ID_COLUMN"] = "ano_mes_dia"
    return "the id, is a partition column"


def names_of_two_forms(lake: Lake) -> str:
    records(lake, ["a"])
    records(lake, ["b"], path="ano_mes_dia=2025-10-23/a.parquet")
    return "2025-10-23"


def a_load_that_is_not_over(lake: Lake) -> str:
    records(lake, ["a"], path=f"{OLDER}/a.parquet")
    (lake.records / OLDER / "_SUCCESS").touch()
    records(lake, ["b"])
    lake.settings["MATCHED_IDS_READY_FILE"] = "_SUCCESS"
    return "20251022, is not ready: there is no _SUCCESS in its folder"


def half_a_partition(lake: Lake) -> str:
    records(lake, [f"{number}" for number in range(10)], path=f"{OLDER}/a.parquet")
    records(lake, [f"{number}" for number in range(7)])
    lake.settings["MATCHED_IDS_MIN_PERCENT_OF_PREVIOUS_ROWS"] = "80"
    return "20251022, has 7 rows, 70.00 % of the 10 in 20251021; min_percent_of_previous_rows requires 80 %"


REFUSED: list[Callable[[Lake], str]] = [
    an_integer_beside_a_text, a_double, a_decimal_with_a_scale, a_number_as_document, kinds_that_differ_in_a,
    a_file_without_the_document, a_sub_folder, a_sub_folder_of_a, a_folder_called_like_the_document,
    a_link_that_leads_nowhere, a_partition_that_leads_nowhere, a_newer_partition_of_another_depth, a_delta_table,
    a_partition_column_as_id, names_of_two_forms, a_load_that_is_not_over, half_a_partition,
]  # fmt: skip


@pytest.fixture(params=["duckdb", "local"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lake]:
    """Table A has two documents; table B is for the test to make."""
    if request.param == "duckdb":
        lake = on_duckdb(tmp_path, tmp_path)
    else:
        lake = request.getfixturevalue("lake")
        lake.settings.update(MATCHED_IDS_CPFS_PATH=str(lake.cpfs), MATCHED_IDS_RECORDS_PATH=str(lake.records))
    lake.write_cpfs([CPF_ONE, CPF_TWO])
    yield lake
    assert lake.leaked_documents() == 0


def ids_of(lake: Lake) -> list[str]:
    """The ids in the order of the table."""
    on_local = lake.tables / "int_matched_ids" if "MATCHED_IDS_LOCAL_DIR" not in lake.settings else None
    folder = Path(lake.settings.get("MATCHED_IDS_LOCAL_DIR", "")) / "tables" / lake.schema
    files = sorted(on_local.glob("part-*")) if on_local else [folder / "int_matched_ids.parquet"]
    return [found for file in files for found in pq.read_table(file)["id"].to_pylist()]


@pytest.mark.parametrize("make", RIGHT)
def test_the_right_ids(make: Callable[[Lake], list[str]], engine: Lake) -> None:
    expected = make(engine)
    built = engine.dbt("run", "--select", "+int_matched_ids")
    assert built.success, built.output
    assert ids_of(engine) == expected


@pytest.mark.parametrize("make", REFUSED)
def test_a_refusal_that_names_the_cause(make: Callable[[Lake], str], engine: Lake) -> None:
    words = make(engine)
    ended = engine.dbt("run", "--select", "stg_cpfs", "stg_records")
    assert not ended.success
    assert words in ended.output
    assert "Traceback" not in ended.output


def test_integers_of_several_widths(engine: Lake) -> None:
    records(engine, pa.array([7], pa.int32()), path=f"{NEWEST}/a.parquet")
    records(engine, pa.array([5000000000]), path=f"{NEWEST}/b.parquet")
    put(engine.records / NEWEST / "c.parquet", documento=[OF_TWO], id=pa.array([250], pa.uint8()), valor=[1.5])
    put(engine.cpfs / "a.parquet", documento=pa.array([int(CPF_ONE)], pa.int64()))
    put(engine.cpfs / "b.parquet", documento=pa.array([int(CPF_TWO)], pa.uint64()))
    built = engine.dbt("run", "--select", "+int_matched_ids")
    assert built.success, built.output
    assert ids_of(engine) == ["250", "5000000000", "7"]


def test_a_type_that_changed_since_the_folder_was_registered(lake: Lake) -> None:
    lake.write_cpfs([CPF_ONE, CPF_TWO])
    records(lake, ["a"])
    assert lake.register().success
    records(lake, pa.array([7]))
    ended = lake.dbt("run")
    assert not ended.success
    assert "is int64 in the files of" in ended.output
    assert "and text in the metastore" in ended.output


def test_tables_that_only_the_engine_reads_are_read_and_held_to_the_same_rule(lake: Lake) -> None:
    """ORC, JSON and a table of Hive, of a metastore that a load fills: the partition is pruned, the types are asked."""
    from pyspark.sql import SparkSession

    lake.write_cpfs([CPF_ONE, CPF_TWO])
    records(lake, ["seen"])
    assert lake.register().success
    session = SparkSession.builder.getOrCreate()
    rows = (
        f"values ('a', '{OF_ONE}', '20251022'), ('gone', '{OF_ONE}', '20251021') as given(id, documento, ano_mes_dia)"
    )
    for number, format_ in enumerate(("using orc", "using json", "stored as parquet")):
        table = f"{lake.raw_schema}.of_engine_{number}"
        session.sql("set hive.exec.dynamic.partition.mode=nonstrict")
        session.sql(f"create table {table} {format_} partitioned by (ano_mes_dia) as select * from {rows}")
        lake.settings["MATCHED_IDS_RECORDS_TABLE"] = f"of_engine_{number}"
        ended = lake.build() if number == 0 else lake.dbt("run", "--select", "+int_matched_ids")
        assert ended.success, ended.output
        assert ids_of(lake) == ["a"]
        (plan,) = session.sql(f"explain extended select id from {lake.schema}.stg_records").collect()[0]
        assert "20251022" in plan.split("Physical Plan")[1]
        assert "gone" not in [row[0] for row in session.sql(f"select id from {lake.schema}.stg_records").collect()]
    bad = f"{lake.raw_schema}.of_doubles"
    session.sql(
        f"create table {bad} using orc partitioned by (ano_mes_dia) as"
        f" select cast(1 as double) as id, '{OF_ONE}' as documento, '20251022' as ano_mes_dia"
    )
    session.sql(f"create view {lake.raw_schema}.seen_through as select * from {bad}")
    session.sql(f"alter table {lake.raw_schema}.of_engine_0 set tblproperties ('projection.enabled' = 'true')")
    for name, words in (
        ("of_doubles", "the id, is double in the catalog: only texts and integers are read"),
        ("seen_through", "is a view, which has no partitions"),
        ("of_engine_0", "has partition projection (projection.enabled)"),
    ):
        lake.settings["MATCHED_IDS_RECORDS_TABLE"] = name
        ended = lake.dbt("run", "--select", "stg_records")
        assert not ended.success
        assert words in ended.output


def test_tables_of_yesterdays_files_are_not_published(lake_of_duckdb: Lake, bucket: Bucket) -> None:
    """The staging views hold what was chosen when they were built: on DuckDB the files, elsewhere the partition.

    What is asked for is in dbt's artifacts, which are alike.
    """
    lake = lake_of_duckdb
    lake.write_cpfs([CPF_ONE, CPF_TWO])
    records(lake, ["a"])
    settings = PublishSettings(bucket.destination, target_path=lake.target_path, limits=NO_LIMITS)
    assert lake.build().success
    publish(settings, bucket.store)
    records(lake, ["late"], path=f"{NEWEST}/b.parquet")
    assert lake.build("--select", "int_matched_ids", "int_matched_ids_summary").success
    with pytest.raises(PublisherError, match="did not run stg_cpfs, stg_records") as refused:
        publish(settings, bucket.store)
    assert (refused.value.exit_code, refused.value.guard) == (5, "dbt_not_successful")
    assert lake.build("--select", "+int_matched_ids+").success
    report = publish(settings, bucket.store)
    assert report.encoded.total_ids == 2


def test_other_document_columns_do_not_match(engine: Lake) -> None:
    """Nothing of another column's or another person's document gets in."""
    records(engine, ["a", "b", "c"], [OF_ONE, "000" + CPF_OTHER, OF_TWO[1:]])
    built = engine.dbt("run", "--select", "+int_matched_ids")
    assert built.success, built.output
    assert ids_of(engine) == ["a"]


def test_partitions_come_and_go(lake: Lake) -> None:
    lake.settings.update(MATCHED_IDS_CPFS_PATH=str(lake.cpfs), MATCHED_IDS_RECORDS_PATH=str(lake.records))
    lake.write_cpfs([CPF_ONE])
    for day in ("20251020", "20251021", "20251022"):
        records(lake, [day], path=f"ano_mes_dia={day}/a.parquet")
    for gone, expected in ((None, "20251022"), ("20251022", "20251021")):
        if gone:
            shutil.rmtree(lake.records / f"ano_mes_dia={gone}")
        ended = lake.dbt("run", "--select", "stg_records")
        assert ended.success, ended.output
        assert f"is read at {expected}" in ended.output
    assert json.dumps(ended.output).count("2 partitions") == 1
