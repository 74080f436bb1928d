"""A look at an object, which S3 answers without a body: also where the answer is a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.aws.failures import FAILURES, is_unexplained

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef


def head_object(client: S3Client, bucket: str, key: str) -> HeadObjectOutputTypeDef:
    """Returns what a HEAD of an object answers.

    A refusal without a reason is asked for again by a GET, which is refused for the same one and has a body to say it:
    a clock that is wrong, an archived object and a missing right all are "403" to a HEAD.

    Raises:
        ClientError: The refusal, by the GET's reason where it gave one.
    """
    try:
        return client.head_object(Bucket=bucket, Key=key)
    except FAILURES as error:
        if is_unexplained(error):
            client.get_object(Bucket=bucket, Key=key)["Body"].close()
        raise
