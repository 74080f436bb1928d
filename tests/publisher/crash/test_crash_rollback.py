"""A rollback killed at every request: active is whole, one of the two files, and everything still works afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from publisher.store.hold import current_hold, release_hold
from publisher.store.keys import Destination
from publisher.store.s3 import S3Store
from tests import forked
from tests.conftest import Bucket
from tests.publisher.crash.days import active_day, new_destination, write_day


def test_killed_at_any_request_it_leaves_a_whole_file_and_the_next_run_works(bucket: Bucket, tmp_path: Path) -> None:
    client = bucket.client
    store = S3Store(bucket.name, client=client)
    days = [write_day(tmp_path, f"2025102{number}", 100 + number) for number in range(3)]

    def roll_back(moment: str, number: int) -> tuple[Destination, subprocess.CompletedProcess[str], list[str]]:
        destination = new_destination(bucket.name)
        for day in days[:2]:
            day.publish(destination, store)
        log = tmp_path / f"{destination.prefix.strip('/')}.log"
        command = ["rollback", "--reason", "INC-1", "--to", destination.url(destination.prefix)]
        environment = {**os.environ, **bucket.endpoint.environment()}
        arguments = [moment, str(number), str(log), *command]
        ended = forked.publisher.run(arguments, environment, function="tests.publisher.crash.child:run")
        return destination, ended, log.read_text().splitlines()

    destination, ended, requests = roll_back("never", 0)
    assert ended.returncode == 0, ended.stderr
    assert active_day(destination, client, *days) == days[0]
    # "before" a request is "after" the one in front of it: nobody sees what lies between.
    points = [("before", 1), *(("after", number) for number in range(1, len(requests) + 1))]

    def kill(point: tuple[str, int]) -> tuple[bool, bool]:
        destination, ended, _ = roll_back(*point)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        found = active_day(destination, client, *days)
        assert found in days[:2]
        is_held = current_hold(store, destination) is not None
        release_hold(store, destination)
        days[2].publish(destination, store)
        assert active_day(destination, client, *days) == days[2]
        return found == days[0], is_held

    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(points, pool.map(kill, points), strict=True))
    assert {True, False} == {is_back for is_back, _ in found.values()}
    # Where it is rolled back, it is held: no schedule can publish over it before a person has looked.
    assert all(is_held for is_back, is_held in found.values() if is_back)
