"""What the tests start by forking is a process of its own in all that they look at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import forked

_calls: list[str] = []
HERE = "tests.test_forked"


def tell() -> int:
    """Runs in the fork: tells what it was given, and how often it was called in its process."""
    _calls.append("once")
    given = [sys.argv[1:], os.environ["GIVEN"], sorted(set(os.environ) - {"GIVEN"}), str(Path.cwd()), len(_calls)]
    print(json.dumps(given))  # noqa: T201 - it is what the test reads
    print("seen", file=sys.stderr)  # noqa: T201
    os.environ["LEFT"] = "x"
    return 7


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleep() -> None:
    Path(sys.argv[1]).write_text(str(os.getpid()))
    time.sleep(60)


def interpreters() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(forked.OF_INTERPRETER)}


def test_each_has_its_own_arguments_environment_folder_and_state(tmp_path: Path) -> None:
    for word in ("one", "two"):
        ended = forked.publisher.run([word], {**interpreters(), "GIVEN": word}, tmp_path, function=f"{HERE}:tell")
        assert (ended.returncode, ended.stderr) == (7, "seen\n")
        assert json.loads(ended.stdout) == [[word], word, sorted(interpreters()), str(tmp_path), 1]


def test_how_it_ended_is_told() -> None:
    ended = forked.publisher.run(["no-such-command"], dict(os.environ))
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 2)
    assert forked.publisher.run([], dict(os.environ), function=f"{HERE}:die").returncode == -signal.SIGKILL
    ended = forked.publisher.run([], dict(os.environ), function=f"{HERE}:no_such_function")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("AttributeError")


def test_what_takes_too_long_is_killed(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        forked.publisher.run([str(tmp_path / "pid")], dict(os.environ), function=f"{HERE}:sleep", timeout=3)
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        while True:  # until it is gone
            os.kill(pid, 0)
            time.sleep(0.05)


def test_what_the_interpreter_reads_when_it_starts_cannot_be_another() -> None:
    with pytest.raises(AssertionError, match="start the real program"):
        forked.publisher.run([], {**os.environ, "PYTHONHASHSEED": "7"})
