"""What the demo does before `dbt build` on a cluster: starts one, and registers the sample data in its metastore."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from demo import cluster
from demo.cluster import Cluster, Options
from demo.seaweedfs import Endpoint

_SCHEMA = "matched_ids"


@contextmanager
def running(folder: Path, store: Endpoint, bucket: str, say: Callable[[str], None]) -> Iterator[tuple[Cluster, str]]:
    """Runs a cluster whose tables are in the object store, or where Maven is not reached in a folder.

    Args:
        folder: Gets the cluster's logs and metastore, anew each time: what is registered is known.
        store: The object store.
        bucket: Its bucket.
        say: Is told where the tables are.

    Yields:
        The cluster, and the folder of the models' tables as `MATCHED_IDS_LOCATION_ROOT` takes it.

    Raises:
        ClusterNotStarted: It did not start.
        JarsDamaged: A jar is not the one that was pinned.
    """
    # Fetched by Maven and compared with their checksums, as for the tests, whose libraries no other demo needs.
    from tests.glue import jars

    shutil.rmtree(folder, ignore_errors=True)
    options, root = Options(), str(folder / "tables" / _SCHEMA)
    where = "in a shared folder"
    try:
        options = replace(options, jars=jars.jars(), settings=cluster.s3_settings(store))
        root, where = f"s3://{bucket}/tables/{_SCHEMA}", "in the object store, by S3A"
    except jars.JarsUnavailable as reason:
        where += f" ({reason})"
    options = replace(options, settings={**options.settings, **cluster.FAULT_SETTINGS})
    with cluster.running(folder, options) as started:
        thrift = f"{started.host}:{started.thrift_port}"
        say(f"a master, {cluster.WORKERS} workers and a Thrift server at {thrift}; tables {where}")
        yield started, root


def registering(folder: Path) -> tuple[str, ...]:
    """Returns dbt's arguments by which the sample data in a folder becomes tables of the cluster's metastore."""
    places = {name: str(folder / name) for name in ("cpfs", "records")}
    return "run-operation", "register_raw_tables", "--args", json.dumps(places)


def tasks_of_executors(started: Cluster) -> list[int]:
    """Returns how many tasks each executor has done, by Spark's own status API."""
    url = f"{started.ui_url}/api/v1/applications"
    with urllib.request.urlopen(url) as answer:  # noqa: S310 -- of this machine
        (application,) = json.load(answer)
    with urllib.request.urlopen(f"{url}/{application['id']}/allexecutors") as answer:  # noqa: S310 -- as above
        return [each["completedTasks"] for each in json.load(answer) if each["id"] != "driver"]
