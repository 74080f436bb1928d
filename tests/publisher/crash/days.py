"""Two days' tables of ids, and what is active after something went wrong."""

from __future__ import annotations

import gzip
import hashlib
import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from publisher.errors import Conflict
from publisher.publish import Published, publish
from publisher.settings import PublishSettings
from publisher.store.keys import Destination
from publisher.store.protocol import Store
from publisher.store.s3 import S3Store
from publisher.values import TableRef
from publisher.verify import verify

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_numbers = itertools.count(1)


def new_destination(bucket: str) -> Destination:
    """Returns a prefix of its own. Not a bucket: SeaweedFS gives each a volume, and has room for some dozens."""
    return Destination(bucket, f"case-{next(_numbers)}/")


def next_second() -> datetime:
    """Returns another second each time, none of which a process under test sees on its own clock."""
    return datetime(2001, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=next(_numbers))


@dataclass(frozen=True)
class Day:
    """A table of one partition."""

    partition: str
    content: bytes
    folder: Path

    def publish(self, destination: Destination, store: Store) -> Published:
        """Publishes it, under a staging key of its own: no test waits for the next second."""
        table = TableRef("parquet", str(self.folder))
        settings = PublishSettings(destination, table=table, source_partition=self.partition)
        return publish(settings, store, now=next_second)


def write_day(folder: Path, partition: str, count: int) -> Day:
    """Writes a table with the first `count` of an endless list of ids, which hardly compress.

    A later day's longer list holds an earlier day's ids, as in a table that grows.
    """
    ids = sorted(hashlib.sha256(str(number).encode()).hexdigest()[:24] for number in range(count))
    folder /= partition
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"id": pa.array(ids, pa.string())}), folder / "part-00000.parquet")
    return Day(partition, "\n".join(ids).encode(), folder)


def active_day(destination: Destination, client: S3Client, *days: Day) -> Day | None:
    """Returns the day whose file is active, whole and with its own metadata, None when nothing is active.

    The publisher's own word is asked for too: by `verify`, also of what the records say.

    Raises:
        AssertionError: What is active is anything else.
    """
    store = S3Store(destination.bucket, client=client)
    if store.head(destination.active_key) is None:
        return None
    try:
        differences = verify(store, destination).differences
    except Conflict:  # a copy whose client is gone was still under way
        differences = verify(store, destination).differences
    assert differences == ()
    return day_of_active(destination, client, *days)


def day_of_active(destination: Destination, client: S3Client, *days: Day) -> Day:
    """Returns the same by a single request, where nothing went wrong that the publisher could have missed.

    Raises:
        AssertionError: What is active is anything else.
    """
    answer = client.get_object(Bucket=destination.bucket, Key=destination.active_key)
    content = gzip.decompress(answer["Body"].read())
    matching = [day for day in days if day.content == content]
    assert len(matching) == 1, "active is no day's file"
    assert answer["Metadata"]["source_partition"] == matching[0].partition
    assert answer["Metadata"]["md5_checksum"] == hashlib.md5(content).hexdigest()
    return matching[0]
