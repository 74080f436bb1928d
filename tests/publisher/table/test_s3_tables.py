"""Tables of Parquet files in S3: the same ids as from a folder, and nothing that changed on the way."""

from __future__ import annotations

import gzip
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo.seaweedfs import Endpoint
from publisher.aws import clients
from publisher.errors import Misconfigured, SourceNotReady, StoreFailed
from publisher.file.blocks import blocks
from publisher.lake.access import LakeAccess
from publisher.lake.s3_files import S3Files
from publisher.publish import publish
from publisher.settings import PublishSettings, parse_table
from publisher.table.contents import list_files
from publisher.table.table import Table, open_table
from publisher.values import FileState
from tests.conftest import Bucket
from tests.publisher.aws.answering import answering, error
from tests.publisher.crash import fault_proxy
from tests.publisher.crash.fault_proxy import FaultProxy, Request

# More than one read of 8 MiB, and not a multiple of it.
MANY = [f"{number:020}" for number in range(1_000_003)]


@pytest.fixture
def lake(bucket: Bucket) -> LakeAccess:
    return LakeAccess(s3=S3Files(bucket.client))


def put(bucket: Bucket, key: str, ids: Sequence[str], **options: Any) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": ids, "source_partition": ["20251022"] * len(ids)}), sink, **options)
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=sink.getvalue().to_pybytes())


def ids(table: Table) -> list[str]:
    return b"\n".join(bytes(block.lines) for block in blocks(table.id_arrays())).decode().split("\n")


def opened(bucket: Bucket, lake: LakeAccess, key: str = "lake/ids") -> Table:
    return open_table(parse_table(f"parquet:s3://{bucket.name}/{key}", "id"), lake)


def test_a_table_in_s3_is_published_byte_for_byte_like_a_folder(
    bucket: Bucket, lake: LakeAccess, tmp_path: Path
) -> None:
    put(bucket, "lake/ids/part-2.parquet", ["a", "b"])
    put(bucket, "lake/ids/part-1.parquet", ["c"])
    table = parse_table(f"parquet:s3a://{bucket.name}/lake/ids/", "id")
    report = publish(PublishSettings(bucket.destination, table=table), bucket.store, lake=lake)
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == b"a\nb\nc"
    assert report.metadata.source_partition == "20251022"
    pq.write_table(pa.table({"id": ["a", "b", "c"], "source_partition": ["20251022"] * 3}), tmp_path / "x.parquet")
    local = publish(PublishSettings(bucket.destination, table=parse_table(f"parquet:{tmp_path}", "id")), bucket.store)
    assert local.encoded == report.encoded


def test_what_spark_takes_for_no_data_is_left_out(bucket: Bucket, lake: LakeAccess) -> None:
    put(bucket, "lake/ids/part-1.parquet", ["b"])
    put(bucket, "lake/ids/part-2.parquet", ["a"])
    for key in ("_SUCCESS", "_temporary/0/part-9.parquet", ".part-1.crc", "deeper_$folder$"):
        bucket.client.put_object(Bucket=bucket.name, Key=f"lake/ids/{key}", Body=b"" if "$" in key else b"no data")
    put(bucket, "lake/ids2/part-1.parquet", ["x"])
    assert ids(opened(bucket, lake)) == ["a", "b"]


def test_a_single_object_is_a_table(bucket: Bucket, lake: LakeAccess) -> None:
    put(bucket, "lake/one.parquet", ["a"])
    assert ids(opened(bucket, lake, "lake/one.parquet")) == ["a"]


def test_a_large_file_is_read_in_few_requests_and_only_its_ids(bucket: Bucket) -> None:
    """Row groups, a second column that no one asks for, and pieces that do not end where the file does."""
    put(bucket, "lake/ids/x.parquet", MANY, row_group_size=300_000, compression="none", use_dictionary=False)
    sent: list[str] = []
    client = bucket.client
    client.meta.events.register("before-send.s3", lambda request, **_: sent.append(request.method))
    files = S3Files(client)
    assert ids(opened(bucket, LakeAccess(s3=files))) == MANY
    (file,) = files.walk(f"s3://{bucket.name}/lake/ids")
    assert file.bytes > 30 << 20
    assert len(sent) < 20


