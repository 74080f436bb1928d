"""Stores that put files together from parts where others take one request, and stores that ignore conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from publisher.store.conditions import SwapMethod
from publisher.store.s3 import S3Store
from tests.conftest import Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The smallest that S3 takes, in the place of 5 GiB.
PART_BYTES = 5 << 20


def store_in_parts(
    bucket: Bucket, client: S3Client | None = None, *, single_request_bytes: int = PART_BYTES
) -> S3Store:
    """Returns a store to which 5 MiB are what 5 GiB are to others.

    Args:
        bucket: Where.
        client: Another client than the bucket's own.
        single_request_bytes: From how many bytes on it takes parts, the last of which may be as small as this.
    """
    client = client or bucket.client
    return S3Store(bucket.name, client=client, single_request_bytes=single_request_bytes, part_bytes=PART_BYTES)


CONDITIONS = ("If-Match", "If-None-Match")


def ignoring(client: S3Client, *ways: SwapMethod, conditions: tuple[str, ...] = CONDITIONS) -> S3Client:
    """Makes a client leave out the conditions on what is replaced, as if the store ignored them.

    In the client, before it signs: botocore signs these headers, so that nothing behind it could take them away.
    """

    def leave_out(params: dict[str, Any], **_: object) -> None:
        for name in conditions:
            params["headers"].pop(name, None)

    for way in ways:
        client.meta.events.register(f"before-call.s3.{way.value}", leave_out)
    return client


def operations(client: S3Client) -> list[str]:
    """Returns a list that grows by each operation of the client, with its key."""
    done: list[str] = []

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        done.append(f"{model.name} {params['url_path'].rpartition('/')[2] or 'bucket'}")

    client.meta.events.register("before-call.s3.*", note)
    return done


def uploads(bucket: Bucket) -> list[str]:
    """Returns the keys of the multipart uploads that were neither completed nor aborted."""
    return [found["Key"] for found in bucket.client.list_multipart_uploads(Bucket=bucket.name).get("Uploads", [])]
