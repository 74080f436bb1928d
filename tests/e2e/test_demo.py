"""`make demo`, as its user runs it, and what the README shows of it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demo import children, seaweedfs
from tests import left_running
from tests.conftest import PROJECT
from tests.e2e.expectation import expected_content


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def bare_environment(tmp_path_factory: pytest.TempPathFactory, path_without_java: str) -> dict[str, str]:
    return {
        "PATH": path_without_java,
        "HOME": str(tmp_path_factory.mktemp("home")),
        # For a JVM that does not live long; Java itself reads it, and the demo passes nothing on that is Spark's.
        "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1",
    }


def demo(folder: Path, environment: dict[str, str], *arguments: str) -> str:
    """Runs the demo and returns what it printed, with what differs from run to run replaced."""
    ended = subprocess.run(
        children.bound([sys.executable, "-m", "demo", "--folder", str(folder), *arguments]),
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""  # Spark is silent
    return comparable(ended.stdout.replace(str(folder), ".demo"))


def comparable(text: str) -> str:
    return re.sub(r"\(\d+\.\d s\)", "(… s)", re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:…", text))


@pytest.fixture(scope="module")
def first_day(folder: Path, bare_environment: dict[str, str]) -> str:
    return demo(folder, bare_environment)


def test_the_readme_shows_what_the_demo_prints(first_day: str) -> None:
    shown = re.search(r"\$ make demo\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert shown is not None
    # The file's own digest may differ with the processor, the content's must not.
    digest = re.compile(r"[\d,]+ bytes, sha256 [0-9a-f]{64}")
    assert digest.sub("…", first_day) == digest.sub("…", comparable(shown[1]))


def test_the_file_is_what_a_computation_of_our_own_gives(first_day: str, folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    content = gzip.decompress((folder / "latest.txt.gz").read_bytes())
    assert content == expected_content(folder / "data/cpfs", [folder / "data/records/ano_mes_dia=20251022"])
    assert hashlib.md5(content).hexdigest() == report["md5_checksum"]
    assert (report["status"], report["source_partition"], report["previous"]) == ("published", "20251022", None)
    piped = subprocess.run(f"zcat {folder / 'latest.txt.gz'} | md5sum", shell=True, capture_output=True, check=True)
    assert piped.stdout.split()[0].decode() == report["md5_checksum"]


def test_nothing_is_left_running(first_day: str, folder: Path) -> None:
    assert left_running.about(folder) == []


def test_a_second_run_is_the_next_day(first_day: str, folder: Path, bare_environment: dict[str, str]) -> None:
    yesterday = json.loads((folder / "report.json").read_text())
    # On DuckDB, which finds what Spark left, and needs no Java.
    printed = demo(folder, {**bare_environment, "MATCHED_IDS_JAVA_HOME": "/nowhere"}, "--target", "duckdb")
    assert re.search(r"dbt build +25 pass, 0 warn, 0 error", printed)
    report = json.loads((folder / "report.json").read_text())
    assert "20251023, the newest of 4" in printed
    assert report["source_partition"] == "20251023"
    assert report["previous"]["etag"] == yesterday["etag"]
    content = gzip.decompress((folder / "latest.txt.gz").read_bytes())
    assert content == expected_content(folder / "data/cpfs", [folder / "data/records/ano_mes_dia=20251023"])


@pytest.fixture
def started(tmp_path: Path, bare_environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = children.start(
        [sys.executable, "-u", "-m", "demo", "--folder", str(tmp_path / "x"), "--rows", "1000"],
        cwd=PROJECT, env=bare_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    yield process
    if process.poll() is None:
        process.terminate()  # not kill: it has an object store to stop
        process.wait(60)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_an_interrupted_demo_stops_what_it_started(
    number: signal.Signals, code: int, started: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert started.stdout is not None
    for line in started.stdout:
        if line.startswith("object store"):
            break  # dbt runs next
    running = ""
    while "bin/dbt build" not in running:
        assert started.poll() is None
        running = "\n".join(left_running.about(tmp_path))
    assert "weed" in running
    # Ctrl-C reaches the whole group, a scheduler's signal the process alone.
    (os.killpg if number == signal.SIGINT else os.kill)(started.pid, number)
    started.communicate(timeout=60)
    assert started.returncode == code
    assert left_running.after_a_moment(tmp_path) == []


def test_a_port_that_another_program_takes_meanwhile_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose, tries = seaweedfs._ports, []
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()

        def ports(path: Path) -> list[int]:
            tries.append(choose(path))
            return [*tries[-1][:3], other.getsockname()[1]] if len(tries) == 1 else tries[-1]

        monkeypatch.setattr(seaweedfs, "_ports", ports)
        with seaweedfs.running(tmp_path, keep=False) as endpoint:
            assert endpoint.client().list_buckets()["Buckets"]
    assert len(tries) == 2


def test_stores_that_start_at_the_same_moment_take_no_port_from_each_other(tmp_path: Path) -> None:
    def run(number: int) -> bytes:
        with seaweedfs.running(tmp_path / str(number), keep=False) as endpoint:
            client = endpoint.client()
            client.create_bucket(Bucket="bucket")
            client.put_object(Bucket="bucket", Key="key", Body=b"%d" % number)
            return client.get_object(Bucket="bucket", Key="key")["Body"].read()

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(run, range(3))) == [b"0", b"1", b"2"]
