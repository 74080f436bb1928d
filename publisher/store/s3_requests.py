"""Requests to one bucket: its client, the deadline, and what an answer that is none means for the caller."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from publisher.aws import causes, failures
from publisher.aws.clients import Deadline
from publisher.errors import IntegrityError, StoreFailed
from publisher.store.protocol import ObjectMissing, PreconditionFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NO_BUCKET = "Create the bucket, or correct --to and --endpoint-url."
_READ = "s3:GetObject, and s3:ListBucket on the bucket, without which a key that is not there looks like a denied one"
SERVICE = failures.Service(
    name="The store",
    of="S3, or of this store",
    # What deploy/policies grant for each request; a test compares.
    rights={
        "HeadObject": _READ,
        "GetObject": _READ,
        "HeadBucket": "s3:ListBucket on the bucket",
        "ListObjectsV2": "s3:ListBucket on the bucket, for this prefix",
        "ListObjectVersions": "s3:ListBucketVersions on the bucket",
        **dict.fromkeys(
            ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), "s3:PutObject there"
        ),
        **dict.fromkeys(("CopyObject", "UploadPartCopy"), "s3:GetObject on the source and s3:PutObject there"),
        "AbortMultipartUpload": "s3:AbortMultipartUpload there",
        "DeleteObject": "s3:DeleteObject there",
        "DeleteObjects": "s3:DeleteObject there, and s3:DeleteObjectVersion where the bucket keeps versions",
    },
    grant="deploy/policies has what each role needs; a bucket of another account than --expected-bucket-owner is "
    "denied alike.",
    checks="Check the endpoint and the network, then run again; active is whole.",
    hints={"NoSuchBucket": _NO_BUCKET},
)


@dataclass(frozen=True)
class S3Requests:
    """What every request to a bucket needs.

    Attributes:
        endpoint_url: Where the store is, for messages; None for AWS.
        deadline: Ends all requests.
    """

    client: S3Client
    bucket: str
    endpoint_url: str | None
    deadline: Deadline

    @contextmanager
    def asking(self, doing: str, *expected: type[PreconditionFailed | ObjectMissing]) -> Iterator[None]:
        """Translates what the requests in the block raise.

        Args:
            doing: What they are for, for messages.
            expected: What the caller knows what to do about; elsewhere such an answer is a failure like others.

        Raises:
            PreconditionFailed: A condition was not met.
            ObjectMissing: There is no such object.
            IntegrityError: The store received other bytes than were sent.
            StoreFailed: Everything else; also, before the block, when the deadline has passed.
        """
        self.deadline.require_time(doing)
        try:
            yield
        except failures.FAILURES as error:
            self._raise(error, doing, *expected)

    def require_bucket(self) -> None:
        """Returns when the bucket is there: a HEAD's 404 has no body to tell a missing key from a missing bucket.

        Raises:
            StoreFailed: It is not, or cannot be reached.
        """
        doing = f"looking at the bucket {self.bucket}"
        try:
            self.client.head_bucket(Bucket=self.bucket)
        except failures.FAILURES as error:
            code = failures.code(error)
            if code in causes.MISSING or code == "NoSuchBucket":
                where = f" at {self.endpoint_url}" if self.endpoint_url else ""
                raise StoreFailed(f"The bucket {self.bucket} does not exist{where}.", _NO_BUCKET) from error
            # Looking at the bucket takes a permission of its own; when that is denied, the write will tell.
            if not failures.is_answer(error):
                self._raise(error, doing)

    def _raise(self, error: Exception, doing: str, *expected: type[PreconditionFailed | ObjectMissing]) -> NoReturn:
        code = failures.code(error)
        for kind, codes in ((PreconditionFailed, causes.CHANGED), (ObjectMissing, causes.MISSING)):
            if code in codes and kind in expected:
                raise kind(doing) from error
        if code in causes.DAMAGED:
            raise IntegrityError(
                f"The store received other bytes than were sent while {doing} ({code}).",
                "Run again; if it happens twice, suspect the network between here and the store.",
            ) from error
        where = f" at {self.endpoint_url}" if self.endpoint_url else ""
        raise failures.failure(error, SERVICE, doing, f" in bucket {self.bucket}{where}") from error


def quoted(etag: str) -> str:
    """Returns an ETag as a condition takes it."""
    return f'"{etag}"'


def bare(etag: str) -> str:
    """Returns an ETag without its quotes; SeaweedFS leaves them out in a copy's answer."""
    return etag.strip('"')


def in_base64(digest: bytes) -> str:
    """Returns a digest as a checksum header takes it."""
    return base64.b64encode(digest).decode()