def test_a_file_that_was_replaced_after_it_was_listed_is_not_read(bucket: Bucket, lake: LakeAccess) -> None:
    put(bucket, "lake/ids/x.parquet", MANY, row_group_size=100_000, compression="none", use_dictionary=False)
    table = opened(bucket, lake)
    arrays = table.id_arrays()
    next(arrays)
    put(bucket, "lake/ids/x.parquet", ["a"])
    with pytest.raises(SourceNotReady, match="was replaced while it was read"):
        list(arrays)
    assert list_files(table.ref, lake) != table.listing


def test_a_file_that_was_removed_after_it_was_listed_is_named(bucket: Bucket, lake: LakeAccess) -> None:
    put(bucket, "lake/ids/x.parquet", ["a"])
    table = opened(bucket, lake)
    bucket.client.delete_object(Bucket=bucket.name, Key="lake/ids/x.parquet")
    with pytest.raises(SourceNotReady, match=r"x\.parquet of the table was removed"):
        list(table.id_arrays())


def test_a_missing_table_is_not_an_empty_one(bucket: Bucket, lake: LakeAccess) -> None:
    with pytest.raises(SourceNotReady, match="does not exist"):
        opened(bucket, lake)


def test_a_bucket_s_root_can_be_a_table_and_can_be_missing(bucket: Bucket, lake: LakeAccess) -> None:
    with pytest.raises(SourceNotReady, match="does not exist"):
        opened(bucket, lake, "")
    put(bucket, "x.parquet", ["a"])
    assert ids(opened(bucket, lake, "")) == ["a"]


def test_a_missing_bucket_is_named(bucket: Bucket, lake: LakeAccess) -> None:
    with pytest.raises(StoreFailed, match="s3://no-such-bucket/x: NoSuchBucket"):
        open_table(parse_table("parquet:s3://no-such-bucket/x", "id"), lake)


def test_credentials_that_are_not_accepted_say_so(bucket: Bucket) -> None:
    stranger = Endpoint(bucket.endpoint.url, "stranger", "secret")
    lake = LakeAccess(s3=S3Files(stranger.client(attempts=1)))
    with pytest.raises(StoreFailed, match="InvalidAccessKeyId") as raised:
        opened(bucket, lake)
    assert "AWS_ACCESS_KEY_ID" in raised.value.hint
    assert "secret" not in raised.value.message + raised.value.hint


def test_what_is_answered_to_a_head_of_a_table_s_file_is_asked_for_again() -> None:
    file = "s3://bucket/lake/x.parquet"
    with answering(403, error("InvalidObjectState")) as url:
        files = S3Files(Endpoint(url, "A", "B").client(attempts=1))
        with pytest.raises(StoreFailed, match="InvalidObjectState, a lifecycle rule archived the object"):
            files.stat(file)


def test_a_missing_region_is_a_fault_of_the_configuration() -> None:
    table = parse_table("glue:a.b", "id")
    with pytest.raises(Misconfigured, match="NoRegionError") as raised:
        open_table(table)
    assert "AWS_REGION" in raised.value.hint


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_either_variable_is_the_region(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "sa-east-1")
    assert clients.client("glue").meta.region_name == "sa-east-1"


def test_the_deadline_ends_reading_too(bucket: Bucket) -> None:
    lake = LakeAccess(s3=S3Files(bucket.client, clients.Deadline(-1)))
    with pytest.raises(StoreFailed, match="deadline of -1 s"):
        opened(bucket, lake)


@pytest.fixture
def proxy(bucket: Bucket) -> Iterator[FaultProxy]:
    with fault_proxy.running(bucket.endpoint.url) as proxy:
        yield proxy


