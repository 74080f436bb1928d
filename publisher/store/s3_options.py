"""What is said with every request to a bucket, and with every object that is written to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from publisher.errors import StoreFailed, UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ENCRYPTIONS = ("AES256", "aws:kms", "aws:kms:dsse")
# Of the canned ones those that open the bucket to nobody but its owner.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl
ACLS = ("private", "bucket-owner-read", "bucket-owner-full-control")
_WRITING = ("PutObject", "CopyObject", "CreateMultipartUpload")
_CONFIRMING = ("PutObject", "CreateMultipartUpload")  # a file is staged by these, before anything is promoted
_TAG = re.compile(r"[\w +\-.:/@]+=[\w +\-.:/@=]*")


@dataclass(frozen=True)
class S3Options:
    """What a bucket's owner, or its policy, demands.

    Attributes:
        expected_bucket_owner: The account that must own the bucket, twelve digits: the store refuses where it does not.
        sse: By what written objects are encrypted, one of `ENCRYPTIONS`; None for what the bucket does by default.
        sse_kms_key_id: The KMS key, with `aws:kms`; None for the account's.
        bucket_key: Whether the bucket's own key is used, which takes fewer requests to KMS; None for the default.
        acl: The canned ACL of written objects, one of `ACLS`.
        tags: Tags of written objects, `name=value,name=value`.
    """

    expected_bucket_owner: str | None = None
    sse: str | None = None
    sse_kms_key_id: str | None = None
    bucket_key: bool | None = None
    acl: str | None = None
    tags: str | None = None

    def __post_init__(self) -> None:
        """Checks what the types do not.

        Raises:
            UsageError: One cannot be used, or two do not fit.
        """
        owner = self.expected_bucket_owner
        if owner is not None and not re.fullmatch("[0-9]{12}", owner):
            raise UsageError(
                "--expected-bucket-owner is not the id of an account.",
                "Give its twelve digits, as `aws sts get-caller-identity` shows them, in quotes if they begin with 0.",
            )
        is_kms = (self.sse or "").startswith("aws:kms")
        if not is_kms and (self.sse_kms_key_id is not None or self.bucket_key is not None):
            raise UsageError(
                "--sse-kms-key-id and --bucket-key are about KMS, and --sse is another or missing.",
                "Give --sse aws:kms with them, or leave them out.",
            )
        if self.tags is not None and not all(_TAG.fullmatch(tag) for tag in self.tags.split(",")):
            raise UsageError("--tags cannot be read.", "Give them as name=value,name=value.")

    def apply(self, client: S3Client) -> None:
        """Adds all this to each request that a client sends from now on, as far as S3 knows it of that request."""
        written = self._written()
        owner = self.expected_bucket_owner
        owners = {"ExpectedBucketOwner": owner, "ExpectedSourceBucketOwner": owner} if owner else {}

        def add(params: dict[str, Any], model: Any, **_: Any) -> None:
            known = model.input_shape.members
            params.update({name: value for name, value in owners.items() if name in known})
            if model.name in _WRITING:
                params.update(written)

        def require_encrypted(http_response: Any, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
            if http_response.status_code < 300 and parsed.get("ServerSideEncryption") != self.sse:
                raise StoreFailed(
                    f"The store did not encrypt what was written as --sse {self.sse} asks ({model.name}).",
                    "Use a store that does, or leave --sse out. Nothing was promoted.",
                )

        client.meta.events.register("provide-client-params.s3", add)
        if self.sse is not None:
            for name in _CONFIRMING:
                client.meta.events.register(f"after-call.s3.{name}", require_encrypted)

    def _written(self) -> dict[str, Any]:
        said = {
            "ServerSideEncryption": self.sse,
            "SSEKMSKeyId": self.sse_kms_key_id,
            "BucketKeyEnabled": self.bucket_key,
            "ACL": self.acl,
            "Tagging": urlencode(dict(tag.split("=", 1) for tag in self.tags.split(","))) if self.tags else None,
        }
        return {name: value for name, value in said.items() if value is not None}
