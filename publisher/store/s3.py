"""The store on S3 and what speaks its language."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO

from publisher.aws import clients, failures
from publisher.aws.objects import head_object
from publisher.errors import StoreFailed
from publisher.store.protocol import (
    CONTENT_TYPE,
    NO_ETAG,
    SMALL_BYTES,
    ObjectMissing,
    ObjectVersion,
    PreconditionFailed,
    Swap,
)
from publisher.store.s3_body import opened, read_small
from publisher.store.s3_options import S3Options
from publisher.store.s3_parts import create_in_parts, cut, upload
from publisher.store.s3_requests import S3Requests, bare, in_base64, quoted
from publisher.values import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# More than this in one PutObject or CopyObject is refused by S3.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_SINGLE_REQUEST_BYTES = 5 * 1024**3
# What fails is sent again by the part, and a store that copies one answers within the client's time-out.
_MOST_REMOVED = 1000  # by one DeleteObjects
_PART_BYTES = 128 * 1024**2


class S3Store:
    """One bucket of an S3-compatible store; see `publisher.store.protocol.Store` for what each method promises.

    Credentials, region and endpoint are found as boto3 finds them. Retries are bounded: requests are sent again by
    botocore, and bodies that break off are gone on with by `s3_body`. The deadline bounds all requests together, but
    for the last one's own time-outs.
    """

    def __init__(
        self,
        bucket: str,
        *,
        endpoint_url: str | None = None,
        client: S3Client | None = None,
        options: S3Options | None = None,
        deadline: clients.Deadline | None = None,
        single_request_bytes: int = _SINGLE_REQUEST_BYTES,
        part_bytes: int = _PART_BYTES,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepares a client; nothing is sent yet.

        Args:
            bucket: The bucket.
            endpoint_url: Where the store is, for other stores than AWS; None for what boto3 finds.
            client: A client to use instead.
            options: What is said with every request.
            deadline: Ends all requests.
            single_request_bytes: A larger file is uploaded and copied in parts.
            part_bytes: The size of these; larger where S3 asks for that.
            wait: Waits so many seconds before a body that broke off is gone on with.

        Raises:
            Misconfigured: The endpoint is not a URL, or what boto3 finds cannot be used.
            StoreFailed: The credentials could not be fetched.
        """
        self._bucket = bucket
        self._client: S3Client = client or clients.client("s3", endpoint_url)
        if options is not None:
            options.apply(self._client)
        self._requests = S3Requests(self._client, bucket, endpoint_url, deadline or clients.Deadline(None))
        self._single_request_bytes = single_request_bytes
        self._part_bytes = part_bytes
        self._wait = wait

    @property
    def copy_limit_bytes(self) -> int:
        """How many bytes one CopyObject takes at most."""
        return self._single_request_bytes

    def head(self, key: str) -> StoredObject | None:
        """Returns what is under `key`, None when nothing is; a missing bucket is a failure, not an absence."""
        try:
            with self._requests.asking(f"looking at {key}", ObjectMissing):
                answer = head_object(self._client, self._bucket, key)
                return StoredObject(
                    key, bare(answer["ETag"]), answer["ContentLength"], answer["LastModified"], answer["Metadata"]
                )
        except ObjectMissing:
            self._requests.require_bucket()
            return None

    def clock(self) -> datetime | None:
        """Returns what the store's clock shows; None where its answers do not tell."""
        try:
            with self._requests.asking("looking at the store's clock"):
                answer = self._client.head_bucket(Bucket=self._bucket)["ResponseMetadata"]
                return failures.date_of(answer)
        except StoreFailed as error:  # whoever refuses tells the time, too
            return failures.told_at(error.__cause__) if isinstance(error.__cause__, Exception) else None

    def list(self, prefix: str, after: str = "") -> Iterator[str]:
        """Returns the keys that begin with `prefix` and come after another, in ascending order."""
        with self._requests.asking(f"listing {prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, StartAfter=after
            )
            for page in pages:
                yield from (found["Key"] for found in page.get("Contents", []))

    def read_small(self, key: str, most_bytes: int = SMALL_BYTES) -> bytes | None:
        """Returns the content of a small object, whichever version it is; None when there is none."""
        try:
            return read_small(self._requests, key, most_bytes, self._wait)
        except ObjectMissing as missing:
            # A page of a gateway can be a 404, too; only S3's own word is an absence without another look.
            is_sure = isinstance(missing.__cause__, Exception) and failures.code(missing.__cause__) == "NoSuchKey"
            if not is_sure and self.head(key) is not None:
                raise StoreFailed(f"The store finds {key}, and does not.", "Run `publisher doctor`.") from None
            return None

    def read(self, key: str, etag: str) -> AbstractContextManager[Iterator[bytes]]:
        """Opens the object for reading in pieces, if it still has this ETag; goes on where a body breaks off."""
        return opened(self._requests, key, etag, self._wait)

    def create(self, key: str, body: BinaryIO, sha256: str, texts: Mapping[str, str]) -> str:
        """Writes an object that must not exist yet, and returns its ETag."""
        begin = body.tell()
        length = body.seek(0, 2) - begin
        body.seek(begin)
        if length > self._single_request_bytes:
            return create_in_parts(self._requests, key, body, length, sha256, texts, self._part_bytes)
        with self._requests.asking(f"writing {key}", PreconditionFailed):
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentLength=length,
                ContentType="application/json" if key.endswith(".json") else CONTENT_TYPE,
                ChecksumSHA256=in_base64(bytes.fromhex(sha256)),
                IfNoneMatch="*",
                Metadata=dict(texts),
            )
            return bare(answer["ETag"])

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Writes an object, whatever is there."""
        with self._requests.asking(f"writing {key}"):
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                ChecksumSHA256=in_base64(hashlib.sha256(content).digest()),
            )

    def delete(self, key: str, etag: str) -> None:
        """Removes an object, if it still has this ETag."""
        found = self.head(key)
        if found is None:
            return
        if found.etag != etag:
            raise PreconditionFailed(key)
        # Where the store does not know the condition, the look was all there is.
        with suppress(ObjectMissing), self._requests.asking(f"removing {key}", ObjectMissing, PreconditionFailed):
            try:
                self._client.delete_object(Bucket=self._bucket, Key=key, IfMatch=quoted(etag))
            except failures.FAILURES as error:
                if failures.code(error) not in ("NotImplemented", "501", "InvalidArgument"):
                    raise
                self._client.delete_object(Bucket=self._bucket, Key=key)

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """Returns each version of the objects whose keys begin with `prefix`, older ones and what removed them, too."""
        with self._requests.asking(f"listing the versions of {prefix}"):
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
            found: list[ObjectVersion] = []
            for page in pages:
                for one in page.get("Versions", []):
                    version, etag = one.get("VersionId") or None, bare(one["ETag"])
                    found.append(ObjectVersion(one["Key"], version, etag, one["Size"], one.get("IsLatest", True)))
                for marker in page.get("DeleteMarkers", []):
                    version = marker.get("VersionId") or None
                    found.append(ObjectVersion(marker["Key"], version, None, 0, marker.get("IsLatest", True)))
        # Of a bucket that keeps versions, the one from before it did is called null, and removed by that name only.
        keeps_versions = any(one.version not in (None, "null") or one.etag is None for one in found)
        return iter(found if keeps_versions else [replace(one, version=None) for one in found])

    def read_version(self, found: ObjectVersion) -> AbstractContextManager[Iterator[bytes]]:
        """Opens one version of an object for reading in pieces, as `read` does."""
        return opened(self._requests, found.key, found.etag or NO_ETAG, self._wait, found.version)

    def remove(self, versions: Sequence[tuple[str, str | None]]) -> None:
        """Removes versions of objects for good, or objects, where no version is named; those that are gone, too."""
        for begin in range(0, len(versions), _MOST_REMOVED):
            named = versions[begin : begin + _MOST_REMOVED]
            objects: Any = [{"Key": key} | ({"VersionId": version} if version else {}) for key, version in named]
            doing = f"removing {len(named)} objects"
            with self._requests.asking(doing):
                answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
            if errors := answer.get("Errors", []):
                raise StoreFailed(
                    f"The store failed while {doing}: {errors[0].get('Code')}, for {len(errors)} of them.",
                    "Grant s3:DeleteObject (and s3:DeleteObjectVersion) on stage/ and runs/, then run again. What is "
                    "under Object Lock or a legal hold goes when that has ended.",
                )

    def copy(
        self, source: str, source_etag: str, destination: str, expected_etag: str | None, texts: Mapping[str, str]
    ) -> str:
        """Replaces `destination` by a copy of `source`, if both still are what they were."""
        condition: Any = {"IfNoneMatch": "*"} if expected_etag is None else {"IfMatch": quoted(expected_etag)}
        try:
            with self._requests.asking(f"copying {source} to {destination}", PreconditionFailed, ObjectMissing):
                answer = self._client.copy_object(
                    Bucket=self._bucket,
                    Key=destination,
                    CopySource={"Bucket": self._bucket, "Key": source},
                    CopySourceIfMatch=quoted(source_etag),
                    MetadataDirective="REPLACE",  # which keeps nothing, the content type included
                    TaggingDirective="REPLACE",  # a scanner's tags would take rights to read and to write them
                    ContentType=CONTENT_TYPE,
                    Metadata=dict(texts),
                    **condition,
                )
                return bare(answer["CopyObjectResult"]["ETag"])
        except ObjectMissing:
            # If-Match on a key that is gone answers 404 on AWS, 412 elsewhere: for the caller, both are "not that one".
            raise PreconditionFailed(destination) from None

    @contextmanager
    def copy_in_parts(
        self, source: str, source_etag: str, destination: str, texts: Mapping[str, str]
    ) -> Iterator[Swap]:
        """Copies `source` into a multipart upload, and yields what completes it under a condition."""
        found = self.head(source)
        if found is None or found.etag != source_etag:
            raise PreconditionFailed(source)
        with upload(self._requests, destination, texts, f"copying {source} to {destination}") as begun:
            for number, begin, size in cut(found.bytes, self._part_bytes):
                begun.copy(number, found, None if size == found.bytes else (begin, begin + size - 1))

            def swap(expected_etag: str | None) -> str:
                if expected_etag is None:
                    return begun.complete(IfNoneMatch="*")
                return begun.complete(IfMatch=quoted(expected_etag))

            yield swap
