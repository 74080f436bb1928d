"""The Glue catalog by unmodified boto3 over HTTP, and `publisher latest-partition` as its users start it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from botocore.config import Config

from demo.seaweedfs import Endpoint
from publisher.aws.clients import Deadline
from publisher.errors import SourceNotReady, StoreFailed
from publisher.lake.glue import ExpressionRefused, GlueCatalog, GlueTable
from publisher.latest_partition import Latest, Wanted, latest_partition
from tests import forked
from tests.conftest import Bucket, WriteTable
from tests.memory_store import MemoryStore
from tests.publisher.cli.test_cli import publish
from tests.publisher.lake import glue_server
from tests.publisher.lake.glue_server import GlueServer

SECRET = "AKIAIOSFODNN7EXAMPLE"
TODAY = datetime.now(timezone.utc).date()


@pytest.fixture
def glue() -> Iterator[GlueServer]:
    with glue_server.running() as server:
        yield server


def client(url: str, attempts: int = 1) -> Any:
    return boto3.client(
        "glue",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=SECRET,
        aws_secret_access_key="secret",
        config=Config(
            retries={"total_max_attempts": attempts, "mode": "standard"}, connect_timeout=30, read_timeout=60
        ),
    )


def catalog(glue: GlueServer) -> GlueCatalog:
    return GlueCatalog(client=client(glue.url))


def days(count: int, last: date = TODAY) -> list[str]:
    return [f"{last - timedelta(days=ago):%Y%m%d}" for ago in range(count)][::-1]


# Which metadata of an Iceberg table is current.

ENTRY: dict[str, Any] = {
    "VersionId": "7", "CreateTime": 1_761_000_000, "IsRegisteredWithLakeFormation": False, "CatalogId": "123456789012",
    "Description": "one row an id", "Owner": "ana", "Retention": 0, "PartitionKeys": [],
    "StorageDescriptor": {"Location": "s3://lake/t", "Columns": [{"Name": "id", "Type": "string", "Comment": "an id"}]},
    "Parameters": {
        "table_type": "ICEBERG", "metadata_location": "s3://lake/t/metadata/1.json", "of somebody": "else",
        "previous_metadata_location": "s3://lake/t/metadata/0.json",
    },
}  # fmt: skip


def test_other_metadata_becomes_current_and_of_the_entry_all_else_stays(glue: GlueServer) -> None:
    glue.add(**ENTRY)
    before = glue.tables["raw", "records"]
    assert catalog(glue).replace_metadata(
        "raw", "records", "s3://lake/t/metadata/1.json", "s3://lake/t/metadata/2.json"
    )
    moved = {
        "metadata_location": "s3://lake/t/metadata/2.json",
        "previous_metadata_location": "s3://lake/t/metadata/1.json",
    }
    after = glue.tables["raw", "records"]
    assert after == {**before, "VersionId": "8", "Parameters": {**before["Parameters"], **moved}}
    assert glue.asked[-1][1]["SkipArchive"] is True


def test_metadata_is_not_replaced_where_another_is_current_or_becomes_so(glue: GlueServer) -> None:
    glue.add(**ENTRY)
    before = dict(glue.tables["raw", "records"])
    assert not catalog(glue).replace_metadata("raw", "records", "s3://lake/t/metadata/0.json", "s3://lake/t/x.json")
    table = json.dumps({"Table": {**before, "VersionId": "6"}})  # what was read, before somebody else wrote
    glue.answers.append((200, table))
    assert not catalog(glue).replace_metadata("raw", "records", "s3://lake/t/metadata/1.json", "s3://lake/t/x.json")
    assert glue.tables["raw", "records"] == before


def test_who_may_not_commit_is_told_the_right(glue: GlueServer) -> None:
    glue.add(**ENTRY)
    glue.answers += [
        (200, json.dumps({"Table": glue.tables["raw", "records"]})),
        (400, json.dumps({"__type": "AccessDeniedException", "Message": "no"})),
    ]
    with pytest.raises(StoreFailed, match=r"committing to the table raw\.records") as raised:
        catalog(glue).replace_metadata("raw", "records", "s3://lake/t/metadata/1.json", "s3://lake/t/x.json")
    assert raised.value.is_denied
    assert "Grant these credentials glue:UpdateTable on the catalog, the database and the table" in raised.value.hint


# The catalog.


PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"StorageDescriptor": PARQUET}, "parquet"),
        ({"StorageDescriptor": PARQUET, "Parameters": {"spark.sql.sources.provider": "parquet"}}, "parquet"),
        ({"StorageDescriptor": PARQUET, "Parameters": {"spark.sql.sources.provider": "DELTA"}}, "delta"),
        ({"StorageDescriptor": PARQUET, "Parameters": {"table_type": "delta"}}, "delta"),
        ({"Parameters": {"table_type": "ICEBERG", "metadata_location": "s3://a/m.json"}}, "iceberg"),
        ({"Parameters": {"table_type": "iceberg"}, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": {}}, "iceberg"),
        ({"TableType": "VIRTUAL_VIEW", "StorageDescriptor": PARQUET}, "view"),
        ({"TargetTable": {"CatalogId": "1", "DatabaseName": "a", "Name": "b"}}, "link"),
        ({"StorageDescriptor": {**PARQUET, "InputFormat": "org.apache.hudi.hadoop.HoodieParquetInputFormat"}}, "hudi"),
        (
            {"StorageDescriptor": {**PARQUET, "InputFormat": "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"}},
            "symlink",
        ),
        (
            {"StorageDescriptor": {"SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.orc.OrcSerde"}}},
            "orc",
        ),
        ({"StorageDescriptor": {"InputFormat": "org.apache.hadoop.mapred.TextInputFormat"}}, "textinputformat"),
        ({}, "unknown"),
    ],
)
def test_what_a_table_is(glue: GlueServer, said: dict[str, Any], kind: str) -> None:
    glue.tables["raw", "records"] = {"Name": "records", **said}
    found = catalog(glue).table("raw", "records")
    assert found.kind == kind
    assert found.metadata_location == said.get("Parameters", {}).get("metadata_location")
    assert (found.location, found.partition_columns) == (None, ())


def test_a_table_and_its_partitions(glue: GlueServer) -> None:
    glue.add(("2025", "a b/c"), keys="ano int, nome string")
    found = catalog(glue)
    assert found.table("raw", "records") == GlueTable(
        "raw", "records", "parquet", "s3://lake/records", None, (("ano", "int"), ("nome", "string"))
    )
    (partition,) = found.partitions("raw", "records")
    assert partition.values == ("2025", "a b/c")
    assert partition.location == "s3://lake/records/ano=2025/nome=a b/c"
    assert partition.created == datetime(2025, 10, 20, 22, 40, 0, 500000, tzinfo=timezone.utc)


def test_all_pages_are_read_and_none_has_columns(glue: GlueServer) -> None:
    glue.add(*days(10_000))
    found = catalog(glue)
    assert [partition.values[0] for partition in found.partitions("raw", "records")] == days(10_000)
    assert (found.requests, len(glue.asked)) == (15, 15)
    assert all(given["ExcludeColumnSchema"] is True for _, given in glue.asked)
    assert ["NextToken" in given for _, given in glue.asked] == [False] + [True] * 14
    assert not any("Expression" in given for _, given in glue.asked)
    chosen = [*found.partitions("raw", "records", f"ano_mes_dia >= '{days(3)[0]}'")]
    assert [partition.values[0] for partition in chosen] == days(3)
    assert all("Expression" in given for _, given in glue.asked[15:])


def test_a_client_that_lists_without_what_this_test_proves_would_be_noticed(glue: GlueServer) -> None:
    glue.add(*days(10))
    bare = client(glue.url).get_partitions(DatabaseName="raw", TableName="records", MaxResults=4)
    assert "Columns" in bare["Partitions"][0]["StorageDescriptor"]
    assert len(bare["Partitions"]) == 4


def of(name: str) -> Callable[[GlueCatalog], Any]:
    if name == "table":
        return lambda found: found.table("raw", "records")
    return lambda found: list(found.partitions("raw", "records"))


READS = pytest.mark.parametrize("read", [of("table"), of("partitions")], ids=["table", "partitions"])


@READS
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDeniedException", "lakeformation:GetDataAccess"),
        ("ThrottlingException", "five times"),
        ("ExpiredTokenException", "renew them"),
        ("UnrecognizedClientException", "renew them"),
        ("InvalidSignatureException", "renew them"),
        ("GlueEncryptionException", "kms:Decrypt"),
        ("InternalServiceException", "Check the region"),
        ("InvalidInputException", "Check the names"),
        ("com.amazonaws.glue#OperationTimeoutException", "Check the region"),
    ],
)
def test_a_refusal_says_what_to_do_and_nothing_of_what_was_asked(
    glue: GlueServer, read: Callable[[GlueCatalog], Any], code: str, words: str
) -> None:
    text = f"User arn:aws:iam::1:user/x ({SECRET}) is not allowed"
    glue.answers = [(400, json.dumps({"__type": code, "Message": text}))]
    with pytest.raises(StoreFailed) as raised:
        read(catalog(glue))
    told = f"{raised.value.message} {raised.value.hint}"
    assert code.rpartition("#")[2] in told
    assert "raw.records in us-east-1" in told
    assert words in told
    assert "arn:" not in told
    assert SECRET not in told
    assert "\n" not in told


@READS
def test_a_missing_table_is_a_source_that_is_not_ready(glue: GlueServer, read: Callable[[GlueCatalog], Any]) -> None:
    with pytest.raises(SourceNotReady, match=r"The table raw\.records, or its database, is not in the Glue catalog"):
        read(catalog(glue))


@READS
@pytest.mark.parametrize(
    "answer",
    [
        (200, "<html>a gateway's page</html>"),
        (200, '{"Table": {"Name": "rec'),
        (200, "[1]"),
        (200, "null"),
        (200, ""),
        (200, '{"Table": null, "Partitions": null}'),
        (200, '{"Table": 7, "Partitions": 7}'),
        (200, '{"Table": {"PartitionKeys": [{}]}, "Partitions": [{}]}'),
        (200, '{"Table": {"PartitionKeys": 7}, "Partitions": [{"Values": 7}]}'),
        (200, '{"Table": [], "Partitions": [{"Values": ["1"], "CreationTime": "yesterday?"}]}'),
        (403, "<html>a gateway's page</html>"),
        (500, "<html>a gateway's page</html>"),
        (302, ""),
    ],
)
def test_an_answer_that_is_not_glue_s(
    glue: GlueServer, read: Callable[[GlueCatalog], Any], answer: tuple[int, str]
) -> None:
    glue.answers = [answer]
    with pytest.raises(StoreFailed, match="Glue failed while") as raised:
        read(catalog(glue))
    assert "html" not in raised.value.message


@READS
def test_nobody_answers(read: Callable[[GlueCatalog], Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
    with pytest.raises(StoreFailed, match="EndpointConnectionError"):
        read(GlueCatalog(client=client(url)))


def test_a_hiccup_is_retried(glue: GlueServer) -> None:
    glue.add("20251022")
    glue.answers = [(500, ""), (400, '{"__type": "ThrottlingException"}')]
    assert GlueCatalog(client=client(glue.url, attempts=3)).table("raw", "records").kind == "parquet"
    assert len(glue.asked) == 3


def test_a_failure_in_the_middle_of_a_listing(glue: GlueServer) -> None:
    glue.add(*days(2000))
    found = catalog(glue).partitions("raw", "records")
    assert next(found).values == (days(2000)[0],)
    glue.answers = [(400, '{"__type": "AccessDeniedException"}')]
    with pytest.raises(StoreFailed, match="AccessDeniedException"):
        list(found)


@READS
def test_the_deadline_ends_it(glue: GlueServer, read: Callable[[GlueCatalog], Any]) -> None:
    glue.add(*days(2000))
    with pytest.raises(StoreFailed, match="deadline"):
        read(GlueCatalog(client=client(glue.url), deadline=Deadline(-1)))
    assert glue.asked == []


def test_the_deadline_ends_a_listing_between_two_pages(glue: GlueServer) -> None:
    glue.add(*days(2000))
    found = GlueCatalog(client=client(glue.url), deadline=Deadline(0.5)).partitions("raw", "records")
    next(found)
    time.sleep(0.6)
    with pytest.raises(StoreFailed, match="deadline"):
        list(found)
    assert len(glue.asked) == 1


@pytest.mark.parametrize(
    ("keys", "values", "expression"),
    [
        ("dia string", ["1"], "mes >= '1'"),
        ("dia string", ["1"], "dia >>> 1"),
        ("dia int", ["__HIVE_DEFAULT_PARTITION__"], "dia >= 1"),
    ],
)
def test_an_expression_that_glue_refuses(glue: GlueServer, keys: str, values: list[str], expression: str) -> None:
    glue.add(*values, keys=keys)
    with pytest.raises(ExpressionRefused):
        list(catalog(glue).partitions("raw", "records", expression))


def test_moto_s_catalog(moto: Endpoint) -> None:
    glue = boto3.client("glue", "us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
    glue.create_database(DatabaseInput={"Name": "lake_of_moto"})
    keys = [{"Name": "dia", "Type": "string"}]
    glue.create_table(
        DatabaseName="lake_of_moto",
        TableInput={"Name": "t", "PartitionKeys": keys, "StorageDescriptor": {**PARQUET, "Location": "s3://a/t"}},
    )
    for value in ("20251021", "20251022", "__HIVE_DEFAULT_PARTITION__"):
        glue.create_partition(
            DatabaseName="lake_of_moto",
            TableName="t",
            PartitionInput={"Values": [value], "StorageDescriptor": {**PARQUET, "Location": f"s3://a/t/{value}"}},
        )
    found = GlueCatalog(client=glue)
    expected = GlueTable(
        "lake_of_moto", "t", "parquet", "s3://a/t", None, (("dia", "string"),),
        catalog="arn:aws:glue:us-east-1:123456789012",
    )  # fmt: skip
    assert found.table("lake_of_moto", "t") == expected
    (newest, ignored) = found.partitions("lake_of_moto", "t", "dia >= '20251022' or dia like '_________%'")
    assert (newest.values, newest.location) == (("20251022",), "s3://a/t/20251022")
    assert newest.created is not None
    assert ignored.values == ("__HIVE_DEFAULT_PARTITION__",)
    with pytest.raises(SourceNotReady):
        found.table("lake_of_moto", "none")
    with pytest.raises(SourceNotReady):
        found.table("none", "t")


# The newest partition of a long list.


def find(glue: GlueServer, **wanted: Any) -> Latest:
    now = datetime.combine(TODAY, datetime.min.time(), timezone.utc)
    return latest_partition(Wanted("raw", "records", **wanted), catalog(glue), lambda _: MemoryStore(), now)


@pytest.mark.parametrize(
    ("keys", "columns", "expression"),
    [
        (
            "ano_mes_dia string",
            ("ano_mes_dia",),
            "ano_mes_dia >= '{since:%Y%m%d}' or ano_mes_dia < '1900' or ano_mes_dia between '20' and '200'"
            " or ano_mes_dia between '{since:%Y}' and '{since:%Y}0'"
            " or ano_mes_dia like '____2%' or ano_mes_dia like '____3%'"
            " or ano_mes_dia like '___' or ano_mes_dia like '____' or ano_mes_dia like '_____'"
            " or ano_mes_dia like '______' or ano_mes_dia like '_______' or ano_mes_dia like '_________%'",
        ),
        ("ano_mes_dia int", ("ano_mes_dia",), "ano_mes_dia >= {since:%Y%m%d} or ano_mes_dia < 20130000"),
        (
            "ano string, mes string, dia string",
            ("ano", "mes", "dia"),
            "ano >= '{since:%Y}' or ano < '1900' or ano between '20' and '200' or ano like '___' or ano like '_____%'",
        ),
    ],
)
def test_ten_thousand_partitions_are_not_all_fetched(
    glue: GlueServer, keys: str, columns: tuple[str, ...], expression: str
) -> None:
    last = TODAY - timedelta(days=1)
    # Integers of long ago are listed, so that day-first ones are.
    count = 4_000 if "int" in keys else 10_000
    glue.add(*((day,) if len(columns) == 1 else (day[:4], day[4:6], day[6:]) for day in days(count, last)), keys=keys)
    glue.page_size = 1000
    narrowed, everything = find(glue, columns=columns), find(glue, columns=columns, since_days=0)
    assert narrowed.partition == everything.partition
    assert narrowed.location == everything.location
    assert narrowed.expression == expression.format(since=TODAY - timedelta(days=35))
    assert (narrowed.considered < 1400, everything.considered) == (True, count)
    assert [given.get("Expression") for _, given in glue.asked[1:3]] == [None, narrowed.expression]


def test_an_expression_that_meets_the_default_partition_of_a_number_does_not_fail(glue: GlueServer) -> None:
    glue.add(*days(3000), "__HIVE_DEFAULT_PARTITION__", keys="ano_mes_dia int")
    latest = find(glue)
    assert (latest.partition, latest.considered, latest.expression) == (days(1)[0], 3000, None)
    assert "refused the Expression" in latest.notes[0]


# The command.


def run(glue: GlueServer, bucket: Bucket, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **bucket.endpoint.environment(), **glue.environment(), **environment}
    given = {name: value for name, value in variables.items() if value}
    return forked.publisher.run(["latest-partition", *arguments], given)


def test_a_shell_gets_the_name_alone(glue: GlueServer, bucket: Bucket) -> None:
    glue.add("20251021", "20251022", "__HIVE_DEFAULT_PARTITION__")
    ended = run(glue, bucket)
    assert (ended.returncode, ended.stdout) == (0, "20251022\n")
    assert ended.stderr == (
        "publisher: the newest partition is 20251022 (2 considered, next newest 20251021, 1 ignored: "
        "ano_mes_dia=__HIVE_DEFAULT_PARTITION__ (null))\n"
    )
    glue.add(("2025", "9"), ("2025", "10"), keys="ano string, mes string")
    ended = run(glue, bucket, MATCHED_IDS_PARTITION_COLUMNS="ano, mes")
    assert (ended.returncode, ended.stdout) == (0, "ano=2025/mes=10\n")
    assert run(glue, bucket, "--partition-columns", "mes").stdout == "10\n"


def test_the_report(glue: GlueServer, bucket: Bucket) -> None:
    junk = [f"x{number}" for number in range(7)]
    glue.add("20251021", "20251022", *junk)
    ended = run(glue, bucket, "--json")
    assert json.loads(ended.stdout) == {
        "status": "found",
        "partition": "20251022",
        "location": "s3://lake/records/ano_mes_dia=20251022",
        "created": "2025-10-20T22:40:00.500000+00:00",
        "considered": 2,
        "previous": "20251021",
        "ignored": {
            "count": 7,
            "partitions": [
                {"partition": f"ano_mes_dia={name}", "why": "not as partition_value_pattern"} for name in junk[:5]
            ],
        },
        "not_ready": [],
        "expression": None,
        "requests": 2,
    }


def test_settings_come_from_the_models_variables(glue: GlueServer, bucket: Bucket) -> None:
    glue.add("20251022", "99991231")
    ended = run(glue, bucket)
    assert (ended.returncode, ended.stdout) == (5, "")
    assert "99991231, is " in ended.stderr
    assert "max_partition_days_ahead allows 1." in ended.stderr
    ahead = run(glue, bucket, MATCHED_IDS_MAX_PARTITION_DAYS_AHEAD="9999999")
    assert (ahead.stdout, "allows 2" in run(glue, bucket, "--max-partition-days-ahead", "2").stderr) == (
        "99991231\n",
        True,
    )
    assert run(glue, bucket, MATCHED_IDS_PARTITION_VALUE_PATTERN="^20[0-9]{6}$").stdout == "20251022\n"
    assert run(glue, bucket, MATCHED_IDS_RECORDS_TABLE="none").returncode == 5
    here = {"MATCHED_IDS_RECORDS_TABLE": "none", "MATCHED_IDS_PARTITION_VALUE_PATTERN": "^2"}
    assert run(glue, bucket, "--table", "glue:raw.records", **here).returncode == 0
    ended = run(glue, bucket, MATCHED_IDS_MAX_PARTITION_AGE_DAYS="2", MATCHED_IDS_PARTITION_VALUE_PATTERN="^2")
    assert "20251022, " in ended.stderr
    assert (ended.returncode, "allows 2" in ended.stderr) == (5, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--newer-than-active",), "needs --to"),
        (("--table", "parquet:/x"), "is not of the form glue:"),
        (("--partition-columns", "a b"), "is not a column name"),
        (("--partition-value-pattern", "("), "is not a regular expression"),
        (("--ready-after", "soon"), "cannot be read"),
        (("--ready-file", "a/b"), "is not the name of a file"),
        (("--since-days", "-1"), "since-days"),
        (("--max-partition-age-days", "two"), "max-partition-age-days"),
        (("--max-partition-days-ahead", "-1"), "max-partition-days-ahead"),
    ],
)
def test_usage(glue: GlueServer, bucket: Bucket, arguments: tuple[str, ...], words: str) -> None:
    ended = run(glue, bucket, *arguments)
    assert (ended.returncode, ended.stdout, words in ended.stderr) == (2, "", True)
    assert glue.asked == []


def test_a_source_that_is_not_ready_and_a_catalog_that_refuses(glue: GlueServer, bucket: Bucket) -> None:
    glue.add("__HIVE_DEFAULT_PARTITION__")
    ended = run(glue, bucket, "--json")
    assert (ended.returncode, json.loads(ended.stdout)["error"]) == (5, "SourceNotReady")
    assert "no usable partition (1 ignored" in ended.stderr
    glue.answers = [(400, json.dumps({"__type": "AccessDeniedException", "Message": "arn:aws:iam::1:user/x"}))]
    ended = run(glue, bucket)
    assert (ended.returncode, ended.stdout, "glue:GetTable" in ended.stderr) == (7, "", True)
    assert "arn:" not in ended.stderr
    glue.answers = []
    glue.add("20251022")
    ended = run(glue, bucket, "--deadline", "0s")
    assert (ended.returncode, "deadline" in ended.stderr) == (7, True)


def test_polling_until_something_is_new(glue: GlueServer, bucket: Bucket, write_table: WriteTable) -> None:
    newer = ("--newer-than-active", "--to", f"s3://{bucket.name}")
    glue.add("20251021", "20251022")
    assert run(glue, bucket, *newer).stdout == "20251022\n"  # nothing is active yet
    assert publish(bucket, write_table(["a"])).returncode == 0  # from 20251022
    ended = run(glue, bucket, *newer)
    assert (ended.returncode, ended.stdout) == (8, "")
    assert "Active comes from 20251022, the newest partition of raw.records." in ended.stderr
    report = json.loads(run(glue, bucket, *newer, "--json").stdout)
    assert (report["status"], report["exit_code"], report["error"]) == ("nothing new", 8, "NothingNew")
    assert run(glue, bucket).stdout == "20251022\n"
    glue.add("20251021", "20251022", "20251023")
    assert run(glue, bucket, *newer).stdout == "20251023\n"
    glue.add(("2025", "10", "23"), keys="ano string, mes string, dia string")
    ended = run(glue, bucket, *newer, "--partition-columns", "ano,mes,dia")
    assert (ended.returncode, "cannot be compared" in ended.stderr) == (3, True)


def test_waiting_until_it_is_ready(glue: GlueServer, bucket: Bucket, write_table: WriteTable) -> None:
    ready = ("--ready-file", "_SUCCESS", "--ready-after", "30m")
    glue.add("20251022", "20251023", bucket=bucket.name)
    glue.created["20251023",] = time.time() - 60
    ended = run(glue, bucket, *ready)
    assert (ended.returncode, ended.stdout) == (5, "")
    bucket.client.put_object(Bucket=bucket.name, Key="records/ano_mes_dia=20251022/_SUCCESS", Body=b"")
    bucket.client.put_object(Bucket=bucket.name, Key="records/ano_mes_dia=20251023/_SUCCESS", Body=b"")
    ended = run(glue, bucket, *ready)
    assert (ended.returncode, ended.stdout) == (0, "20251022\n")
    assert re.search(
        r"20251022 is the newest that is ready; not ready yet: 20251023 \(registered \d+ s ago\)", ended.stderr
    )
    assert publish(bucket, write_table(["a"])).returncode == 0  # from 20251022
    newer = ("--newer-than-active", "--to", f"s3://{bucket.name}")
    ended = run(glue, bucket, *ready, *newer)
    assert (ended.returncode, "20251023 (registered " in ended.stderr) == (8, True)
    glue.created.clear()
    assert run(glue, bucket, *ready, *newer).stdout == "20251023\n"


def test_a_bucket_of_the_table_that_is_missing_is_a_failure_of_the_store(glue: GlueServer, bucket: Bucket) -> None:
    glue.add("20251022", bucket="no-such-bucket-of-this-test")
    ended = run(glue, bucket, "--ready-file", "_SUCCESS")
    assert (ended.returncode, "no-such-bucket-of-this-test does not exist" in ended.stderr) == (7, True)


def test_no_region_is_told(glue: GlueServer, bucket: Bucket) -> None:
    ended = run(glue, bucket, AWS_DEFAULT_REGION="")
    assert (ended.returncode, "AWS_REGION" in ended.stderr) == (2, True)
