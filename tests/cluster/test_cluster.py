"""The target `spark` on a real cluster of separate processes, and what goes wrong in one.

Whatever does, the file is right, or it is the old one. The tests follow each other on one cluster and one lake.
"""

from __future__ import annotations

import re

from tests.cluster.conftest import FILES, ClusterLake, Day, Meanwhile
from tests.conftest import WriteTable
from tests.quoted import CPF, quoted

MODEL = "int_matched_ids"
FIRST = "first"


def test_a_killed_thrift_server_leaves_the_old_file(lake: ClusterLake, day: Day, write_table: WriteTable) -> None:
    yesterdays = write_table(day.content.decode().split("\n")[1:], partition="20251021")
    before = lake.publish(FIRST, "--table", f"parquet:{yesterdays}")
    assert before.returncode == 0, before.stderr
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


def test_the_next_run_publishes_the_bytes_of_any_other_engine(
    lake: ClusterLake, day: Day, write_table: WriteTable
) -> None:
    lake.running.cluster.start_thrift_server()
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


def test_both_workers_are_lost_amid_a_shuffled_join_and_one_comes_back(lake: ClusterLake, day: Day) -> None:
    """Into Iceberg tables, where the jar for them can be had; whatever happens, the bytes are the same."""
    status, cluster = lake.running.status, lake.running.cluster
    table_format = "parquet" if lake.running.without_s3 else "iceberg"
    settings = {"MATCHED_IDS_TABLE_FORMAT": table_format, "MATCHED_IDS_MAX_BROADCAST_DOCUMENTS": "999"}
    with Meanwhile(lake.build, **settings) as building:
        status.wait_until_amid(MODEL, FILES)
        cluster.kill_worker(1)
        cluster.kill_worker(2)
        status.wait_for_executors(0)
        assert status.is_at_work(MODEL)
        cluster.start_worker(1)
    why = "shuffled as the records are (merge): there are 1,000, and max_broadcast_documents is 999"
    assert why in building.result
    assert lake.published("lost") == day.content
    assert lake.active("lost") == lake.active(FIRST)
    names = [operator.name for operator in status.operators(MODEL)]
    assert "SortMergeJoin" in names
    assert not [name for name in names if "Broadcast" in name]
    cluster.start_worker(2)
    status.wait_for_executors(2)
