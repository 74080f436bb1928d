"""The whole way once, from nothing: sample data, an object store, dbt build, publish. Run again: the next day."""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from demo import children, cluster, cluster_demo, data, seaweedfs

PROJECT = Path(__file__).resolve().parent.parent
FIRST_DAYS = ("20251020", "20251021", "20251022")
BUCKET = "matched-ids"
TARGETS = ("local", "duckdb", "spark")
LINES_SHOWN = 3
_LABEL_WIDTH = 15


class DemoFailed(Exception):
    """A step failed; the text says where to look."""


def main() -> None:
    """Runs the demonstration and ends with 0, or with 1 and the reason."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of each daily partition (default: 2000000)")
    parser.add_argument("--folder", type=Path, default=PROJECT / ".demo", help="where everything goes (default: .demo)")
    parser.add_argument("--target", choices=TARGETS, default=TARGETS[0], help="the dbt target (default: local)")
    arguments = parser.parse_args()
    if arguments.rows < 1000:
        parser.error("--rows: at least 1000, so that some match")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run(arguments.folder.resolve(), arguments.rows, arguments.target)
    except (DemoFailed, seaweedfs.StoreNotStarted, cluster.ClusterNotStarted) as error:
        sys.exit(f"\nthe demo failed: {error}")
    except KeyboardInterrupt:
        sys.exit("\nstopped; `make demo` goes on from here, `make demo-clean` removes everything")


def run(folder: Path, rows: int, target: str) -> None:
    """Does the steps one after the other.

    Args:
        folder: Gets data/, store/, local/, duckdb/ or spark/, target/, report.json, latest.txt.gz and report.html.
        rows: Rows of each new partition.
        target: The dbt target: Spark or DuckDB inside dbt, or a Spark cluster.

    Raises:
        DemoFailed: dbt or the publisher failed.
        StoreNotStarted: The object store did not start.
        ClusterNotStarted: The cluster did not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    days = make_data(folder / "data", rows)
    with ExitStack() as until_the_end:
        with step("object store") as say:
            endpoint = until_the_end.enter_context(seaweedfs.running(folder / "store"))
            say(f"SeaweedFS at {endpoint.url}")
        create_bucket(endpoint)
        environment = child_environment(folder, endpoint, target)
        started = start_cluster(folder, endpoint, environment, until_the_end) if target == "spark" else None
        build(environment)
        report = publish(folder, environment)
        download(endpoint, report["active_key"], folder / "latest.txt.gz")
        write_page(folder, environment)
        show(folder, report, days, cluster_demo.tasks_of_executors(started) if started else [])


def make_data(folder: Path, rows: int) -> list[str]:
    """Makes table A and the first three days of table B; later, one more day. Returns all days."""
    records = folder / "records"
    for leftover in records.glob(".*.partial"):
        shutil.rmtree(leftover)
    present = sorted(path.name.removeprefix("ano_mes_dia=") for path in records.glob("ano_mes_dia=*"))
    missing = [day for day in FIRST_DAYS if day not in present]
    if not missing:
        missing = [(datetime.strptime(present[-1], "%Y%m%d") + timedelta(days=1)).strftime("%Y%m%d")]
    with step("sample data") as say:
        if not (folder / "cpfs" / "cpfs.parquet").exists():
            data.make_cpfs(folder / "cpfs")
        for day in missing:

            def watch(done: int, day: str = day) -> None:
                say(f"{day}: {done:,} of {rows:,} rows")

            data.make_day(records, day, rows, progress=watch)
        added = f"{len(missing)} daily partitions" if len(missing) > 1 else f"one more daily partition, {missing[0]},"
        say(f"{added} of {rows:,} rows; {data.CPFS:,} CPFs")
    return sorted({*present, *missing})


def create_bucket(endpoint: seaweedfs.Endpoint) -> None:
    """Creates the demo's bucket, unless an earlier run did."""
    client = endpoint.client()
    if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET)


def start_cluster(
    folder: Path, endpoint: seaweedfs.Endpoint, environment: dict[str, str], until_the_end: ExitStack
) -> cluster.Cluster:
    """Starts a Spark cluster that knows the sample data, and adds to the environment how dbt finds it."""
    with step("cluster") as say:
        started, root = until_the_end.enter_context(cluster_demo.running(folder / "spark", endpoint, BUCKET, say))
    environment["MATCHED_IDS_SPARK_HOST"] = started.host
    environment["MATCHED_IDS_SPARK_PORT"] = str(started.thrift_port)
    environment["MATCHED_IDS_LOCATION_ROOT"] = root
    with step("raw tables") as say:
        dbt(environment, *cluster_demo.registering(folder / "data"))
        say("registered in the cluster's metastore")
    return started


