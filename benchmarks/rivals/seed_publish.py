"""The publishing half as the job that the product replaces did it: everything in the driver's memory.

Usage: python -m benchmarks.rivals.seed_publish PARQUET_FILE PARTITION s3://bucket/prefix
"""

from __future__ import annotations

import gzip
import hashlib
import sys
from datetime import datetime, timezone

import boto3
import pyarrow.parquet as pq


def publish(ids: list[str], partition: str, to: str) -> None:
    """Writes, checks and promotes a file of ids.

    Args:
        ids: One for each line.
        partition: Where they come from.
        to: `s3://bucket/prefix`.

    Raises:
        ValueError: An id is empty, or what was read back is not what was written.
    """
    if not ids or any(id_ is None or id_.strip() == "" for id_ in ids):
        raise ValueError("there is an empty id, or none at all")
    content = "\n".join(ids).encode("utf-8")
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    compressed = gzip.compress(content)

    bucket, _, prefix = to.removeprefix("s3://").partition("/")
    created_at = datetime.now(timezone.utc).strftime("%Y%m%d_%H%M%S")
    stage, active = f"{prefix}/stage/stage_{created_at}.txt.gz", f"{prefix}/active/latest.txt.gz"
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key=stage, Body=compressed)

    downloaded = s3.get_object(Bucket=bucket, Key=stage)["Body"].read()
    read_back = gzip.decompress(downloaded)
    if not downloaded or hashlib.md5(read_back, usedforsecurity=False).hexdigest() != md5:
        raise ValueError("the staged file has another content")
    if len(read_back.decode("utf-8").split("\n")) != len(ids):
        raise ValueError("the staged file has another number of lines")

    s3.copy_object(
        Bucket=bucket,
        Key=active,
        CopySource={"Bucket": bucket, "Key": stage},
        MetadataDirective="REPLACE",
        Metadata={
            "total_ids": str(len(ids)),
            "md5_checksum": md5,
            "created_at": created_at,
            "source_partition": partition,
        },
    )
    sizes = {s3.head_object(Bucket=bucket, Key=key)["ContentLength"] for key in (stage, active)}
    if len(sizes) != 1:
        raise ValueError("the active file has another size than the staged one")


if __name__ == "__main__":
    publish(pq.read_table(sys.argv[1], columns=["id"]).column("id").to_pylist(), *sys.argv[2:4])
