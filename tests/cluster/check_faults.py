"""What takes a cluster minutes or much memory: by hand, with `make cluster-check`."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Iterator

import pytest

from tests.cluster.conftest import FILES, ClusterLake, Day, Meanwhile, Running, filled_lake
from tests.cluster.test_cluster import MODEL

MILLION = 1_000_000
# Becomes a program that can write no file of more than 4 KB: room enough to start an executor, and not for a shuffle.
ALMOST_FULL = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_worker_that_is_killed_amid_the_join_changes_nothing(lake: ClusterLake, day: Day) -> None:
    status, cluster = lake.running.status, lake.running.cluster
    with Meanwhile(lake.build):
        status.wait_until_amid(MODEL, FILES)
        cluster.kill_worker(1)
        status.wait_for_executors(1)
    assert lake.published("one-lost") == day.content
    cluster.start_worker(1)
    status.wait_for_executors(2)


def test_an_executor_that_says_nothing_any_more_is_given_up(lake: ClusterLake, day: Day) -> None:
    status, cluster = lake.running.status, lake.running.cluster
    before = {executor["id"] for executor in status.executors()}
    with Meanwhile(lake.build):
        status.wait_until_amid(MODEL, FILES)
        cluster.signal_executor(1, signal.SIGSTOP)
    assert lake.published("straggler") == day.content
    assert before - {executor["id"] for executor in status.executors()}
    status.wait_for_executors(2)


def test_a_worker_without_room_on_its_disk_is_sent_no_more(lake: ClusterLake, day: Day) -> None:
    status, cluster = lake.running.status, lake.running.cluster
    cluster.kill_worker(2)
    cluster.start_worker(2, [sys.executable, "-c", ALMOST_FULL])
    status.wait_for_executors(2)
    before = status.failed_tasks()
    lake.build()
    # Not of the model: a test of table A comes before it, and the first failures are enough.
    assert status.failed_tasks() > before
    assert lake.published("full-disk") == day.content
    cluster.kill_worker(2)
    cluster.start_worker(2)
    status.wait_for_executors(2)


@pytest.fixture(scope="module")
def skewed() -> Day:
    """A million ids of one document, beside half a million rows of others."""
    made_up = random.Random(1)
    documents = [f"{number:011}" for number in made_up.sample(range(10**11), 2_000)]
    others = [(f"{number}", f"000{made_up.choice(documents)}") for number in range(MILLION, MILLION * 3 // 2)]
    return Day(documents[:1_000], [(f"{number}", f"000{documents[0]}") for number in range(MILLION)] + others)


@pytest.fixture(scope="module")
def lake_of_a_million(running: Running, skewed: Day, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterLake]:
    with filled_lake(running, skewed, tmp_path_factory.mktemp("cluster-lake")) as lake:
        yield lake


@pytest.mark.parametrize("broadcast", ["always", "never"])
def test_a_million_ids_of_one_document(lake_of_a_million: ClusterLake, skewed: Day, broadcast: str) -> None:
    lake_of_a_million.build(MATCHED_IDS_BROADCAST=broadcast)
    assert lake_of_a_million.published(broadcast) == skewed.content
