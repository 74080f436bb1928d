"""Uploads and copies in parts, killed and broken in their middle: nobody sees them, and the next run works."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from publisher.errors import IntegrityError, PublisherError, StoreFailed
from publisher.store.conditions import SwapMethod
from publisher.store.keys import Destination
from publisher.store.s3 import S3Store
from tests import forked
from tests.conftest import Bucket
from tests.in_parts import PART_BYTES, ignoring, store_in_parts, uploads
from tests.publisher.crash import fault_proxy
from tests.publisher.crash.days import Day, active_day, day_of_active, new_destination, write_day
from tests.publisher.crash.fault_proxy import Fault, Request, answers
from tests.publisher.crash.impatient import impatient_client

# From here on an upload is in parts. A single small part is enough where it does not matter how many there are: five
# megabytes, up and down a hundred times, take a minute.
IN_PARTS_BYTES = 1 << 17


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[Day]:
    """A small day, and one whose file takes two parts."""
    folder = tmp_path_factory.mktemp("days")
    return [write_day(folder, "20251021", 6_000), write_day(folder, "20251022", 425_000)]


@pytest.fixture(scope="module")
def day_of_one_part(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return write_day(tmp_path_factory.mktemp("one"), "20251022", 20_000)


@pytest.fixture
def destination(bucket: Bucket, days: list[Day]) -> Destination:
    """A place where the small day is active."""
    destination = new_destination(bucket.name)
    days[0].publish(destination, bucket.store)
    return destination


def is_request(operation: str, folder: str = "") -> Callable[[Request], bool]:
    """Returns what tells the requests of an operation, below stage/ or active/."""

    def matches(request: Request) -> bool:
        query = request.head.split(b" ", 2)[1].partition(b"?")[2]
        is_copy = "x-amz-copy-source" in request.headers
        found = {
            "CreateMultipartUpload": request.method == "POST" and b"uploads" in query,
            "UploadPart": request.method == "PUT" and b"uploadId" in query and not is_copy,
            "UploadPartCopy": request.method == "PUT" and b"uploadId" in query and is_copy,
            "CompleteMultipartUpload": request.method == "POST" and b"uploadId" in query,
            "AbortMultipartUpload": request.method == "DELETE" and b"uploadId" in query,
        }
        return found[operation] and f"/{folder}" in request.path

    return matches


def attempt(
    bucket: Bucket,
    day: Day,
    destination: Destination,
    fault: Fault,
    operation: str,
    folder: str,
    *,
    last: int,
    is_payload_signed: bool = True,
) -> tuple[PublisherError | None, list[Request]]:
    """Publishes in parts while something happens to an operation, and returns the error and the requests."""
    with fault_proxy.running(bucket.endpoint.url) as proxy:
        proxy.inject(fault, is_request(operation, folder), last=last)
        try:
            client = impatient_client(bucket.endpoint, proxy, is_payload_signed=is_payload_signed)
            day.publish(destination, store_in_parts(bucket, client, single_request_bytes=IN_PARTS_BYTES))
        except PublisherError as error:
            return error, proxy.requests
        return None, proxy.requests


@pytest.mark.parametrize("last", [1, 99])
def test_damage_in_a_part_is_rejected(last: int, bucket: Bucket, destination: Destination, days: list[Day]) -> None:
    before = bucket.data_keys()
    damage = fault_proxy.flips_a_bit_of_the_request
    error, _ = attempt(bucket, days[1], destination, damage, "UploadPart", "stage/", last=last, is_payload_signed=False)
    assert isinstance(error, IntegrityError)
    assert "received other bytes" in error.message  # the store itself noticed, not the look at what was staged
    assert bucket.data_keys() == before
    assert uploads(bucket) == []


AT = [
    ("CreateMultipartUpload", "stage/"), ("UploadPart", "stage/"), ("CompleteMultipartUpload", "stage/"),
    ("CreateMultipartUpload", "active/"), ("UploadPartCopy", "active/"), ("CompleteMultipartUpload", "active/"),
]  # fmt: skip
ONCE = {
    "500": answers("500 Internal Server Error", "InternalError"),
    "200 with an error": answers("200 OK", "InternalError"),
    "reset amid the request": fault_proxy.resets_amid_the_request,
    "the answer is lost": fault_proxy.loses_the_answer,
    "hang after": fault_proxy.hangs_after,
}


@pytest.mark.parametrize("name", ONCE)
@pytest.mark.parametrize(("operation", "folder"), AT)
def test_what_happens_once_is_overcome(
    name: str,
    operation: str,
    folder: str,
    bucket: Bucket,
    destination: Destination,
    days: list[Day],
    day_of_one_part: Day,
) -> None:
    day = days[1] if operation.startswith("UploadPart") else day_of_one_part
    error, _ = attempt(bucket, day, destination, ONCE[name], operation, folder, last=1)
    assert error is None
    assert active_day(destination, bucket.client, days[0], day) == day


@pytest.mark.parametrize(("operation", "folder"), AT)
@pytest.mark.parametrize("fault", [answers("403 Forbidden", "AccessDenied"), answers("503 Slow Down", "SlowDown")])
def test_what_does_not_stop_leaves_active_and_no_upload(
    fault: Fault,
    operation: str,
    folder: str,
    bucket: Bucket,
    destination: Destination,
    days: list[Day],
    day_of_one_part: Day,
) -> None:
    day = days[1] if operation.startswith("UploadPart") else day_of_one_part
    error, requests = attempt(bucket, day, destination, fault, operation, folder, last=99)
    assert isinstance(error, StoreFailed)
    assert active_day(destination, bucket.client, *days) == days[0]
    aborted = [request for request in requests if is_request("AbortMultipartUpload", folder)(request)]
    if operation == "CompleteMultipartUpload" and "network" in error.hint:
        # It may be under way: an upload is not thrown away from under a completion. The bucket's lifecycle rule will.
        assert not aborted
        assert len(uploads(bucket)) == 1
    else:
        assert uploads(bucket) == []
    day.publish(destination, store_in_parts(bucket, single_request_bytes=IN_PARTS_BYTES))
    assert day_of_active(destination, bucket.client, days[0], day) == day


def test_an_upload_that_cannot_be_thrown_away_hides_nothing(
    bucket: Bucket, destination: Destination, days: list[Day]
) -> None:
    with fault_proxy.running(bucket.endpoint.url) as proxy:
        proxy.inject(answers("403 Forbidden", "AccessDenied"), is_request("AbortMultipartUpload"))
        client = ignoring(impatient_client(bucket.endpoint, proxy), SwapMethod.COPY)  # its probe is refused
        days[0].publish(destination, S3Store(bucket.name, client=client))
        assert any(is_request("AbortMultipartUpload")(request) for request in proxy.requests)
    assert active_day(destination, bucket.client, *days) == days[0]


def test_an_upload_that_somebody_ended_is_told_as_that(
    bucket: Bucket, destination: Destination, days: list[Day], day_of_one_part: Day
) -> None:
    gone = answers("404 Not Found", "NoSuchUpload")
    error, _ = attempt(bucket, day_of_one_part, destination, gone, "CompleteMultipartUpload", "active/", last=99)
    assert isinstance(error, StoreFailed)
    assert "lifecycle rule" in error.hint
    assert active_day(destination, bucket.client, *days) == days[0]


# Killed.


def run(
    bucket: Bucket, destination: Destination, day: Day, moment: str, number: int, log: Path
) -> tuple[int, list[str]]:
    ended = forked.publisher.run(
        [moment, str(number), str(log), "publish", "--to", destination.url(destination.prefix),
         "--table", f"parquet:{day.folder}", "--source-partition", day.partition],
        {**os.environ, **bucket.endpoint.environment(), "PART_BYTES": str(PART_BYTES)},
        function="tests.publisher.crash.child:run",
    )  # fmt: skip
    return ended.returncode, log.read_text().splitlines()


def test_killed_at_any_request_of_an_upload_it_leaves_nothing_to_see(
    bucket: Bucket, days: list[Day], tmp_path: Path
) -> None:
    def new_place() -> tuple[Destination, Path]:
        destination = new_destination(bucket.name)
        days[0].publish(destination, bucket.store)
        return destination, tmp_path / f"{destination.prefix.strip('/')}.log"

    destination, log = new_place()
    code, requests = run(bucket, destination, days[1], "never", 0, log)
    assert code == 0
    in_parts = [(number, line) for number, line in enumerate(requests, 1) if "upload" in line and "probe" not in line]
    assert len(in_parts) == 8, requests
    staged, promoted = in_parts[3][0], in_parts[7][0]
    points = [
        (number, moment)
        for number, line in (*in_parts[:2], *in_parts[3:6], in_parts[7])  # a second part is like the first
        for moment in ("before", "amid", "unanswered", "after")
        if moment != "amid" or int(line.split()[2]) > 1 << 17
        # It is "after" the request in front of it, where that is killed, too: nobody sees what lies between.
        if moment != "before" or number not in {in_parts[index][0] for index in (1, 4, 5)}
    ]
    failures: dict[str, str] = {}

    def kill(point: tuple[int, str]) -> None:
        number, moment = point
        destination, log = new_place()
        code, _ = run(bucket, destination, days[1], moment, number, log)
        assert code == -signal.SIGKILL
        keys = list(bucket.store.list(destination.stage_prefix))
        found = active_day(destination, bucket.client, *days)
        if point not in ((staged, "unanswered"), (promoted, "unanswered")):  # the store may have done it, or not
            assert len(keys) == 1 + (number > staged or point == (staged, "after"))
            assert found == days[number > promoted or point == (promoted, "after")]
        days[1].publish(destination, bucket.store)
        assert day_of_active(destination, bucket.client, *days) == days[1]

    def try_to_kill(point: tuple[int, str]) -> None:
        try:
            kill(point)
        except Exception as error:  # noqa: BLE001 -- all points are tried, then all failures are shown
            failures[str(point)] = f"{type(error).__name__}: {error}"

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(try_to_kill, points))
    assert failures == {}
    assert uploads(bucket) != []  # what was killed is there, and nothing but a listing of uploads shows it
