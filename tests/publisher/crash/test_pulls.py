"""Pulls to one file by several processes at once, and after some that were killed."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demo import children
from publisher.pull import pull
from publisher.store.keys import Destination
from publisher.store.s3 import S3Store
from tests.conftest import PROJECT, Bucket
from tests.publisher.crash.days import Day, new_destination, write_day

# Only a test that fails anyway waits so long.
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[Day]:
    folder = tmp_path_factory.mktemp("days")
    return [write_day(folder, f"202510{number:02}", 2_000 + 50 * number) for number in range(1, 5)]


class Consumer:
    """A folder that processes pull to."""

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self.bucket = bucket
        self.destination: Destination = new_destination(bucket.name)
        self.store: S3Store = bucket.store
        self.target = folder / "consumer" / "latest.txt.gz"
        self.state = folder / "consumer" / "latest.txt.gz.state.json"
        self.target.parent.mkdir()
        self.told = folder / "told"

    def publish(self, day: Day) -> None:
        day.publish(self.destination, self.store)

    def pull(self, target: Path | None = None) -> str:
        return pull(self.bucket.store, self.destination, target or self.target).status

    def start(self, what: str | None = None, target: Path | None = None) -> subprocess.Popen[str]:
        """Starts a pull in a process of its own; see `pulling`."""
        program = ["-m", "publisher"] if what is None else ["-m", "tests.publisher.crash.pulling", what, str(self.told)]
        to = f"s3://{self.bucket.name}/{self.destination.prefix.rstrip('/')}"
        return children.start(
            [sys.executable, *program, "pull", str(target or self.target), "--to", to, "--json"],
            cwd=PROJECT,
            env={**os.environ, **self.bucket.endpoint.environment()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_told(self) -> None:
        wait_until(self.told.exists)

    @property
    def partition(self) -> str:
        """What the state file says; it must be true."""
        found: str = json.loads(self.state.read_text())["source_partition"]
        return found

    def names(self) -> set[str]:
        return {path.name for path in self.target.parent.iterdir()}

    def require(self, day: Day) -> None:
        """Target and state are one day's, and nothing else is there."""
        assert gzip.decompress(self.target.read_bytes()) == day.content
        assert self.partition == day.partition
        assert self.names() == {self.target.name, self.state.name}


@pytest.fixture
def consumer(shared_bucket: Bucket, tmp_path: Path) -> Consumer:
    return Consumer(shared_bucket, tmp_path)


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@pytest.mark.parametrize("first", [True, False])
def test_the_slower_pull_that_looked_first_does_not_bring_the_older_file_back(
    first: bool, consumer: Consumer, days: list[Day]
) -> None:
    if not first:
        consumer.publish(days[0])
        consumer.pull()
    consumer.publish(days[1])
    slow = consumer.start("waits")
    consumer.wait_until_told()
    consumer.publish(days[2])
    with ThreadPoolExecutor(1) as threads:
        fast = threads.submit(consumer.pull)
        time.sleep(0.5)  # it has come to where the slow one is, and must wait there
        consumer.told.unlink()
        assert fast.result(PATIENCE_SECONDS) == "updated"
    output, errors = slow.communicate(timeout=PATIENCE_SECONDS)
    assert (slow.returncode, json.loads(output)["source_partition"]) == (0, days[1].partition), errors
    consumer.require(days[2])


def test_a_state_that_is_brought_up_alone_does_not_bring_the_older_one_back(
    consumer: Consumer, days: list[Day]
) -> None:
    again = Day("20251002", days[0].content, days[0].folder)  # the same ids, so that nothing is downloaded
    consumer.publish(days[0])
    consumer.pull()
    consumer.publish(again)
    slow = consumer.start("waits")
    consumer.wait_until_told()
    consumer.publish(days[2])
    with ThreadPoolExecutor(1) as threads:
        fast = threads.submit(consumer.pull)
        time.sleep(0.5)
        consumer.told.unlink()
        assert fast.result(PATIENCE_SECONDS) == "updated"
    output, errors = slow.communicate(timeout=PATIENCE_SECONDS)
    assert (slow.returncode, json.loads(output)["status"]) == (0, "unchanged"), errors
    consumer.require(days[2])


