"""One whole day on a cluster, with what it cost: `python -m tests.cluster.at_scale DATA`, by hand, on a quiet machine.

DATA has the folders `cpfs` and `records`, as benchmarks/samples.py or the demo write them. With `--store` it is copied
into the object store first, and the requests of the cluster are counted; else the raw data is read where it is. The
models' tables are in the store in any case.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demo import cluster, seaweedfs
from demo.seaweedfs import Endpoint
from tests.cluster.spark_status import SparkStatus
from tests.conftest import PROJECT
from tests.glue import jars as test_jars
from tests.publisher.crash import fault_proxy

_BUCKET = "lake"
_MODELS = ("stg_cpfs", "stg_records", "int_matched_ids", "int_matched_ids_summary")
_COMET = {
    "spark.plugins": "org.apache.spark.CometPlugin",
    "spark.shuffle.manager": "org.apache.spark.sql.comet.execution.shuffle.CometShuffleManager",
    "spark.comet.enabled": "true",
    "spark.comet.exec.enabled": "true",
    "spark.comet.exec.shuffle.enabled": "true",
    "spark.comet.exec.shuffle.mode": "auto",
    "spark.memory.offHeap.enabled": "true",
    "spark.driver.extraJavaOptions": "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "spark.executor.extraJavaOptions": "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.at_scale", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--store", action="store_true", help="read the raw data from the store, and count its requests")
    parser.add_argument("--comet", type=Path, metavar="JAR", help="Comet's jar, which runs the statements natively")
    parser.add_argument("--off-heap", default="1g", help="what Comet may take beside the heap (default: 1g)")
    parser.add_argument("--memory", default="1g", help="the heap of each executor (default: 1g)")
    parser.add_argument("--driver-memory", default="1g", help="the heap of the Thrift server (default: 1g)")
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE", help="an environment variable")
    parser.add_argument("--spark", action="append", default=[], metavar="NAME=VALUE", help="a setting of Spark's")
    parser.add_argument("--builds", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), given)


def measure(folder: Path, given: argparse.Namespace) -> None:
    """Starts a cluster, registers the data, builds and publishes, and prints a line of JSON for each."""
    jars = [*test_jars.jars(), *([given.comet] if given.comet else [])]
    of_comet = {**_COMET, "spark.memory.offHeap.size": given.off_heap} if given.comet else {}
    with seaweedfs.running(folder / "store") as store, fault_proxy.running(store.url) as proxy:
        store.client().create_bucket(Bucket=_BUCKET)
        raw = f"s3://{_BUCKET}/raw" if given.store else str(given.data)
        if given.store:
            upload(store, given.data)
        of_spark = Endpoint(proxy.url, store.access_key, store.secret_key)
        settings = {
            **cluster.s3_settings(of_spark),
            **cluster.iceberg_settings(f"s3://{_BUCKET}/tables"),
            **cluster.FAULT_SETTINGS,
            **of_comet,
            **dict(setting.split("=", 1) for setting in given.spark),
        }
        options = cluster.Options(settings, jars=jars, driver_memory=given.driver_memory, executor_memory=given.memory)
        begun = time.monotonic()
        with cluster.running(folder / "cluster", options) as started, peak_memory(folder / "cluster") as peak:
            tell(step="cluster", seconds=time.monotonic() - begun)
            environment = {
                **os.environ,
                **store.environment(),
                "MATCHED_IDS_TARGET": "spark",
                "MATCHED_IDS_SPARK_HOST": started.host,
                "MATCHED_IDS_SPARK_PORT": str(started.thrift_port),
                "MATCHED_IDS_LOCATION_ROOT": f"s3://{_BUCKET}/tables/matched_ids",
                "DBT_TARGET_PATH": str(folder / "target"),
                "DBT_LOG_PATH": str(folder / "logs"),
                "DBT_PROFILES_DIR": str(PROJECT),
                "PUBLISHER_TO": f"s3://{_BUCKET}/published",
                **dict(setting.split("=", 1) for setting in given.setting),
            }
            places = json.dumps({name: f"{raw}/{name}" for name in ("cpfs", "records")})
            run("register", environment, "dbt", "run-operation", "register_raw_tables", "--args", places)
            for _ in range(given.builds):
                proxy.requests.clear()
                run("build", environment, "dbt", "build")
                tell(requests=Counter(request.method for request in list(proxy.requests)), gib=peak)
                cost(SparkStatus(started.ui_url), folder)
                run("publish", environment, "publisher", "publish", "--json")


def upload(store: Endpoint, data: Path) -> None:
    """Copies the raw data into the store."""
    client = store.client()
    for file in data.rglob("*.parquet"):
        client.upload_file(str(file), _BUCKET, f"raw/{file.relative_to(data)}")


def run(step: str, environment: dict[str, str], program: str, *arguments: str) -> None:
    """Runs a program to its end, and tells how long it took."""
    begun = time.monotonic()
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    ended = subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    told: dict[str, Any] = {"step": step, "seconds": time.monotonic() - begun, "code": ended.returncode}
    if step == "publish" and ended.returncode == 0:
        report = json.loads(ended.stdout)
        told |= {name: report[name] for name in ("total_ids", "md5_checksum")}
    tell(**told, said=[line for line in ended.stdout.splitlines() if "table A" in line or "Error" in line][:5])


def cost(status: SparkStatus, folder: Path) -> None:
    """Tells what Spark counted for each model, and how long dbt took for each node."""
    results = json.loads((folder / "target" / "run_results.json").read_text())["results"]
    tell(nodes={each["unique_id"].split(".")[2]: round(each["execution_time"], 1) for each in results})
    for model in _MODELS[2:]:
        tell(model=model, **status.cost(model))


@contextlib.contextmanager
def peak_memory(folder: Path) -> Iterator[dict[str, float]]:
    """Gives the most that all JVMs of a cluster took together so far, by the kernel's own count, under `gib`."""
    peak = {"peak": 0.0}
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.5):
            peak["peak"] = max(peak["peak"], round(sum(resident(folder)) / 2**30, 2))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join()


def resident(folder: Path) -> Iterator[int]:
    """Returns what each process holds whose folder is below the cluster's, in bytes."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                yield int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def tell(**what: Any) -> None:
    rounded = {name: round(value, 1) if isinstance(value, float) else value for name, value in what.items()}
    print(json.dumps(rounded), flush=True)


if __name__ == "__main__":
    main()
