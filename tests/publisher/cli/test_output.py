"""What becomes of a command whose output cannot be printed: what is done counts, and not whether it could be told."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest

from tests.conftest import Bucket, WriteTable
from tests.publisher.publishing import active_content

# After a command in a shell: stdout full, its reader gone, closed; stderr full, closed; all of it.
NOWHERE = {
    "full": ">/dev/full",
    "closed": ">&-",
    "stderr full": "2>/dev/full",
    "stderr closed": "2>&-",
    "both closed": ">&- 2>&-",
    "both full": ">/dev/full 2>&1",
    "no reader": "| true",
}


def shell(bucket: Bucket, arguments: str, where: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of the publisher; what it ends with is the shell's exit code, also in a pipe."""
    environment = {**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}/ids", **settings}
    command = f"set -o pipefail; {shlex.quote(sys.executable)} -m publisher {arguments} {where}"
    return subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("as_json", ["", "--json"])
@pytest.mark.parametrize("where", NOWHERE)
def test_a_publish_is_one_whoever_hears_of_it(
    where: str, as_json: str, bucket: Bucket, write_table: WriteTable
) -> None:
    table = f"--table parquet:{write_table(['a', 'b'])} --source-partition 20251022"
    ended = shell(bucket, f"publish {table} {as_json}", NOWHERE[where])
    assert ended.returncode == 0, ended
    assert active_content(bucket.store) == b"a\nb"
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr
    if where in ("full", "closed"):
        assert "it is done, but the answer could not be printed" in ended.stderr


@pytest.mark.parametrize("where", ["full", "closed"])
def test_an_answer_that_nobody_gets_is_none(where: str, bucket: Bucket, write_table: WriteTable) -> None:
    table = f"--table parquet:{write_table(['a', 'b'])} --source-partition 20251022"
    assert shell(bucket, f"publish {table}", "").returncode == 0
    ended = shell(bucket, "status --json", NOWHERE[where])
    assert ended.returncode == 2
    assert "The answer could not be printed" in ended.stderr
    assert shell(bucket, "status --json", "").returncode == 0


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_sign_that_the_encoding_does_not_have_is_printed_as_its_escape(encoding: str, bucket: Bucket) -> None:
    def settings(arguments: str) -> subprocess.CompletedProcess[str]:
        return shell(bucket, arguments, "", PYTHONIOENCODING=encoding)

    assert settings("hold --reason 'expected \u2260 found'").returncode == 0
    shown = settings("status")
    assert shown.returncode == 5
    assert "expected \\u2260 found" in shown.stdout
    assert json.loads(settings("status --json").stdout)["hold"]["reason"].replace("\\u2260", "\u2260") == (
        "expected \u2260 found"
    )
    assert settings("release").returncode == 0
