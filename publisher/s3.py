"""The store on S3 and what speaks its language."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from publisher import aws
from publisher.artifacts import StoredObject
from publisher.errors import IntegrityError, StoreFailed
from publisher.store import CONTENT_TYPE, ObjectMissing, PreconditionFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_READ_BYTES = 1 << 20
# More than this in one PutObject or CopyObject is refused by S3.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_SINGLE_OBJECT_BYTES = 5 * 1024**3

_MISMATCH = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_MISSING = frozenset({"NoSuchKey", "NotFound", "404"})
_DAMAGED = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "InvalidDigest"})
# What to do about a code of the store, or an exception of botocore, by its name.
_HINTS = {
    "NoSuchBucket": "Create the bucket, or correct --to and --endpoint-url.",
    **dict.fromkeys(
        ("AccessDenied", "403", "AllAccessDisabled", "AccountProblem"),
        "Check the credentials, and grant them s3:GetObject and s3:PutObject on stage/ and active/ and s3:ListBucket "
        "on the bucket: without the last, a key that is not there looks like a denied one.",
    ),
    **aws.CREDENTIAL_HINTS,
}
# What is raised over an answer that was cut off, or that something else than a store gave.
_UNREADABLE = (KeyError, ValueError)
_RETRIES_SPENT = "Retries are spent. Check the endpoint and the network, then run again; active is whole."


class S3Store:
    """One bucket of an S3-compatible store; see `publisher.store.Store` for what each method promises.

    Credentials, region and endpoint are found as boto3 finds them. Retries are botocore's, bounded; the deadline bounds
    all requests together, but for the last one's own time-outs.
    """

    def __init__(
        self,
        bucket: str,
        *,
        endpoint_url: str | None = None,
        client: S3Client | None = None,
        deadline: aws.Deadline | None = None,
    ) -> None:
        """Prepares a client; nothing is sent yet.

        Args:
            bucket: The bucket.
            endpoint_url: Where the store is, for other stores than AWS; None for what boto3 finds.
            client: A client to use instead.
            deadline: Ends all requests.

        Raises:
            UsageError: The endpoint is not a URL.
            StoreFailed: boto3's own configuration cannot be used.
        """
        self._bucket = bucket
        self._endpoint_url = endpoint_url
        self._client = client or aws.client("s3", endpoint_url)
        self._deadline = deadline or aws.Deadline(None)

    def head(self, key: str) -> StoredObject | None:
        """Returns what is under `key`, None when nothing is; a missing bucket is a failure, not an absence."""
        self._deadline.require_time(f"looking at {key}")
        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=key)
            return StoredObject(
                key, _bare(answer["ETag"]), answer["ContentLength"], answer["LastModified"], answer["Metadata"]
            )
        except ClientError as error:
            if aws.code(error) not in _MISSING:
                self._fail(error, f"looking at {key}")
            self._require_bucket()  # a HEAD's 404 has no body to tell a missing key from a missing bucket
            return None
        except (BotoCoreError, *_UNREADABLE) as error:
            self._fail(error, f"looking at {key}")

    def list(self, prefix: str) -> Iterator[str]:
        """Returns the keys that begin with `prefix`, in ascending order."""
        self._deadline.require_time(f"listing {prefix}")
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        try:
            for page in pages:
                yield from (found["Key"] for found in page.get("Contents", []))
        except (ClientError, BotoCoreError) as error:
            self._fail(error, f"listing {prefix}")

    @contextmanager
    def read(self, key: str, etag: str) -> Iterator[Iterator[bytes]]:
        """Opens the object for reading in pieces, if it still has this ETag."""
        doing = f"reading {key}"
        self._deadline.require_time(doing)
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key, IfMatch=_quoted(etag))
        except (ClientError, BotoCoreError, *_UNREADABLE) as error:
            self._raise(error, doing)
        with closing(answer["Body"]) as body:
            yield self._pieces(body.iter_chunks(_READ_BYTES), doing)

    def _pieces(self, chunks: Iterator[bytes], doing: str) -> Iterator[bytes]:
        try:
            for chunk in chunks:
                self._deadline.require_time(doing)
                yield chunk
        except BotoCoreError as error:  # the connection broke, stalled, or ended before the announced length
            self._fail(error, doing)

    def create(self, key: str, body: BinaryIO, sha256: str, texts: Mapping[str, str]) -> str:
        """Writes an object that must not exist yet, and returns its ETag."""
        doing = f"writing {key}"
        self._deadline.require_time(doing)
        begin = body.tell()
        length = body.seek(0, 2) - begin
        body.seek(begin)
        if length > _SINGLE_OBJECT_BYTES:
            raise StoreFailed(
                f"The file has {length:,} bytes, more than the {_SINGLE_OBJECT_BYTES:,} that one PutObject takes.",
                "This version does not publish files of that size; narrow what the model selects.",
            )
        try:
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentLength=length,
                ContentType=CONTENT_TYPE,
                ChecksumSHA256=base64.b64encode(bytes.fromhex(sha256)).decode(),
                IfNoneMatch="*",
                Metadata=dict(texts),
            )
            return _bare(answer["ETag"])
        except (ClientError, BotoCoreError, *_UNREADABLE) as error:
            self._raise(error, doing)

    def delete(self, key: str, etag: str) -> None:
        """Removes an object, if it still has this ETag."""
        found = self.head(key)
        if found is not None and found.etag != etag:
            raise PreconditionFailed(key)
        try:
            self._client.delete_object(Bucket=self._bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            self._raise(error, f"removing {key}")

    def copy(
        self, source: str, source_etag: str, destination: str, expected_etag: str | None, texts: Mapping[str, str]
    ) -> str:
        """Replaces `destination` by a copy of `source`, if both still are what they were."""
        self._deadline.require_time(f"copying {source} to {destination}")
        condition: Any = {"IfNoneMatch": "*"} if expected_etag is None else {"IfMatch": _quoted(expected_etag)}
        try:
            answer = self._client.copy_object(
                Bucket=self._bucket,
                Key=destination,
                CopySource={"Bucket": self._bucket, "Key": source},
                CopySourceIfMatch=_quoted(source_etag),
                MetadataDirective="REPLACE",  # which keeps nothing, the content type included
                ContentType=CONTENT_TYPE,
                Metadata=dict(texts),
                **condition,
            )
            return _bare(answer["CopyObjectResult"]["ETag"])
        except (ClientError, BotoCoreError, *_UNREADABLE) as error:
            # If-Match on a key that is gone answers 404 on AWS, 412 elsewhere: for the caller, both are "not that one".
            if isinstance(error, ClientError) and aws.code(error) in _MISSING:
                raise PreconditionFailed(destination) from error
            self._raise(error, f"copying {source} to {destination}")

    def _require_bucket(self) -> None:
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if aws.code(error) in _MISSING or aws.code(error) == "NoSuchBucket":
                raise StoreFailed(
                    f"The bucket {self._bucket} does not exist{self._where()}.", _HINTS["NoSuchBucket"]
                ) from error
            # Looking at the bucket takes a permission of its own; the write will tell.
        except BotoCoreError as error:
            self._fail(error, f"looking at the bucket {self._bucket}")

    def _raise(self, error: Exception, doing: str) -> NoReturn:
        if isinstance(error, ClientError):
            code = aws.code(error)
            if code in _MISMATCH:
                raise PreconditionFailed(doing) from error
            if code in _MISSING:
                raise ObjectMissing(doing) from error
            if code in _DAMAGED:
                raise IntegrityError(
                    f"The store received other bytes than were sent while {doing} ({code}).",
                    "Run again; if it happens twice, suspect the network between here and the store.",
                ) from error
        self._fail(error, doing)

    def _fail(self, error: Exception, doing: str) -> NoReturn:
        """Raises a StoreFailed that says what to do; the store's own text is kept out: it may quote a request."""
        code = "unreadable answer" if isinstance(error, _UNREADABLE) else aws.code(error)
        raise StoreFailed(
            f"The store failed while {doing} in bucket {self._bucket}{self._where()}: {code}.",
            _HINTS.get(code, _RETRIES_SPENT),
        ) from error

    def _where(self) -> str:
        return f" at {self._endpoint_url}" if self._endpoint_url else ""


def _bare(etag: str) -> str:
    """Returns an ETag without its quotes; SeaweedFS leaves them out in a copy's answer."""
    return etag.strip('"')


def _quoted(etag: str) -> str:
    return f'"{etag}"'
