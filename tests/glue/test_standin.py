"""The stand-in itself, as boto3 sees it: what the tests that use it take for granted."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.glue.catalog import parquet_table
from tests.glue.conftest import ROLE, GlueLake
from tests.glue.standin import StandIn

_numbers = itertools.count(1)


class GlueSession:
    """A session as a client uses it."""

    def __init__(self, lake: GlueLake) -> None:
        self.glue = lake.glue
        self.id = f"session-{next(_numbers)}"
        self.glue.create_session(
            Id=self.id,
            Role=ROLE,
            Command={"Name": "glueetl", "PythonVersion": "3"},
            DefaultArguments={"--conf": lake.conf},
        )

    @property
    def status(self) -> str:
        return str(self.glue.get_session(Id=self.id)["Session"]["Status"])

    def start(self, code: str) -> int:
        return int(self.glue.run_statement(SessionId=self.id, Code=code)["Id"])

    def look(self, number: int) -> dict[str, Any]:
        statement: dict[str, Any] = self.glue.get_statement(SessionId=self.id, Id=number)["Statement"]
        return statement

    def run(self, code: str) -> dict[str, Any]:
        number = self.start(code)
        while (statement := self.look(number))["State"] in ("WAITING", "RUNNING"):
            time.sleep(0.1)
        return statement

    def text(self, code: str) -> str:
        output = self.run(code)["Output"]
        assert output["Status"] == "ok", output
        return str(output["Data"]["TextPlain"])


@pytest.fixture
def lake(empty_glue_lake: GlueLake) -> GlueLake:
    return empty_glue_lake


@pytest.fixture
def session(lake: GlueLake) -> Iterator[GlueSession]:
    session = GlueSession(lake)
    while session.status == "PROVISIONING":
        pass
    yield session
    lake.stand_in.faults.clear()
    session.glue.delete_session(Id=session.id)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_session_is_provisioned_then_ready_then_stopped(lake: GlueLake) -> None:
    with pytest.raises(lake.glue.exceptions.EntityNotFoundException):
        lake.glue.get_session(Id="nobody")
    session = GlueSession(lake)
    assert session.status == "PROVISIONING"
    while (status := session.status) == "PROVISIONING":
        pass
    assert status == "READY"
    with pytest.raises(ClientError) as refused:
        lake.glue.create_session(Id=session.id, Role=ROLE, Command={"Name": "glueetl"})
    assert code_of(refused) == "AlreadyExistsException"
    assert session.id in lake.glue.list_sessions()["Ids"]
    lake.glue.stop_session(Id=session.id)
    assert session.status == "STOPPED"
    with pytest.raises(ClientError) as refused:
        session.start("1")
    assert code_of(refused) == "IllegalSessionStateException"
    lake.glue.delete_session(Id=session.id)
    with pytest.raises(lake.glue.exceptions.EntityNotFoundException):
        lake.glue.get_session(Id=session.id)


def test_statements_share_a_namespace_and_their_output_is_kept(lake: GlueLake, session: GlueSession) -> None:
    assert session.text("a = spark.range(3).count()") == ""
    assert session.text("print('printed')\na + 1") == "printed\n4"
    assert [statement["State"] for statement in lake.glue.list_statements(SessionId=session.id)["Statements"]] == [
        "AVAILABLE",
        "AVAILABLE",
    ]


def test_a_statement_that_fails_says_why(session: GlueSession) -> None:
    output = session.run("spark.sql('select * from nowhere')")["Output"]
    assert (output["Status"], output["ErrorName"]) == ("error", "AnalysisException")
    assert "TABLE_OR_VIEW_NOT_FOUND" in output["ErrorValue"]
    assert output["Traceback"]
    assert session.text("1") == "1"


def test_sessions_do_not_see_each_other(lake: GlueLake, session: GlueSession) -> None:
    other = GlueSession(lake)
    while other.status == "PROVISIONING":
        pass
    session.text("a = 1; spark.conf.set('spark.sql.shuffle.partitions', '7')")
    assert other.run("a")["Output"]["ErrorName"] == "NameError"
    assert other.text("spark.conf.get('spark.sql.shuffle.partitions')") == "'4'"
    # But they are one Spark application: that is what makes the tests fast.
    application = "spark.sparkContext.applicationId"
    assert other.text(application) == session.text(application)


@pytest.mark.parametrize(
    "code", ["import time; time.sleep(60)", "spark.range(10**12).selectExpr('sum(id % 7)').collect()"]
)
def test_a_statement_can_be_cancelled(lake: GlueLake, session: GlueSession, code: str) -> None:
    lake.stand_in.sessions.patience_seconds = 0
    number = session.start(code)
    while session.look(number)["State"] == "WAITING":
        time.sleep(0.1)
    time.sleep(0.5)
    session.glue.cancel_statement(SessionId=session.id, Id=number)
    begun = time.monotonic()
    while session.look(number)["State"] == "CANCELLING":
        assert time.monotonic() < begun + 120
        time.sleep(0.1)
    assert session.look(number)["State"] == "CANCELLED"
    assert session.text("1 + 1") == "2"


def test_lists_come_in_pages(lake: GlueLake) -> None:
    names = [f"{lake.raw}_{number:03}" for number in range(120)]
    for name in names:
        lake.glue.create_database(DatabaseInput={"Name": name})
    first = lake.glue.get_databases()
    assert len(first["DatabaseList"]) == 100
    assert first["NextToken"]
    pages = lake.glue.get_paginator("get_databases").paginate()
    assert set(names) <= {database["Name"] for page in pages for database in page["DatabaseList"]}
    for name in names:
        lake.glue.delete_database(Name=name)

    lake.register_records({})
    days = [f"2025{month:02}{day:02}" for month in (9, 10) for day in range(1, 29)]
    lake.glue.batch_create_partition(
        DatabaseName=lake.raw,
        TableName="records",
        PartitionInputList=[
            {
                "Values": [day],
                "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "string"}], "Location": "s3://x/"},
            }
            for day in days
        ],
    )
    asked = {"DatabaseName": lake.raw, "TableName": "records", "Expression": "ano_mes_dia >= '20251001'"}
    found = lake.glue.get_partitions(**asked, MaxResults=20, ExcludeColumnSchema=True)
    assert len(found["Partitions"]) == 20
    assert all("Columns" not in partition["StorageDescriptor"] for partition in found["Partitions"])
    rest = lake.glue.get_partitions(**asked, NextToken=found["NextToken"])
    values = [partition["Values"][0] for partition in found["Partitions"] + rest["Partitions"]]
    assert values == [day for day in days if day >= "20251001"]
    assert "NextToken" not in rest


def test_of_two_updates_of_one_version_one_is_refused(lake: GlueLake) -> None:
    lake.register_records({})
    table = lake.glue.get_table(DatabaseName=lake.raw, Name="records")["Table"]
    definition = {"location": "s3://x/", "columns": [], "partition_keys": []}
    asked = {"DatabaseName": lake.raw, "TableInput": parquet_table("records", definition)}
    lake.glue.update_table(**asked, VersionId=table["VersionId"])
    with pytest.raises(ClientError) as refused:
        lake.glue.update_table(**asked, VersionId=table["VersionId"])
    assert code_of(refused) == "ConcurrentModificationException"


def test_what_a_loader_registers_is_there_for_spark(lake: GlueLake) -> None:
    count = f"select ano_mes_dia, count(*) from {lake.raw}.records group by 1 order by 1"
    lake.register_records({"20251021": [("a", "1"), ("b", "2")]})
    assert lake.stand_in.rows(count, lake.conf) == [["20251021", 2]]
    lake.add_day("00020251022", [("c", "3")])  # partition values are texts
    assert lake.stand_in.rows(count, lake.conf) == [["00020251022", 1], ["20251021", 2]]
    lake.glue.delete_partition(DatabaseName=lake.raw, TableName="records", PartitionValues=["20251021"])
    assert lake.stand_in.rows(count, lake.conf) == [["00020251022", 1]]
    lake.glue.delete_table(DatabaseName=lake.raw, Name="records")
    assert lake.stand_in.rows(f"show tables in {lake.raw}", lake.conf) == []
    lake.documents.clear()  # made up and short: everything has a 1 in it


def test_what_spark_makes_is_there_for_the_api(lake: GlueLake) -> None:
    def tables() -> dict[str, Any]:
        return {table["Name"]: table for table in lake.glue.get_tables(DatabaseName=lake.schema)["TableList"]}

    def run(sql: str) -> None:
        lake.stand_in.run_python(f"spark.sql({sql!r})", lake.conf)

    place = f"s3://{lake.bucket.name}/tables/{lake.schema}"
    run(f"create database {lake.schema} location '{place}'")
    assert lake.glue.get_database(Name=lake.schema)["Database"]["LocationUri"] == place
    run(f"create table {lake.schema}.numbers using parquet location '{place}/numbers' as select 1 as n, '7' as day")
    run(f"create view {lake.schema}.shown as select n from {lake.schema}.numbers")
    made = tables()
    assert made["numbers"]["TableType"] == "EXTERNAL_TABLE"
    assert made["numbers"]["StorageDescriptor"]["Location"] == f"{place}/numbers"
    assert made["numbers"]["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"].endswith(".ParquetHiveSerDe")
    assert [(one["Name"], one["Type"]) for one in made["numbers"]["StorageDescriptor"]["Columns"]] == [
        ("n", "int"),
        ("day", "string"),
    ]
    assert (made["shown"]["TableType"], made["shown"]["ViewOriginalText"]) == (
        "VIRTUAL_VIEW",
        f"select n from {lake.schema}.numbers",
    )
    run(f"create or replace view {lake.schema}.shown as select n + 1 as m from {lake.schema}.numbers")
    assert tables()["shown"]["ViewOriginalText"].startswith("select n + 1")
    run(f"drop view {lake.schema}.shown")
    run(f"drop table {lake.schema}.numbers")
    assert tables() == {}
    assert {(call.operation, call.is_mirrored) for call in lake.stand_in.calls if call.caller == "glue"} >= {
        ("CreateTable", True),
        ("UpdateTable", True),
        ("DeleteTable", True),
    }


def test_partitions_that_spark_writes_are_there_for_the_api(lake: GlueLake) -> None:
    place = f"s3://{lake.bucket.name}/{lake.raw}/days"
    create = f"create table {lake.raw}.days using parquet partitioned by (day) location '{place}'"
    lake.stand_in.run_python(f"spark.sql({create!r} + \" as select 1 as n, '07' as day\")", lake.conf)
    insert = f"insert into {lake.raw}.days values (2, '08')"
    lake.stand_in.run_python(f"spark.sql({insert!r})", lake.conf)
    found = lake.glue.get_partitions(DatabaseName=lake.raw, TableName="days")["Partitions"]
    assert {one["Values"][0]: one["StorageDescriptor"]["Location"] for one in found} == {
        "07": f"{place}/day=07",
        "08": f"{place}/day=08",
    }


@pytest.mark.parametrize(("operation", "code"), [("GetTable", "AccessDeniedException"), ("*", "ExpiredTokenException")])
def test_refusals_strike_what_they_name(lake: GlueLake, operation: str, code: str) -> None:
    lake.register_records({})
    lake.stand_in.faults.refuse(code, operation, caller="ci")
    with pytest.raises(ClientError) as refused:
        lake.glue.get_table(DatabaseName=lake.raw, Name="records")
    assert code_of(refused) == code
    assert lake.stand_in.calls[-1].error == code
    assert lake.stand_in.rows(f"select * from {lake.raw}.records", lake.conf) == []  # the Glue role still may
    lake.stand_in.faults.clear()
    assert lake.glue.get_table(DatabaseName=lake.raw, Name="records")["Table"]["Name"] == "records"


def test_throttling_ends_after_so_many_calls(lake: GlueLake) -> None:
    lake.stand_in.faults.throttle("GetDatabases", times=2)
    assert lake.glue.get_databases()["DatabaseList"]  # boto3 asks again by itself
    assert [call.error for call in lake.stand_in.calls if call.operation == "GetDatabases"] == [
        "ThrottlingException",
        "ThrottlingException",
        None,
    ]


def test_a_session_can_fail_before_it_is_ready(lake: GlueLake) -> None:
    lake.stand_in.faults.fail_sessions()
    session = GlueSession(lake)
    assert [session.status, session.status] == ["PROVISIONING", "FAILED"]


def test_a_session_can_end_amid_a_statement(lake: GlueLake, session: GlueSession) -> None:
    lake.stand_in.faults.end_session_at("second", nth=1)
    assert session.text("'first'") == "'first'"
    number = session.start("'second'")
    with pytest.raises(ClientError) as refused:
        session.look(number)
    assert code_of(refused) == "IllegalSessionStateException"
    assert session.status == "FAILED"


def test_a_statement_can_time_out(lake: GlueLake, session: GlueSession) -> None:
    lake.stand_in.faults.time_out_statement("create", nth=2)
    assert [session.run(f"'create {number}'")["State"] for number in range(3)] == ["AVAILABLE", "TIMEOUT", "AVAILABLE"]


def test_callers_are_told_apart(lake: GlueLake, stand_in: StandIn) -> None:
    stand_in.reset()
    lake.register_records({})
    stand_in.rows(f"select * from {lake.raw}.records", lake.conf)
    asked = {(call.caller, call.operation) for call in stand_in.calls if call.resource == f"{lake.raw}.records"}
    assert asked == {("ci", "CreateTable"), ("glue", "GetTable")}
