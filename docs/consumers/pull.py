"""A consumer in Python: the file, verified and in its place, then whatever the service does with its ids.

    pip install .                                          (no extra: boto3, click and a decompressor)
    python pull.py [--accept-rollback] s3://bucket/prefix /data/latest.txt.gz

What there is to check, `publisher.pull.pull` checks: see docs/consumers.md.
"""

from __future__ import annotations

import gzip
import sys
from datetime import timedelta
from pathlib import Path

from publisher.errors import PublisherError
from publisher.pull import pull
from publisher.store.keys import Destination
from publisher.store.s3 import S3Store


def main(arguments: list[str]) -> int:
    """Brings the file, and counts what it holds; returns the exit code that `publisher pull` would have."""
    places = [argument for argument in arguments if argument != "--accept-rollback"]
    if len(places) != 2:
        print("usage: pull.py [--accept-rollback] s3://bucket/prefix TARGET", file=sys.stderr)
        return 2
    try:
        destination, target = Destination.parse(places[0]), Path(places[1])
        pulled = pull(
            S3Store(destination.bucket),  # credentials, region and endpoint as boto3 finds them
            destination,
            target,
            max_age=timedelta(days=10),  # active that nobody replaced for so long is no list of today's: your number
            accept_rollback="--accept-rollback" in arguments,
        )
    except PublisherError as error:  # the target is what it was
        print(f"{error.message} {error.hint}", file=sys.stderr)
        return error.exit_code
    if pulled.status == "updated":
        with gzip.open(target, "rt", encoding="utf-8", newline="\n") as lines:
            ids = sum(1 for _ in lines)  # here the service reads its ids: one a line, ascending
        print(f"updated: {ids} ids of partition {pulled.metadata.source_partition}")
    else:
        print(f"unchanged: partition {pulled.metadata.source_partition}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
