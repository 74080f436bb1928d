"""What CI runs tells what it did not test, and is not green where it should have."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.glue import jars


def put_program(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


PASSED = "======== 3 passed, 14 skipped in 4.20s ========"
SKIPPED = "SKIPPED [13] tests/conftest.py:1: no Maven\nSKIPPED [1] tests/x.py:2: no Python 3.11"


@pytest.mark.parametrize(
    ("tested", "code_of_test", "code_of_check", "told"),
    [
        (f"{SKIPPED}\n{PASSED}", 0, 0, f"tests skipped: 14\n{SKIPPED}"),
        (f"{SKIPPED}\n{PASSED}", 0, 1, f"tests skipped: 14\n{SKIPPED}"),
        (f"{SKIPPED}\n======== 1 failed, 14 skipped in 4.20s ========", 1, 0, f"tests skipped: 14\n{SKIPPED}"),
        ("======== 3 passed in 1000.20s (0:16:40) ========", 0, 0, "tests skipped: 0"),
        (SKIPPED, 1, 0, "tests skipped: unknown, pytest did not come to its end"),
    ],
)
def test_a_run_ends_by_telling_what_was_skipped(
    tested: str, code_of_test: int, code_of_check: int, told: str, tmp_path: Path
) -> None:
    # Everything but `make`, which is what takes its time.
    (tmp_path / ".ci").mkdir()
    shutil.copy(PROJECT / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "tested").write_text(tested + "\n")
    put_program(
        tmp_path, "make",
        f'[ "$1" = check ] && echo checks && exit {code_of_check}; cat tested; echo "CI: $CI"; exit {code_of_test}',
    )  # fmt: skip
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ended = subprocess.run([tmp_path / ".ci/run"], env=environment, capture_output=True, text=True, check=False)
    assert ended.stdout.endswith(f"\n\n{told}\n")
    assert (ended.returncode == 0) == (code_of_test + code_of_check == 0)
    assert "CI: true\n" in ended.stdout
    assert ("checks\n" in ended.stdout) == (code_of_test == 0)


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs without Maven, and an empty cache of jars."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(jars, "CALLERS_ENVIRONMENT", {"PATH": f"{tmp_path / 'bin'}"})
    monkeypatch.setattr(jars, "_CACHE", tmp_path / "cache")
    monkeypatch.setattr(jars, "_PAUSES_SECONDS", (0, 0))
    monkeypatch.delenv("CI", raising=False)
    return tmp_path / "bin"


def test_a_download_that_breaks_off_is_tried_again(maven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", "/of/a/spark/that/runs/in/this/process")
    monkeypatch.setattr(jars, "_pinned", lambda _of: {"a.jar": hashlib.sha256(b"whole\n").hexdigest()})
    put_program(
        maven, "mvn",
        f'[ -z "$JAVA_HOME" ] && echo . >> {maven}/tries\n'
        f'[ "$(/usr/bin/wc -l < {maven}/tries)" -eq 3 ] || exit 1\n'
        'folder="${6#*=}"; /bin/mkdir "$folder"; echo whole > "$folder/a.jar"',
    )  # fmt: skip
    (jar,) = jars.jars()
    assert jar.read_text() == "whole\n"


def test_without_maven_what_needs_the_jars_is_skipped_and_with_it_ci_is_not_green(
    maven: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.skip.Exception, match="Maven is needed once"):
        jars.jars_or_skip()
    put_program(maven, "mvn", f"echo . >> {maven}/tries; echo '[ERROR] no route'; exit 1")
    with pytest.raises(jars.JarsUnavailable, match=r"tried 3 times: \[ERROR\] no route"):
        jars.jars_or_skip()
    assert (maven / "tries").read_text() == ".\n" * 3
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="no route"):
        jars.jars_or_skip()
