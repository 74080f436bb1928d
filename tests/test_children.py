"""What a run has started ends with it, however the run is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import children
from tests import everything_running, left_running
from tests.conftest import PROJECT

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    while not file.exists():
        assert process.poll() is None
        time.sleep(0.1)


@pytest.fixture
def a_run(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A pytest with one worker, which has everything running."""
    command = [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider", everything_running.__file__]
    process = children.start(
        [*command, "--basetemp", str(tmp_path / "temporary")],
        cwd=PROJECT, env={**os.environ, everything_running.READY: str(tmp_path / "ready")}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(tmp_path / "ready", process)
    yield process
    process.kill()
    process.wait()


def test_nothing_stays_behind_of_a_run_of_the_tests_that_is_ended(a_run: subprocess.Popen[str], tmp_path: Path) -> None:
    running = "\n".join(left_running.about(tmp_path))
    assert all(of in running for of in ("weed", "tests.forked publisher", "a test's own", "bin/java"))
    a_run.terminate()  # which it does not handle; its worker is killed then, as all that is the worker's
    assert a_run.wait() == -signal.SIGTERM
    assert left_running.after_a_moment(tmp_path) == []


def test_a_child_outlives_the_thread_that_started_it() -> None:
    started = []
    thread = threading.Thread(target=lambda: started.append(children.start(SLEEP)))
    thread.start()
    thread.join()
    (process,) = started
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.kill()
    assert process.wait() == -signal.SIGKILL


def test_a_program_finds_what_it_would_find_anyway(tmp_path: Path) -> None:
    # Nothing of the Python that it was before: no variable of its own, and no signal ignored.
    command = ["sh", "-c", "pwd; env | sort; grep SigIgn /proc/self/status; cat; exit 7"]
    given = {"PATH": os.environ["PATH"], "A": "1", "PWD": str(tmp_path)}
    ended = [
        subprocess.run(one, env=given, cwd=tmp_path, input="in", capture_output=True, text=True, check=False)
        for one in (command, children.bound(command))
    ]
    assert [(each.returncode, each.stdout, each.stderr) for each in ended] == [(7, ended[0].stdout, "")] * 2


def test_a_program_that_is_not_there_is_told() -> None:
    process = children.start(["no-such-program", "--secret"], stderr=subprocess.PIPE, text=True)
    assert process.communicate()[1] == "no-such-program cannot be started: No such file or directory\n"
    assert (process.returncode, process.args) == (127, ["no-such-program", "--secret"])