def test_processes_that_pull_at_once_never_go_back(consumer: Consumer, days: list[Day]) -> None:
    consumer.publish(days[0])
    consumer.pull()
    partitions = {day.content: day.partition for day in days}
    done = threading.Event()
    seen: list[tuple[str, str]] = []

    def watch() -> None:
        while not done.is_set():
            content = gzip.decompress(consumer.target.read_bytes())
            seen.append((partitions[content], consumer.partition))

    def pull_again_and_again(_: int) -> list[str]:
        errors = []
        while not done.is_set():
            process = consumer.start()
            output, error = process.communicate(timeout=PATIENCE_SECONDS)
            errors += [output + error] if process.returncode else []
        return errors

    with ThreadPoolExecutor(4) as threads:
        watching = threads.submit(watch)
        pulling = [threads.submit(pull_again_and_again, number) for number in range(3)]
        try:
            for day in days[1:4]:
                consumer.publish(day)
                wait_until(lambda day=day: consumer.partition == day.partition)  # type: ignore[misc]
        finally:
            done.set()
        watching.result(PATIENCE_SECONDS)
        assert [future.result(PATIENCE_SECONDS) for future in pulling] == [[]] * 3
    for which in (0, 1):
        assert (found := [pair[which] for pair in seen]) == sorted(found)
    consumer.require(days[3])


@pytest.mark.parametrize("what", ["killed", "killed between"])
@pytest.mark.parametrize("first", [True, False])
def test_what_a_killed_pull_left_is_removed_by_the_next(
    first: bool, what: str, consumer: Consumer, days: list[Day]
) -> None:
    if not first:
        consumer.publish(days[0])
        consumer.pull()
    consumer.publish(days[1])
    before = consumer.names()
    assert consumer.start(what).wait(PATIENCE_SECONDS) == -9
    left = consumer.names() - before - {consumer.target.name}
    kinds = sorted(name.rpartition(".")[2] for name in left)
    assert kinds == (["tmp", "tmp"] if what == "killed" else ["lock", "lock", "tmp"])
    consumer.pull()
    consumer.require(days[1])


def test_what_a_killed_pull_left_is_removed_also_when_nothing_is_new(consumer: Consumer, days: list[Day]) -> None:
    consumer.publish(days[0])
    consumer.pull()
    before = consumer.names()
    consumer.publish(days[1])
    assert consumer.start("killed").wait(PATIENCE_SECONDS) == -9
    assert len(consumer.names() - before) == 2
    consumer.publish(Day("20251003", days[0].content, days[0].folder))
    assert consumer.pull() == "unchanged"
    assert consumer.names() == before


def test_what_another_pull_is_about_to_put_into_its_place_is_left_alone(consumer: Consumer, days: list[Day]) -> None:
    consumer.publish(days[0])
    other = consumer.target.with_name("other.txt.gz")
    assert consumer.start("killed", other).wait(PATIENCE_SECONDS) == -9
    of_another_target = consumer.names()
    assert len(of_another_target) == 2
    consumer.told.unlink()
    live = consumer.start("waits", None)
    consumer.wait_until_told()
    drafts = {name for name in consumer.names() - of_another_target if name.endswith(".tmp")}
    assert len(drafts) == 2
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(consumer.pull)
        time.sleep(0.5)
        assert consumer.names() >= drafts | of_another_target
        consumer.told.unlink()
        assert second.result(PATIENCE_SECONDS) == "unchanged"
    assert live.wait(PATIENCE_SECONDS) == 0
    assert consumer.names() == of_another_target | {consumer.target.name, consumer.state.name}
    assert consumer.pull(other) == "updated"
    assert len(consumer.names()) == 4
