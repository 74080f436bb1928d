"""What a bucket's owner or policy demands is said with each request, by each command, and confirmed by the store."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from demo.seaweedfs import Endpoint
from publisher.errors import StoreFailed, UsageError
from publisher.store.s3 import S3Store
from publisher.store.s3_options import S3Options
from tests import forked
from tests.conftest import Bucket, WriteTable, new_bucket
from tests.publisher.crash import fault_proxy
from tests.publisher.crash.fault_proxy import FaultProxy

OWNER = "012345678901"


@pytest.fixture
def proxy(bucket: Bucket) -> Iterator[FaultProxy]:
    with fault_proxy.running(bucket.endpoint.url) as proxy:
        yield proxy


def run(bucket: Bucket, url: str, *arguments: str, **settings: str) -> int:
    own = {**bucket.endpoint.environment(), "AWS_ENDPOINT_URL": url, "PUBLISHER_TO": f"s3://{bucket.name}/x"}
    ended = forked.publisher.run(arguments, {**os.environ, **own, **settings})
    assert "this is a bug" not in ended.stderr
    return ended.returncode


def test_every_request_of_every_command_names_the_owner_that_is_expected(
    bucket: Bucket, proxy: FaultProxy, write_table: WriteTable, tmp_path: Path
) -> None:
    owner = {"PUBLISHER_EXPECTED_BUCKET_OWNER": OWNER}

    def publish(day: int, *ids: str) -> tuple[str, ...]:
        return ("publish", "--table", f"parquet:{write_table(ids)}", "--source-partition", f"2025102{day}")

    commands = [
        ("doctor", "--target-path", "/nowhere"),
        publish(1, "a"),
        publish(2, "a", "b"),
        ("hold", "--reason", "x"),
        ("status",),
        ("release",),
        ("verify",),
        ("history",),
        ("diff",),
        ("trace", "a"),
        ("rollback",),
        ("pull", str(tmp_path / "ids.gz")),
        ("prune", "--keep-days", "1"),
    ]
    for command in commands:
        assert run(bucket, proxy.url, *command, **owner) in (0, 3, 5), command
    assert {request.method for request in proxy.requests} == {"HEAD", "GET", "PUT", "POST", "DELETE"}
    for request in proxy.requests:
        assert request.headers.get("x-amz-expected-bucket-owner") == OWNER, request.kind
        if "x-amz-copy-source" in request.headers:
            assert request.headers["x-amz-source-expected-bucket-owner"] == OWNER


def test_without_it_no_owner_is_named(bucket: Bucket, proxy: FaultProxy) -> None:
    assert run(bucket, proxy.url, "status") == 5
    assert not [request for request in proxy.requests if "x-amz-expected-bucket-owner" in request.headers]


def written(bucket: Bucket, options: S3Options, *, in_parts: bool = False) -> S3Store:
    """Stages, records and promotes with options, in parts or not."""
    limit: Any = {"single_request_bytes": 3} if in_parts else {}
    store = S3Store(bucket.name, client=bucket.endpoint.client(), options=options, **limit)
    etag = store.create("staged", io.BytesIO(b"content"), sha256(b"content").hexdigest(), {"total_ids": "1"})
    if in_parts:
        with store.copy_in_parts("staged", etag, "active", {}) as swap:
            swap(None)
    else:
        store.copy("staged", etag, "active", None, {})
    return store


@pytest.mark.parametrize("in_parts", [False, True], ids=["at once", "in parts"])
def test_what_is_written_is_encrypted_owned_and_tagged_as_asked(in_parts: bool, moto: Endpoint) -> None:
    bucket = new_bucket(moto)
    options = S3Options(
        sse="aws:kms",
        sse_kms_key_id="alias/ids",
        bucket_key=True,
        acl="bucket-owner-full-control",
        tags="team=ids,a=b c",
    )
    written(bucket, options, in_parts=in_parts)
    for key in ("staged", "active"):
        found = bucket.client.head_object(Bucket=bucket.name, Key=key)
        assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "alias/ids")
        tags = bucket.client.get_object_tagging(Bucket=bucket.name, Key=key)["TagSet"]
        if not in_parts or tags:  # moto forgets the tags of an upload in parts
            assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "ids", "a": "b c"}


@pytest.mark.parametrize("in_parts", [False, True], ids=["at once", "in parts"])
def test_a_store_that_does_not_encrypt_as_asked_is_refused_before_anything_is_promoted(
    in_parts: bool, bucket: Bucket
) -> None:
    def forget(parsed: dict[str, Any], **_: Any) -> None:
        parsed.pop("ServerSideEncryption", None)

    client = bucket.endpoint.client()
    for name in ("PutObject", "CreateMultipartUpload"):
        client.meta.events.register_first(f"after-call.s3.{name}", forget)
    limit: Any = {"single_request_bytes": 3} if in_parts else {}
    store = S3Store(bucket.name, client=client, options=S3Options(sse="AES256"), **limit)
    with pytest.raises(StoreFailed, match="did not encrypt what was written as --sse AES256"):
        store.create("staged", io.BytesIO(b"content"), sha256(b"content").hexdigest(), {})


@pytest.mark.parametrize(
    "options",
    [
        {"expected_bucket_owner": "12345678901"},
        {"expected_bucket_owner": "123456789012 "},
        {"sse_kms_key_id": "alias/ids"},
        {"sse": "AES256", "sse_kms_key_id": "alias/ids"},
        {"bucket_key": True},
        {"tags": ""},
        {"tags": "team"},
        {"tags": "=x"},
        {"tags": "a=b,,c=d"},
        {"tags": "a=b&c=d"},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        S3Options(**options)
