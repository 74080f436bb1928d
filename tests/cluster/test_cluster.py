"""The target `spark` on a real cluster of separate processes, and what goes wrong in one.

Whatever does, the file is right, or it is the old one. The tests follow each other on one cluster and one lake.
"""

from __future__ import annotations

import re

import pytest

from tests.cluster.conftest import FILES, ClusterLake, Day, Meanwhile
from tests.conftest import WriteTable
from tests.quoted import CPF, quoted

MODEL = "int_matched_ids"
FIRST = "first"


def test_a_cluster_publishes_the_bytes_of_any_other_engine(
    lake: ClusterLake, day: Day, write_table: WriteTable
) -> None:
    built = lake.real_dbt("build")
    assert built.returncode == 0, built.stdout
    assert "are sent to every executor (broadcast): there are 1,000, and max_broadcast_documents is 10" in built.stdout
    assert lake.published(FIRST) == day.content

    ids = write_table(day.content.decode().split("\n"))
    published = lake.publish("elsewhere", "--table", f"parquet:{ids}")
    assert published.returncode == 0, published.stderr
    assert lake.active(FIRST) == lake.active("elsewhere")


def test_both_workers_shared_the_work_of_one_partition_and_one_broadcast(lake: ClusterLake) -> None:
    status = lake.running.status
    assert len(status.executors_that_worked(MODEL)) == 2
    operators = status.operators(MODEL)
    names = [operator.name for operator in operators]
    assert [name for name in names if "Broadcast" in name] == ["BroadcastExchange", "BroadcastHashJoin"]
    (records,) = [operator.counted for operator in operators if operator.name.endswith("records")]
    assert (records["number of partitions read"], records["number of files read"]) == ("1", str(FILES))


def test_an_error_of_the_cluster_quotes_nothing(lake: ClusterLake) -> None:
    # Written backwards, because dbt logs the statement itself.
    query = f"select raise_error(concat('no ', reverse('{CPF[::-1]}'))) from {lake.raw_schema}.cpfs"
    failed = lake.dbt("compile", "--inline", f"{{{{ run_query({query!r}) if execute }}}}")
    assert failed.returncode != 0
    assert "Spark failed with " in failed.stdout
    assert quoted(lake.told()) == 0


def test_iceberg_tables_and_a_shuffled_join_give_the_same_bytes(lake: ClusterLake, day: Day) -> None:
    if lake.running.without_s3:
        pytest.skip(f"Iceberg needs its jar: {lake.running.without_s3}")
    told = lake.build(MATCHED_IDS_TABLE_FORMAT="iceberg", MATCHED_IDS_MAX_BROADCAST_DOCUMENTS="999")
    assert "shuffled as the records are (merge): there are 1,000, and max_broadcast_documents is 999" in told
    assert lake.published("iceberg") == day.content
    assert lake.active("iceberg") == lake.active(FIRST)
    names = [operator.name for operator in lake.running.status.operators(MODEL)]
    assert "SortMergeJoin" in names
    assert not [name for name in names if "Broadcast" in name]


def test_a_cluster_that_lost_both_workers_goes_on_when_one_is_back(lake: ClusterLake, day: Day) -> None:
    status, cluster = lake.running.status, lake.running.cluster
    with Meanwhile(lake.build):
        status.wait_until_amid(MODEL, FILES)
        cluster.kill_worker(1)
        cluster.kill_worker(2)
        status.wait_for_executors(0)
        assert status.is_at_work(MODEL)
        cluster.start_worker(1)
    assert lake.published("both-lost") == day.content
    cluster.start_worker(2)
    status.wait_for_executors(2)


def test_a_killed_thrift_server_leaves_the_old_file_and_the_next_run_replaces_it(lake: ClusterLake, day: Day) -> None:
    active = lake.active(FIRST)
    with Meanwhile(lake.dbt, "build") as building:
        lake.running.status.wait_until_amid(MODEL, FILES)
        lake.running.cluster.kill_thrift_server()
    assert building.result.returncode == 1
    assert re.search(r"ERROR creating sql table model \S+\.int_matched_ids ", building.result.stdout)
    refused = lake.publish(FIRST)
    assert refused.returncode == 5
    assert "int_matched_ids (error)" in refused.stderr
    assert lake.active(FIRST) == active

    lake.running.cluster.start_thrift_server()
    lake.build()
    assert lake.published(FIRST) == day.content
