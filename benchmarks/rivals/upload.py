"""The two calls that most people make: upload beside, copy over."""

from __future__ import annotations

from pathlib import Path

import boto3


def promote(file: Path, to: str) -> None:
    """Uploads a file to `stage/` and copies it to `active/latest.txt.gz`.

    Args:
        file: What to upload.
        to: `s3://bucket/prefix`.
    """
    bucket, _, prefix = to.removeprefix("s3://").partition("/")
    s3 = boto3.client("s3")
    s3.upload_file(str(file), bucket, f"{prefix}/stage/latest.txt.gz")
    s3.copy_object(
        Bucket=bucket,
        Key=f"{prefix}/active/latest.txt.gz",
        CopySource={"Bucket": bucket, "Key": f"{prefix}/stage/latest.txt.gz"},
    )
