"""Many publishers and many readers at once: what is active is always one publisher's file with its own metadata."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from publisher.errors import Conflict, GuardRefusal, PublisherError
from publisher.guards import OLDER_PARTITION
from publisher.store.s3 import S3Store
from tests.conftest import Bucket
from tests.publisher.crash.days import Day, active_day, new_destination, write_day

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PUBLISHERS = 8
ROUNDS = 3  # of each sort, of which there are four
READERS = 100
PROMOTIONS = 25
READS = 1  # of each reader at each promotion
# Only a test that fails anyway waits so long.
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[Day]:
    """Days whose later ones hold the earlier ones' ids."""
    folder = tmp_path_factory.mktemp("days")
    return [write_day(folder, f"202510{number:02}", 4_000 + 50 * number) for number in range(1, PROMOTIONS + 2)]


class Gathering(S3Store):
    """A store that meets others at a gate before its first copy to active."""

    def __init__(self, bucket: str, client: S3Client, gate: threading.Barrier) -> None:
        super().__init__(bucket, client=client)
        self._gate: threading.Barrier | None = gate

    def copy(
        self, source: str, source_etag: str, destination: str, expected_etag: str | None, texts: Mapping[str, str]
    ) -> str:
        if source != destination and self._gate is not None:
            gate, self._gate = self._gate, None
            gate.wait(PATIENCE_SECONDS)
        return super().copy(source, source_etag, destination, expected_etag, texts)


def until(done: threading.Event, look: Callable[[], str | None]) -> list[str]:
    """Looks again and again, a last time after `done`, and returns what was there."""
    seen = []
    is_last = False
    while not is_last:
        is_last = done.is_set()
        seen.append(look())
    return [found for found in seen if found is not None]


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize("first", [True, False], ids=["first publish", "replacement"])
@pytest.mark.parametrize("together_from", ["start", "copy"])
def test_of_racing_publishers_the_losers_notice_and_active_never_goes_back(
    together_from: str, first: bool, number: int, shared_bucket: Bucket, days: list[Day]
) -> None:
    destination = new_destination(shared_bucket.name)
    yesterday, racing = days[0], days[1 : PUBLISHERS + 1]
    if not first:
        yesterday.publish(destination, shared_bucket.store)
    gate, done = threading.Barrier(PUBLISHERS), threading.Event()
    clients = [shared_bucket.client for _ in racing]  # made here: boto3 is not made for making several at once
    watching = shared_bucket.store

    def publish(day: Day, client: S3Client) -> PublisherError | None:
        store = Gathering(shared_bucket.name, client, gate) if together_from == "copy" else None
        if store is None:
            gate.wait(PATIENCE_SECONDS)
        try:
            day.publish(destination, store or S3Store(shared_bucket.name, client=client))
        except PublisherError as error:
            return error
        return None

    def look() -> str | None:
        found = watching.head(destination.active_key)
        return found.metadata.source_partition if found else None

    with ThreadPoolExecutor(PUBLISHERS + 1) as pool:
        watcher = pool.submit(until, done, look)
        try:
            errors = list(pool.map(publish, racing, clients))
        finally:
            done.set()
        seen = watcher.result(PATIENCE_SECONDS)

    for error in filter(None, errors):
        assert isinstance(error, Conflict | GuardRefusal), repr(error)
        assert error.guard in (None, OLDER_PARTITION)
    winners = [day for day, error in zip(racing, errors, strict=True) if error is None]
    assert winners
    assert active_day(destination, shared_bucket.client, yesterday, *racing) == winners[-1]
    assert seen == sorted(seen)
    assert seen[-1] == winners[-1].partition


class Interrupted(S3Store):
    """A store in which somebody else acts when all guards have agreed, right before the promotion."""

    def __init__(self, bucket: str, client: S3Client, act: Callable[[], object]) -> None:
        super().__init__(bucket, client=client)
        self._act = act

    def copy(
        self, source: str, source_etag: str, destination: str, expected_etag: str | None, texts: Mapping[str, str]
    ) -> str:
        if source == destination:  # the copy onto itself that proves that conditions count
            self._act()
        return super().copy(source, source_etag, destination, expected_etag, texts)


def test_a_newer_partition_with_the_very_bytes_of_the_replaced_one_is_noticed(
    shared_bucket: Bucket, tmp_path: Path
) -> None:
    # Equal bytes have equal ETags, so that the store's own condition holds.
    destination = new_destination(shared_bucket.name)
    older, newer = write_day(tmp_path, "20251001", 100), write_day(tmp_path, "20251003", 100)
    ours = write_day(tmp_path, "20251002", 120)
    older.publish(destination, shared_bucket.store)
    store = Interrupted(
        shared_bucket.name, shared_bucket.client, lambda: newer.publish(destination, shared_bucket.store)
    )
    with pytest.raises(GuardRefusal) as refused:
        ours.publish(destination, store)
    assert refused.value.guard == OLDER_PARTITION
    assert active_day(destination, shared_bucket.client, newer, ours) == newer


def test_every_reader_gets_a_whole_file_with_its_own_metadata(shared_bucket: Bucket, days: list[Day]) -> None:
    destination = new_destination(shared_bucket.name)
    endpoint = shared_bucket.endpoint
    client = boto3.client(
        "s3",
        endpoint_url=endpoint.url,
        aws_access_key_id=endpoint.access_key,
        aws_secret_access_key=endpoint.secret_key,
        region_name="us-east-1",
        config=Config(max_pool_connections=READERS, response_checksum_validation="when_required"),
    )
    contents = {day.partition: day.content for day in days}
    # All begin to read when the publisher begins to copy. Readers without a pause would only slow the publisher down.
    gate = threading.Barrier(READERS + 1)

    def read() -> str:
        answer = client.get_object(Bucket=shared_bucket.name, Key=destination.active_key)
        body, texts = answer["Body"].read(), answer["Metadata"]
        content = gzip.decompress(body)
        assert content == contents[texts["source_partition"]]
        assert texts["md5_checksum"] == hashlib.md5(content).hexdigest()
        assert texts["sha256"] == hashlib.sha256(body).hexdigest()
        assert texts["total_ids"] == str(content.count(b"\n") + 1)
        return texts["source_partition"]

    def read_at_each_promotion() -> list[str]:
        seen = []
        try:
            for _ in range(PROMOTIONS):
                gate.wait(PATIENCE_SECONDS)
                seen += [read() for _ in range(READS)]
        except Exception:
            gate.abort()
            raise
        return seen

    days[0].publish(destination, shared_bucket.store)
    with ThreadPoolExecutor(READERS) as pool:
        readers = [pool.submit(read_at_each_promotion) for _ in range(READERS)]
        try:
            for day in days[1 : PROMOTIONS + 1]:
                day.publish(destination, Gathering(shared_bucket.name, shared_bucket.client, gate))
        except threading.BrokenBarrierError:
            pass  # a reader has failed; how, comes below
        except BaseException:
            gate.abort()
            raise
    failures = [error for error in (reader.exception() for reader in readers) if error is not None]
    assert [error for error in failures if not isinstance(error, threading.BrokenBarrierError)] == []
    assert failures == []
    for reader in readers:
        assert reader.result() == sorted(reader.result())
    assert read() == days[-1].partition