def child_environment(folder: Path, endpoint: seaweedfs.Endpoint, target: str) -> dict[str, str]:
    """Returns the environment for dbt and the publisher: the demo's settings, and none of the caller's own."""
    ours = ("AWS_", "DBT_", "MATCHED_IDS_", "PUBLISHER_", "SPARK_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {
        **inherited,
        **endpoint.environment(),
        "MATCHED_IDS_TARGET": target,
        "MATCHED_IDS_CPFS_PATH": str(folder / "data" / "cpfs"),
        "MATCHED_IDS_RECORDS_PATH": str(folder / "data" / "records"),
        "MATCHED_IDS_LOCAL_DIR": str(folder / target),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_USE_COLORS": "false",
        "DBT_PROFILES_DIR": str(PROJECT),
        "PUBLISHER_TO": f"s3://{BUCKET}",
    }


def build(environment: dict[str, str]) -> None:
    """Runs `dbt build`, counting its nodes on the way."""
    with step("dbt build") as say:

        def watch(line: str) -> None:
            if node := re.search(r"(\d+) of (\d+) START (.*?) \.{2,}", line):
                say(f"{node[1]} of {node[2]}: {node[3]}")

        output = dbt(environment, "build", watch=watch)
        totals = re.findall(r"(PASS|WARN|ERROR)=(\d+)", output)
        say(", ".join(f"{count} {name.lower()}" for name, count in totals))


def dbt(environment: dict[str, str], *arguments: str, watch: Callable[[str], None] = lambda _line: None) -> str:
    """Runs dbt in the project, and returns what it printed."""
    command = [str(Path(sys.executable).with_name("dbt")), *arguments]
    lines = []
    with children.start(
        command, cwd=PROJECT, env=environment, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            for line in process.stdout or ():
                lines.append(line)
                watch(line)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise DemoFailed(f"dbt {arguments[0]} ended with code {process.returncode}\n{''.join(lines[-40:])}")
    return "".join(lines)


def publish(folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Runs `publisher publish`, keeps its report, and returns it."""
    with step("publish") as say:
        printed = publisher(environment, "publish")
        (folder / "report.json").write_text(printed)
        report: dict[str, Any] = json.loads(printed)
        say("read, staged, read back, promoted")
    return report


def write_page(folder: Path, environment: dict[str, str]) -> None:
    """Runs `publisher report`: one page about all days until now."""
    with step("report") as say:
        told = json.loads(publisher(environment, "report", "--output", str(folder / "report.html")))
        say(f"a page about {told['promotions']} publication{'s' if told['promotions'] > 1 else ''}")


def publisher(environment: dict[str, str], *arguments: str) -> str:
    """Runs a command of the publisher, and returns what it printed."""
    command = [str(Path(sys.executable).with_name("publisher")), *arguments, "--json"]
    ended = subprocess.run(
        children.bound(command), cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if ended.returncode:
        raise DemoFailed(f"publisher {arguments[0]} ended with code {ended.returncode}")
    return ended.stdout


def download(endpoint: seaweedfs.Endpoint, key: str, path: Path) -> None:
    """Gets the active file as any consumer would."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        for piece in endpoint.client().get_object(Bucket=BUCKET, Key=key)["Body"].iter_chunks():
            file.write(piece)
    partial.replace(path)


def show(folder: Path, report: dict[str, Any], days: list[str], tasks: list[int]) -> None:
    """Prints what a person wants to see at the end; `tasks` are those that each executor of a cluster has done."""
    copy = folder / "latest.txt.gz"
    with gzip.open(copy, "rt") as lines:
        first = [line.rstrip("\n") for line in itertools.islice(lines, LINES_SHOWN)]
    previous = report["previous"]
    shown_folder = folder.relative_to(PROJECT) if folder.is_relative_to(PROJECT) else folder
    shown_copy = shown_folder / copy.name
    rows = {
        "partition": f"{report['source_partition']}, the newest of {len(days)}",
        "ids": f"{report['total_ids']:,}",
        "content": f"{report['content_bytes']:,} bytes, md5 {report['md5_checksum']}",
        "file": f"{report['bytes']:,} bytes, sha256 {report['sha256']}",
        "active": f"s3://{BUCKET}/{report['active_key']}",
        "replaced": f"{previous['total_ids']:,} ids of {previous['source_partition']}" if previous else "nothing yet",
        "copy": f"{shown_copy}, beginning {' '.join(first)} …",
        "check": f"zcat {shown_copy} | md5sum",
        "page": f"{shown_folder / 'report.html'}, for a browser",
    }
    if tasks:
        rows["executors"] = f"{' and '.join(f'{number:,}' for number in tasks)} tasks done, by Spark's status API"
    print()
    for label, text in rows.items():
        print(f"{label:<{_LABEL_WIDTH}}{text}")


@contextmanager
def step(label: str) -> Iterator[Callable[[str], None]]:
    """Prints a step's result when it is over; on a terminal, also what it is doing."""
    begun = time.monotonic()
    said = ""
    live = sys.stdout.isatty()

    def say(text: str) -> None:
        nonlocal said
        said = text
        if live:
            line = f"{label:<{_LABEL_WIDTH}}{text} ({time.monotonic() - begun:.0f} s)"
            print(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", end="", flush=True)

    say("…")
    yield say
    clear = "\r\x1b[K" if live else ""
    print(f"{clear}{label:<{_LABEL_WIDTH}}{said} ({time.monotonic() - begun:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
