"""Multipart uploads and copies: for files that one request does not take, and stores that keep conditions only here."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from publisher.aws import failures
from publisher.errors import IntegrityError
from publisher.seekable import Seekable
from publisher.store.protocol import CONTENT_TYPE, ObjectMissing, PreconditionFailed
from publisher.store.s3_requests import S3Requests, bare, in_base64, quoted
from publisher.values import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_READ_BYTES = 1 << 20
# Parts are bounded in number and, but for the last one, from below.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_MAX_PARTS = 10_000
_MIN_PART_BYTES = 5 * 1024**2


@dataclass
class Upload:
    """A multipart upload under way, which nobody sees before it is completed.

    Attributes:
        doing: What it is for, for messages.
        parts: What completes it.
        may_be_complete: Whether the store was asked to complete it, and did not plainly refuse.
    """

    requests: S3Requests
    key: str
    id: str
    doing: str
    parts: list[CompletedPartTypeDef] = field(default_factory=list)
    may_be_complete: bool = False

    def send(self, number: int, part: BinaryIO, size: int, sha256: bytes) -> None:
        """Uploads one part, whose digest the store compares."""
        checksum = in_base64(sha256)
        with self.requests.asking(self.doing):
            answer = self.requests.client.upload_part(
                Bucket=self.requests.bucket,
                Key=self.key,
                UploadId=self.id,
                PartNumber=number,
                Body=part,
                ContentLength=size,
                ChecksumSHA256=checksum,
            )
            self.parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum})

    def copy(self, number: int, source: StoredObject, span: tuple[int, int] | None) -> None:
        """Copies one part.

        Args:
            number: The part's number, from 1.
            source: The object to copy from.
            span: The first and the last byte; None for the whole object.

        Raises:
            PreconditionFailed: The source is another now, or gone.
        """
        part_of: Any = {} if span is None else {"CopySourceRange": f"bytes={span[0]}-{span[1]}"}
        try:
            with self.requests.asking(self.doing, PreconditionFailed, ObjectMissing):
                answer = self.requests.client.upload_part_copy(
                    Bucket=self.requests.bucket,
                    Key=self.key,
                    UploadId=self.id,
                    PartNumber=number,
                    CopySource={"Bucket": self.requests.bucket, "Key": source.key},
                    CopySourceIfMatch=quoted(source.etag),
                    **part_of,
                )
                found = answer["CopyPartResult"]
                # A store that tells a part's checksums may want to hear them again.
                part: Any = {
                    name: value for name, value in found.items() if name == "ETag" or name.startswith("Checksum")
                }
                part["PartNumber"] = number
                self.parts.append(part)
        except ObjectMissing:
            raise PreconditionFailed(source.key) from None

    def complete(self, **condition: Any) -> str:
        """Makes the object of the parts, under a condition, and returns its ETag.

        Raises:
            PreconditionFailed: It was not met.
        """
        try:
            with self.requests.asking(self.doing, PreconditionFailed, ObjectMissing):
                self.may_be_complete = True
                try:
                    answer = self.requests.client.complete_multipart_upload(
                        Bucket=self.requests.bucket,
                        Key=self.key,
                        UploadId=self.id,
                        MultipartUpload={"Parts": self.parts},
                        **condition,
                    )
                except failures.FAILURES as error:
                    self.may_be_complete = not failures.is_refusal(error)
                    raise
                return bare(answer["ETag"])
        except ObjectMissing:  # If-Match on a key that is gone, as in a copy
            raise PreconditionFailed(self.key) from None

    def abort(self) -> None:
        """Throws the parts away, if the upload is not complete. Best effort: a lifecycle rule removes what stays."""
        # Not one that may be complete, or being completed: nothing says of every store that this is harmless then.
        if not self.may_be_complete:
            with suppress(*failures.FAILURES):
                self.requests.client.abort_multipart_upload(Bucket=self.requests.bucket, Key=self.key, UploadId=self.id)


@contextmanager
def upload(requests: S3Requests, key: str, texts: Mapping[str, str], doing: str, **options: Any) -> Iterator[Upload]:
    """Begins a multipart upload, and throws away, when the block is left, what was not completed."""
    with requests.asking(doing):
        answer = requests.client.create_multipart_upload(
            Bucket=requests.bucket, Key=key, ContentType=CONTENT_TYPE, Metadata=dict(texts), **options
        )
        begun = Upload(requests, key, answer["UploadId"], doing)
    try:
        yield begun
    finally:
        begun.abort()


def create_in_parts(
    requests: S3Requests, key: str, body: BinaryIO, length: int, sha256: str, texts: Mapping[str, str], part_bytes: int
) -> str:
    """Uploads a file by one part after the other, each with its own SHA-256 for the store to compare.

    Returns:
        The object's ETag.

    Raises:
        PreconditionFailed: The key exists.
        IntegrityError: The file is not what its SHA-256 says.
    """
    whole = hashlib.sha256()
    with upload(requests, key, texts, f"writing {key}", ChecksumAlgorithm="SHA256") as begun:
        start = body.tell()
        for number, begin, size in cut(length, part_bytes):
            digest = hashlib.sha256()
            part = io.BufferedReader(_Slice(body, start + begin, size), _READ_BYTES)
            while piece := part.read(_READ_BYTES):
                digest.update(piece)
                whole.update(piece)
            part.seek(0)
            begun.send(number, part, size, digest.digest())
        if whole.hexdigest() != sha256:  # each part is what was sent: this is about what was there to send
            raise IntegrityError(
                f"What was read while writing {key} is not what its SHA-256 says.",
                "Run again; if it happens twice, suspect the disk of the spool folder.",
            )
        return begun.complete(IfNoneMatch="*")


def cut(length: int, part_bytes: int) -> Iterator[tuple[int, int, int]]:
    """Yields number, begin and size of each part: all of one size but the last."""
    size = max(part_bytes, _MIN_PART_BYTES, -(-length // _MAX_PARTS))
    for number, begin in enumerate(range(0, max(length, 1), size), 1):
        yield number, begin, min(size, length - begin)


class _Slice(Seekable):
    """A part of a file as a file of its own, so that a part is sent, and sent again, without being held in memory."""

    def __init__(self, whole: BinaryIO, begin: int, size: int) -> None:
        super().__init__(size)
        self._whole = whole
        self._begin = begin

    def fetch(self, begin: int, length: int) -> bytes:
        self._whole.seek(self._begin + begin)
        return self._whole.read(length)