def through(proxy: FaultProxy, bucket: Bucket) -> S3Files:
    endpoint = Endpoint(proxy.url, bucket.endpoint.access_key, bucket.endpoint.secret_key)
    return S3Files(endpoint.client(attempts=2))


def is_get(request: Request) -> bool:
    return request.method == "GET" and request.path.endswith("x.parquet")


@pytest.mark.parametrize(
    "fault", [fault_proxy.resets_amid_the_answer, fault_proxy.cuts_the_answer, fault_proxy.answers("503", "SlowDown")]
)
def test_an_answer_that_breaks_off_is_asked_for_again(fault: Any, bucket: Bucket, proxy: FaultProxy) -> None:
    put(bucket, "lake/x.parquet", ["a", "b"])
    files = through(proxy, bucket)
    file = files.stat(f"s3://{bucket.name}/lake/x.parquet")
    proxy.inject(fault, is_get, last=1)
    with files.open(file) as opened:
        assert len(opened.read()) == file.bytes


@pytest.mark.parametrize("fault", [fault_proxy.resets_amid_the_answer, fault_proxy.cuts_the_answer])
def test_an_answer_that_always_breaks_off_is_a_failure_of_the_store(
    fault: Any, bucket: Bucket, proxy: FaultProxy
) -> None:
    put(bucket, "lake/ids/x.parquet", ["a", "b"])
    lake = LakeAccess(s3=through(proxy, bucket))
    proxy.inject(fault, is_get)
    with pytest.raises(StoreFailed, match=r"while reading s3://\S+/x\.parquet: \w+"):
        opened(bucket, lake)


def test_temporary_credentials_are_renewed_during_a_long_read(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a credential process as boto3 runs one, whose credentials are good for seconds."""
    put(bucket, "lake/ids/x.parquet", MANY, row_group_size=200_000, compression="none", use_dictionary=False)
    answer = {"Version": 1, "AccessKeyId": bucket.endpoint.access_key, "SecretAccessKey": bucket.endpoint.secret_key}
    answer["Expiration"] = (datetime.now(timezone.utc) + timedelta(seconds=30)).isoformat()
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    program = (
        f"open({str(tmp_path / 'asked')!r}, 'a').write('x'); print(open({str(tmp_path / 'answer.json')!r}).read())"
    )
    (tmp_path / "process.py").write_text(program)
    process = shlex.join([sys.executable, str(tmp_path / "process.py")])
    (tmp_path / "config").write_text(f"[default]\nregion = us-east-1\ncredential_process = {process}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)  # which moto sets while it runs, and which would come first
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket.endpoint.url)
    assert ids(open_table(parse_table(f"parquet:s3://{bucket.name}/lake/ids", "id"))) == MANY
    assert len((tmp_path / "asked").read_text()) > 3


def test_a_store_that_ignores_ranges_is_found_out(bucket: Bucket) -> None:
    put(bucket, "lake/ids/x.parquet", [f"{number:06}" for number in range(100_000)])
    client = bucket.client

    def without_range(params: Any, **_: Any) -> None:  # what it returned would be taken for the answer
        del params["headers"]["Range"]

    client.meta.events.register("before-call.s3.GetObject", without_range)
    files = S3Files(client)
    file = files.stat(f"s3://{bucket.name}/lake/ids/x.parquet")
    with pytest.raises(StoreFailed, match="IncompleteReadError"), files.open(file) as opened:
        opened.seek(-8, 2)
        opened.read()


def test_a_position_outside_of_the_file_reads_nothing(bucket: Bucket) -> None:
    put(bucket, "x", ["a"])
    files = S3Files(bucket.client)
    file = files.stat(f"s3://{bucket.name}/x")
    assert isinstance(file, FileState)
    with files.open(file) as opened:
        opened.seek(-4, 2)
        assert opened.read() == b"PAR1"
        opened.seek(file.bytes + 10)
        assert opened.read(10) == b""
