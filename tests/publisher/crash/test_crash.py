"""The publisher killed at every point at which it talks to the store: active is whole, and the next run works."""

from __future__ import annotations

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from publisher.history import history
from publisher.status import status
from publisher.store.keys import Destination
from publisher.store.s3 import S3Store
from tests import forked
from tests.conftest import Bucket
from tests.publisher.crash.days import Day, active_day, new_destination, write_day

# http.client sends a body in pieces of this size: a longer one can be broken off in its middle.
_PIECE_BYTES = 1 << 14
# In the order in which they come.
MOMENTS = ("before", "amid", "unanswered", "after")


@dataclass(frozen=True)
class KillPoint:
    """A moment at one of a publish's requests."""

    moment: str
    number: int
    request: str

    def __str__(self) -> str:
        return f"{self.moment} request {self.number}, {self.request}"


class Publishes:
    """Runs the real program, each time in a new place that holds yesterday's file or nothing."""

    def __init__(self, bucket: Bucket, folder: Path, *, first: bool) -> None:
        self._bucket = bucket
        self._folder = folder
        self._yesterday = None if first else write_day(folder, "20251021", 6_000)
        self._today = write_day(folder, "20251022", 6_100)
        self._client = bucket.client
        self._store = S3Store(bucket.name, client=self._client)

    def _new_destination(self) -> Destination:
        destination = new_destination(self._bucket.name)
        if self._yesterday:
            self._yesterday.publish(destination, self._store)
        return destination

    def _run(
        self, destination: Destination, moment: str, number: int
    ) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        log = self._folder / f"{destination.prefix.strip('/')}.log"
        arguments = [moment, str(number), str(log), "publish", "--to", destination.url(destination.prefix)]
        table = ["--table", f"parquet:{self._today.folder}", "--source-partition", self._today.partition]
        environment = {**os.environ, **self._bucket.endpoint.environment()}
        ended = forked.publisher.run([*arguments, *table], environment, function="tests.publisher.crash.child:run")
        return ended, log.read_text().splitlines()

    def _active(self, destination: Destination) -> Day | None:
        return active_day(destination, self._client, *filter(None, (self._yesterday, self._today)))

    def kill_points(self) -> list[KillPoint]:
        """Lets one publish live and returns every moment at which another can die."""
        destination = self._new_destination()
        ended, requests = self._run(destination, "never", 0)
        assert ended.returncode == 0, ended.stderr
        assert self._active(destination) == self._today
        points = []
        for number, request in enumerate(requests, 1):
            method, url, length = request.split()
            # Behind an answer and before the next request nothing lies that the store, or a later run, could see.
            moments = {"before", "after"} if number == 1 else {"after"}
            if method == "PUT":  # whether a reader waits for its answer cannot matter to the store
                moments.add("unanswered")
            if int(length) > _PIECE_BYTES:
                moments.add("amid")
            short = f"{method} {url.partition(destination.prefix)[2] or 'the bucket'}"
            points += [KillPoint(moment, number, short) for moment in MOMENTS if moment in moments]
        return points

    def kill(self, point: KillPoint) -> str:
        """Kills a publish, lets the next one mend it, and returns what was active in between: none, old or new."""
        destination = self._new_destination()
        ended, requests = self._run(destination, point.moment, point.number)
        assert ended.returncode == -signal.SIGKILL, f"it lived: {ended.stderr}"
        assert len(requests) == point.number
        found = self._active(destination)
        self._today.publish(destination, self._store)
        assert self._active(destination) == self._today
        assert status(self._store, destination).doubts == ()
        outcomes = {run.outcome for run in history(self._store, destination, 20).runs}
        assert outcomes <= {"published", "interrupted"}, outcomes  # what was announced is told the end of
        return "new" if found == self._today else "old" if found else "none"


@pytest.mark.parametrize("first", [True, False], ids=["first publish", "replacement"])
def test_killed_at_any_request_it_leaves_a_whole_file_and_the_next_run_works(
    first: bool, bucket: Bucket, tmp_path: Path
) -> None:
    publishes = Publishes(bucket, tmp_path, first=first)
    points = publishes.kill_points()
    found: dict[KillPoint, str] = {}
    failures: dict[str, str] = {}

    def kill(point: KillPoint) -> None:
        try:
            found[point] = publishes.kill(point)
        except Exception as error:  # noqa: BLE001 -- all points are tried, then all failures are shown
            failures[str(point)] = f"{type(error).__name__}: {error}"

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(kill, points))
    assert failures == {}
    assert {point.moment for point in points} == set(MOMENTS)
    # Active changes once, in the one request that copies to it, and in no other.
    promotion = next(point.number for point in points if point.request.startswith("PUT active/"))
    for point in points:
        if (point.number, point.moment) == (promotion, "unanswered"):
            continue  # the store may have noticed in time that nobody waits, or not
        is_promoted = (point.number, MOMENTS.index(point.moment)) > (promotion, MOMENTS.index("unanswered"))
        assert found[point] == ("new" if is_promoted else "none" if first else "old"), str(point)
