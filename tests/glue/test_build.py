"""dbt-glue as it is released builds the project on the stand-in: sessions and the catalog by API, Spark for real."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import Bucket
from tests.glue.conftest import CPF_ONE, CPF_TWO, DEFAULT_PARTITION, Ended, GlueLake, GlueStore, fill, new_lake
from tests.glue.sessions import Statement
from tests.glue.standin import Call, StandIn


@dataclass(frozen=True)
class Run:
    """One dbt run and what it asked for."""

    ended: Ended
    statements: list[Statement]
    calls: list[Call]

    @property
    def sql(self) -> list[str]:
        return [statement.sql for statement in self.statements if statement.sql is not None]


@dataclass(frozen=True)
class Built:
    """A lake that was built twice."""

    lake: GlueLake
    first: Run
    second: Run


def run(lake: GlueLake, *arguments: str, is_real: bool = False) -> Run:
    lake.stand_in.reset()
    ended = (lake.real_dbt if is_real else lake.dbt)(*arguments)
    return Run(ended, list(lake.stand_in.statements), list(lake.stand_in.calls))


@pytest.fixture(scope="module")
def built(
    session_stand_in: StandIn,
    glue_store: GlueStore,
    glue_bucket: Bucket,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Built]:
    with new_lake(session_stand_in, glue_store, glue_bucket, tmp_path_factory.mktemp("lake")) as lake:
        fill(lake)
        command = ("build", "--target", "glue")
        without_unit_tests = ("--exclude-resource-type", "unit_test")  # they look at no table
        yield Built(lake, run(lake, *command, is_real=True), run(lake, *command, *without_unit_tests))


def test_everything_is_built_and_every_test_passes_twice(built: Built) -> None:
    for one in (built.first, built.second):
        assert one.ended.success, one.ended.output
        assert re.search(r"PASS=[1-9][0-9]+ WARN=0 ERROR=0 SKIP=0", one.ended.output)
        assert all(statement.state == "AVAILABLE" for statement in one.statements)
        assert all((statement.output or {})["Status"] == "ok" for statement in one.statements)


def test_the_tables_hold_what_they_should(built: Built) -> None:
    schema = built.lake.schema
    rows = built.lake.stand_in.rows(f"select * from {schema}.int_matched_ids")
    assert rows == [["a", "20251022"], ["b", "20251022"], ["c", "20251022"]]  # in this order, as it is in the files
    ((partition, total, first, last, total_bytes, _, _, *counted),) = built.lake.stand_in.rows(
        f"select * from {schema}.int_matched_ids_summary"
    )
    assert (partition, total, first, last, total_bytes) == ("20251022", 3, "a", "c", 3)
    assert counted == ["000", 2, 2, 4, 4, 4, None, None, None]  # there is no suppression list


def test_the_catalog_shows_iceberg_tables_and_views(built: Built) -> None:
    lake = built.lake
    found = {table["Name"]: table for table in lake.glue.get_tables(DatabaseName=lake.schema)["TableList"]}
    for name in ("int_matched_ids", "int_matched_ids_summary"):
        parameters = found[name]["Parameters"]
        assert parameters["table_type"] == "ICEBERG"
        folder = f"s3://{lake.bucket.name}/tables/{lake.schema}/{name}/"
        assert parameters["metadata_location"].startswith(f"{folder}metadata/00001-")  # its second state
        assert parameters["previous_metadata_location"].startswith(f"{folder}metadata/00000-")
    for name in ("stg_cpfs", "stg_records"):
        assert found[name]["TableType"] == "VIRTUAL_VIEW"
        assert "select" in found[name]["ViewOriginalText"]


def test_the_second_build_replaces_without_a_gap(built: Built) -> None:
    assert not [sql for sql in built.second.sql if re.search(r"\bdrop\b", sql, re.I)]
    changes = [call for call in built.second.calls if call.table == "int_matched_ids" and call.operation != "GetTable"]
    # One commit of Iceberg's: a reader has the old table or the new one.
    assert [(call.caller, call.operation, call.error) for call in changes] == [("glue", "UpdateTable", None)]
    assert changes[0].given["VersionId"]


def test_the_session_is_stopped_in_the_end(built: Built) -> None:
    created = [call for call in built.second.calls if call.operation == "CreateSession"]
    stopped = [call for call in built.second.calls if call.operation == "StopSession"]
    assert [call.session for call in created] == [call.session for call in stopped]
    assert len(created) == 1


def test_dbt_asks_as_the_ci_role_and_iceberg_as_the_glue_role(built: Built) -> None:
    operations = {
        caller: {f"{call.service}:{call.operation}" for call in built.first.calls if call.caller == caller}
        for caller in ("ci", "glue")
    }
    assert {call.caller for call in built.first.calls} == {"ci", "glue"}
    assert operations["ci"] == {
        "glue:CreateDatabase",
        "glue:CreateSession",
        "glue:GetDatabases",
        "glue:GetSession",
        "glue:GetStatement",
        "glue:GetTable",
        "glue:GetTables",
        "glue:RunStatement",
        "glue:StopSession",
        "lakeformation:BatchGrantPermissions",
        "sts:GetCallerIdentity",
    }
    assert operations["glue"] == {"glue:CreateTable", "glue:GetTable"}


def test_dbt_itself_needs_nothing_of_s3(built: Built) -> None:
    requests = [
        (caller, path) for caller, _, path in built.lake.store.requests() if f"/tables/{built.lake.schema}" in path
    ]
    assert {caller for caller, _ in requests} == {"glue"}


def plan_of(lake: GlueLake) -> str:
    results = json.loads((lake.target_path / "run_results.json").read_text())["results"]
    (compiled,) = [result["compiled_code"] for result in results if result["unique_id"].endswith(".int_matched_ids")]
    return str(lake.stand_in.rows(f"explain formatted {compiled}")[0][0])


def test_the_small_table_is_broadcast(built: Built) -> None:
    plan = plan_of(built.lake)
    assert "BroadcastHashJoin LeftSemi BuildRight" in plan
    assert "SortMergeJoin" not in plan


def test_one_partition_is_read_by_a_literal_and_two_columns(built: Built) -> None:
    (scan,) = re.findall(r"\(\d+\) Scan parquet \S*\.records\n(.*?)\n\n", plan_of(built.lake), re.DOTALL)
    assert re.search(r"PartitionFilters: \[isnotnull\(ano_mes_dia#\d+\), \(ano_mes_dia#\d+ = 20251022\)\]", scan)
    assert re.search(r"Location: InMemoryFileIndex \[s3://\S+/ano_mes_dia=20251022\]", scan)
    assert "ReadSchema: struct<id:string,documento:string>" in scan


def test_latest_partition_takes_one_query(glue_lake: GlueLake) -> None:
    compiled = run(glue_lake, "compile", "--target", "glue", "--select", "stg_records")
    assert compiled.ended.success, compiled.ended.output
    assert (
        f"20251022 (2 considered, next newest 20251021, 1 ignored: ano_mes_dia={DEFAULT_PARTITION} (null))"
        in compiled.ended.output
    )
    # A query is three statements: dbt-glue's wrapper, `use`, and the SQL.
    assert len(compiled.statements) == 3
    (sql,) = compiled.sql
    assert sql.strip().endswith(f"show partitions {glue_lake.raw}.records")


def test_an_iceberg_table_of_records_works_too(empty_glue_lake: GlueLake) -> None:
    lake = empty_glue_lake
    lake.register_cpfs([CPF_ONE, CPF_TWO])
    rows = ", ".join(
        f"('{name}', '000{document}', {day})"
        for name, document, day in [
            ("old", CPF_ONE, "'20251021'"),
            ("b", CPF_TWO, "'20251022'"),
            ("a", CPF_ONE, "'20251022'"),
            ("null", CPF_ONE, "null"),
        ]
    )
    lake.stand_in.run_python(
        f"""spark.sql('''
            create table {lake.raw}.records using iceberg partitioned by (ano_mes_dia)
            location 's3://{lake.bucket.name}/{lake.raw}/iceberg' as
            select * from values {rows} as given(id, documento, ano_mes_dia)
        ''')""",
        conf=lake.conf,
    )
    # And those of the data tests that ask for a partition, too.
    asking = ("assert_newest_partition_was_read", "assert_records_have_documents")
    only = ("--indirect-selection", "empty", "--select", "+int_matched_ids_summary", *asking)
    built = run(lake, "build", "--target", "glue", *only)
    assert built.ended.success, built.ended.output
    assert (
        f"20251022 (2 considered, next newest 20251021, 1 ignored: ano_mes_dia={DEFAULT_PARTITION} (null))"
        in built.ended.output
    )
    assert lake.stand_in.rows(f"select id from {lake.schema}.int_matched_ids") == [["a"], ["b"]]
    assert len([sql for sql in built.sql if f"from {lake.raw}.records.partitions" in sql]) == 1


def test_a_file_without_the_column_fails_the_build(glue_lake: GlueLake) -> None:
    glue_lake.write("records/ano_mes_dia=20251022/b.parquet", id=["lost"])
    ended = glue_lake.build("--select", "stg_records")
    assert not ended.success
    assert "FAIL 1 assert_records_have_documents" in ended.output
    assert "has 5 records, 1 of them (20.00 %) without a document" in ended.output


@pytest.mark.parametrize("missing", ["MATCHED_IDS_GLUE_ROLE_ARN", "MATCHED_IDS_GLUE_LOCATION"])
def test_a_missing_address_is_named(glue_lake: GlueLake, missing: str) -> None:
    glue_lake.unset.add(missing)
    ended = glue_lake.dbt("parse", "--target", "glue")
    assert not ended.success
    assert f"Env var required but not provided: '{missing}'" in ended.output


def test_a_table_that_is_not_there_is_told_without_a_session(empty_glue_lake: GlueLake) -> None:
    compiled = run(empty_glue_lake, "compile", "--target", "glue", "--select", "stg_records")
    assert not compiled.ended.success
    assert f"the table {empty_glue_lake.raw}.records is not in the Glue Data Catalog" in compiled.ended.output
    assert not [call for call in compiled.calls if call.operation == "CreateSession"]


def test_a_table_that_may_not_be_seen_is_not_called_missing(glue_lake: GlueLake) -> None:
    glue_lake.stand_in.reset()
    glue_lake.stand_in.faults.deny("GetTable", table=f"{glue_lake.raw}.records", caller="ci")
    ended = glue_lake.dbt("compile", "--target", "glue", "--select", "stg_records")
    assert not ended.success
    assert "AccessDeniedException" in ended.output
