"""The store on S3 and what speaks its language."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from publisher import aws
from publisher.artifacts import StoredObject
from publisher.errors import IntegrityError, StoreFailed
from publisher.store import CONTENT_TYPE, ObjectMissing, PreconditionFailed, Swap

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_READ_BYTES = 1 << 20
# More than this in one PutObject or CopyObject is refused by S3. Parts are bounded in number and, but for the last one,
# from below. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_SINGLE_REQUEST_BYTES = 5 * 1024**3
_MAX_PARTS = 10_000
_MIN_PART_BYTES = 5 * 1024**2
# What fails is sent again by the part, and a store that copies one answers within the client's time-out.
_PART_BYTES = 128 * 1024**2

_MISMATCH = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
_MISSING = frozenset({"NoSuchKey", "NotFound", "404"})
_DAMAGED = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "InvalidDigest"})
# What to do about a code of the store, or an exception of botocore, by its name.
_HINTS = {
    "NoSuchBucket": "Create the bucket, or correct --to and --endpoint-url.",
    "NotImplemented": "The store lacks this part of S3: `publisher doctor` tells what it can do. Use another store.",
    "NoSuchUpload": "Somebody, or a lifecycle rule of the bucket, ended the multipart upload. Run again.",
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
        single_request_bytes: int = _SINGLE_REQUEST_BYTES,
        part_bytes: int = _PART_BYTES,
    ) -> None:
        """Prepares a client; nothing is sent yet.

        Args:
            bucket: The bucket.
            endpoint_url: Where the store is, for other stores than AWS; None for what boto3 finds.
            client: A client to use instead.
            deadline: Ends all requests.
            single_request_bytes: A larger file is uploaded and copied in parts.
            part_bytes: The size of these; larger where S3 asks for that.

        Raises:
            UsageError: The endpoint is not a URL.
            StoreFailed: boto3's own configuration cannot be used.
        """
        self._bucket = bucket
        self._endpoint_url = endpoint_url
        self._client = client or aws.client("s3", endpoint_url)
        self._deadline = deadline or aws.Deadline(None)
        self._single_request_bytes = single_request_bytes
        self._part_bytes = part_bytes

    @property
    def copy_limit_bytes(self) -> int:
        """How many bytes one CopyObject takes at most."""
        return self._single_request_bytes

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
        if length > self._single_request_bytes:
            return self._create_in_parts(key, body, length, sha256, texts)
        try:
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentLength=length,
                ContentType=CONTENT_TYPE,
                ChecksumSHA256=_in_base64(bytes.fromhex(sha256)),
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

    @contextmanager
    def copy_in_parts(
        self, source: str, source_etag: str, destination: str, texts: Mapping[str, str]
    ) -> Iterator[Swap]:
        """Copies `source` into a multipart upload, and yields what completes it under a condition."""
        found = self.head(source)
        if found is None or found.etag != source_etag:
            raise PreconditionFailed(source)
        with self._upload(destination, texts, f"copying {source} to {destination}") as upload:
            for number, begin, size in self._cut(found.bytes):
                self._copy_part(upload, number, found, None if size == found.bytes else (begin, begin + size - 1))

            def swap(expected_etag: str | None) -> str:
                if expected_etag is None:
                    return self._complete(upload, IfNoneMatch="*")
                return self._complete(upload, IfMatch=_quoted(expected_etag))

            yield swap

    def _create_in_parts(self, key: str, body: BinaryIO, length: int, sha256: str, texts: Mapping[str, str]) -> str:
        """Uploads a file by one part after the other, each with its own SHA-256 for the store to compare."""
        whole = hashlib.sha256()
        with self._upload(key, texts, f"writing {key}", ChecksumAlgorithm="SHA256") as upload:
            start = body.tell()
            for number, begin, size in self._cut(length):
                digest = hashlib.sha256()
                part = io.BufferedReader(_Slice(body, start + begin, size), _READ_BYTES)
                while piece := part.read(_READ_BYTES):
                    digest.update(piece)
                    whole.update(piece)
                part.seek(0)
                self._send_part(upload, number, part, size, digest.digest())
            if whole.hexdigest() != sha256:  # each part is what was sent: this is about what was there to send
                raise IntegrityError(
                    f"What was read while writing {key} is not what its SHA-256 says.",
                    "Run again; if it happens twice, suspect the disk of the spool folder.",
                )
            return self._complete(upload, IfNoneMatch="*")

    def _cut(self, length: int) -> Iterator[tuple[int, int, int]]:
        """Yields number, begin and size of each part: all of one size but the last."""
        size = max(self._part_bytes, _MIN_PART_BYTES, -(-length // _MAX_PARTS))
        for number, begin in enumerate(range(0, max(length, 1), size), 1):
            yield number, begin, min(size, length - begin)

    @contextmanager
    def _upload(self, key: str, texts: Mapping[str, str], doing: str, **options: Any) -> Iterator[_Upload]:
        """Begins a multipart upload, which nobody sees before it is completed, and ends it when the block is left."""
        self._deadline.require_time(doing)
        try:
            answer = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType=CONTENT_TYPE, Metadata=dict(texts), **options
            )
            upload = _Upload(key, answer["UploadId"], doing)
        except (ClientError, BotoCoreError, *_UNREADABLE) as error:
            self._raise(error, doing)
        try:
            yield upload
        finally:
            # Not one that may be complete, or being completed: nothing says of every store that this is harmless then.
            if not upload.may_be_complete:
                with suppress(ClientError, BotoCoreError, *_UNREADABLE):
                    self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload.id)

    def _send_part(self, upload: _Upload, number: int, part: BinaryIO, size: int, sha256: bytes) -> None:
        self._deadline.require_time(upload.doing)
        checksum = _in_base64(sha256)
        try:
            answer = self._client.upload_part(
                Bucket=self._bucket,
                Key=upload.key,
                UploadId=upload.id,
                PartNumber=number,
                Body=part,
                ContentLength=size,
                ChecksumSHA256=checksum,
            )
            upload.parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum})
        except (ClientError, BotoCoreError, *_UNREADABLE) as error:
            self._raise(error, upload.doing)

    def _copy_part(self, upload: _Upload, number: int, source: StoredObject, span: tuple[int, int] | None) -> None:
        """Copies one part.

        Args:
            upload: The upload to copy it to.
            number: The part's number, from 1.
            source: The object to copy from.
            span: The first and the last byte; None for the whole object.
        """
        self._deadline.require_time(upload.doing)
        part_of: Any = {} if span is None else {"CopySourceRange": f"bytes={span[0]}-{span[1]}"}
        try:
            answer = self._client.upload_part_copy(
                Bucket=self._bucket,
                Key=upload.key,
                UploadId=upload.id,
                PartNumber=number,
                CopySource={"Bucket": self._bucket, "Key": source.key},
                CopySourceIfMatch=_quoted(source.etag),
                **part_of,
            )
            found = answer["CopyPartResult"]
            # A store that tells a part's checksums may want to hear them again.
            part: Any = {name: value for name, value in found.items() if name == "ETag" or name.startswith("Checksum")}
            part["PartNumber"] = number
            upload.parts.append(part)
        except (ClientError, BotoCoreError, *_UNREADABLE) as error:
            if isinstance(error, ClientError) and aws.code(error) in _MISSING:
                raise PreconditionFailed(source.key) from error
            self._raise(error, upload.doing)

    def _complete(self, upload: _Upload, **condition: Any) -> str:
        self._deadline.require_time(upload.doing)
        upload.may_be_complete = True
        try:
            answer = self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=upload.key,
                UploadId=upload.id,
                MultipartUpload={"Parts": upload.parts},
                **condition,
            )
            return _bare(answer["ETag"])
        except (ClientError, BotoCoreError, *_UNREADABLE) as error:
            if isinstance(error, ClientError):
                upload.may_be_complete = not _is_refusal(error)
                if aws.code(error) in _MISSING:  # If-Match on a key that is gone, as in `copy`
                    raise PreconditionFailed(upload.key) from error
            self._raise(error, upload.doing)

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


@dataclass
class _Upload:
    """A multipart upload under way.

    Attributes:
        doing: What it is for, for messages.
        parts: What completes it.
        may_be_complete: Whether the store was asked to complete it, and did not plainly refuse.
    """

    key: str
    id: str
    doing: str
    parts: list[CompletedPartTypeDef] = field(default_factory=list)
    may_be_complete: bool = False


class _Slice(io.RawIOBase):
    """A part of a file as a file of its own, so that a part is sent, and sent again, without being held in memory."""

    def __init__(self, whole: BinaryIO, begin: int, size: int) -> None:
        """Begins at the slice's beginning.

        Args:
            whole: The file; its position is used and changed.
            begin: Where in it the slice begins.
            size: How many bytes it has.
        """
        self._size = size
        self._whole = whole
        self._begin = begin
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        with memoryview(buffer) as room:
            self._whole.seek(self._begin + self._position)
            piece = self._whole.read(min(len(room), max(self._size - self._position, 0)))
            room[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def _is_refusal(error: ClientError) -> bool:
    """Whether the store answered that it will not do it, and not that something went wrong while it did."""
    return 400 <= error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) < 500


def _in_base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _bare(etag: str) -> str:
    """Returns an ETag without its quotes; SeaweedFS leaves them out in a copy's answer."""
    return etag.strip('"')


def _quoted(etag: str) -> str:
    return f'"{etag}"'
