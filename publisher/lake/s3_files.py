"""A table's files in S3, read through boto3: one way to find credentials, region and endpoint for all that we do."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, NoReturn, TypeVar

from botocore.exceptions import HTTPClientError, IncompleteReadError

from publisher.aws import causes, clients, failures
from publisher.aws.objects import head_object
from publisher.errors import SourceNotReady
from publisher.lake.files import Child, FileMissing
from publisher.lake.s3_object import S3Object
from publisher.values import FileState

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_Answer = TypeVar("_Answer")

# One request for so much at once: with a round trip of 30 ms, 8 MiB still come at the connection's speed.
_READ_AHEAD_BYTES = 8 << 20
_BODY_ATTEMPTS = 3
_SERVICE = failures.Service(
    name="The store",
    of="S3, or of this store",
    rights={
        **dict.fromkeys(
            ("HeadObject", "GetObject"), "s3:GetObject on the table's folder and s3:ListBucket on its bucket"
        ),
        "ListObjectsV2": "s3:ListBucket on the table's bucket",
        "PutObject": "s3:PutObject on the table's folder metadata/ (deploy/policies/optional-tag-snapshot.json)",
    },
    grant="Where the table is encrypted with a key of yours, also kms:Decrypt; in a Lake Formation account, access to "
    "the location.",
    checks="Check the network, then run again; active is whole.",
    hints={"NoSuchBucket": "The table's bucket is gone, or is at another endpoint: check AWS_ENDPOINT_URL_S3."},
)


class S3Files:
    """Reads objects of any bucket, in many requests, between which boto3 renews temporary credentials."""

    def __init__(self, client: S3Client | None = None, deadline: clients.Deadline | None = None) -> None:
        """Prepares a client; nothing is sent yet.

        Args:
            client: A client to use instead of the one that boto3 sets up.
            deadline: Ends all reading.

        Raises:
            UsageError: No region is set, or the endpoint is not a URL.
            StoreFailed: boto3's own configuration cannot be used.
        """
        self._client = client or clients.client("s3")
        self._deadline = deadline or clients.Deadline(None)

    def stat(self, location: str) -> FileState:
        """Returns the object as it is now."""
        bucket, key = _split(location)
        answer = self._ask(location, lambda: head_object(self._client, bucket, key))
        return FileState(location, answer["ContentLength"], answer["ETag"])

    def children(self, folder: str) -> list[Child]:
        """Returns what stands directly in a folder."""
        bucket, key = _split(folder)
        prefix = f"{key}/" if key else ""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")

        def read() -> list[Child]:
            found: list[Child] = []
            for page in pages:
                folders = [item["Prefix"].removeprefix(prefix) for item in page.get("CommonPrefixes", [])]
                found += [Child(name.rstrip("/"), True, 0) for name in folders]
                # An object of the folder's own name is what some tools put there for the folder itself.
                files = [item for item in page.get("Contents", []) if item["Key"] != prefix]
                found += [Child(item["Key"].removeprefix(prefix), False, item["Size"]) for item in files]
            return found

        children = self._ask(folder, read)
        if not children:
            raise FileMissing(folder)
        return sorted(children, key=lambda child: child.name)

    def walk(self, folder: str) -> list[FileState]:
        """Returns every object below a folder."""
        bucket, key = _split(folder)
        prefix = f"{key}/" if key else ""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        objects = self._ask(folder, lambda: [found for page in pages for found in page.get("Contents", [])])
        if not objects:
            if not key:
                raise FileMissing(folder)
            return [self.stat(folder)]
        return [FileState(f"s3://{bucket}/{found['Key']}", found["Size"], found["ETag"]) for found in objects]

    def open(self, file: FileState) -> BinaryIO:
        """Opens the object in the version that `file` names; its bytes are asked for when they are read."""
        return io.BufferedReader(S3Object(self, file), _READ_AHEAD_BYTES)

    def read_range(self, file: FileState, begin: int, length: int) -> bytes:
        """Returns `length` bytes from `begin`, of this version of the object.

        Raises:
            FileMissing: It was removed.
            SourceNotReady: It was replaced.
            StoreFailed: The store failed.
        """
        bucket, key = _split(file.path)
        wanted = f"bytes={begin}-{begin + length - 1}"

        def get() -> bytes:
            for attempt in range(_BODY_ATTEMPTS):
                answer = self._client.get_object(Bucket=bucket, Key=key, Range=wanted, IfMatch=file.version)
                try:
                    body = answer["Body"].read()
                    if len(body) == length:
                        return body
                except (HTTPClientError, IncompleteReadError):  # botocore retries requests, not bodies that break off
                    if attempt == _BODY_ATTEMPTS - 1:
                        raise
            raise IncompleteReadError(actual_bytes=len(body), expected_bytes=length)

        return self._ask(file.path, get)

    def create(self, location: str, content: bytes) -> None:
        """Creates an object under a key that nobody else makes up.

        Raises:
            StoreFailed: The store failed.
        """
        bucket, key = _split(location)
        self._deadline.require_time(f"writing {location}")
        try:
            self._client.put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json")
        except failures.FAILURES as error:
            raise failures.failure(error, _SERVICE, f"writing {location}") from error

    def _ask(self, location: str, request: Callable[[], _Answer]) -> _Answer:
        self._deadline.require_time(f"reading {location}")
        try:
            return request()
        except failures.FAILURES as error:
            self._fail(location, error)

    def _fail(self, location: str, error: Exception) -> NoReturn:
        """Raises what the error means."""
        code = failures.code(error)
        if code in causes.MISSING:
            raise FileMissing(location) from None
        if code in causes.CHANGED:
            raise SourceNotReady(
                f"The file {location} of the table was replaced while it was read.",
                "Something rebuilt the table: run `dbt build` and publish again, one after the other.",
            ) from error
        raise failures.failure(error, _SERVICE, f"reading {location}") from error


def _split(location: str) -> tuple[str, str]:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return bucket, key
