"""`publisher diff` as it is typed: what goes where, how it ends, and how much memory it takes."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import Bucket, WriteTable
from tests.publisher.cli.test_cli import PUBLISHER, publish, run
from tests.publisher.table.test_dbt_artifacts import write as write_artifacts

ACTIVE = "active/latest.txt.gz"
# VmHWM and not ru_maxrss: the latter begins with what the parent used before the exec.
WITH_PEAK = (
    "import re, sys; from publisher.cli import main\n"
    "try: main(sys.argv[1:])\n"
    r"finally: print(re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1], file=sys.stderr)"
)


def put(bucket: Bucket, key: str, content: bytes) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=gzip.compress(content, 1))


def numbers(of: Sequence[int]) -> bytes:
    return b"\n".join(b"%09d" % number for number in of)


def test_alone_it_tells_what_a_publish_would_change(bucket: Bucket, write_table: WriteTable, tmp_path: Path) -> None:
    assert publish(bucket, write_table(["a", "b"])).returncode == 0
    root = tmp_path / "tables"
    root.mkdir()
    write_table(["b", "c", "d"], partition="20251023").rename(root / "int_matched_ids")
    write_artifacts(tmp_path, config={"location_root": str(root)})
    before = {key: bucket.get(key) for key in sorted(bucket.keys())}
    ended = run(bucket, "diff", "--json", "--target-path", str(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == {
        "status": "compared",
        "a": {
            "name": f"s3://{bucket.name}/{ACTIVE}",
            "total_ids": 2,
            "source_partition": "20251022",
            "etag": bucket.client.head_object(Bucket=bucket.name, Key=ACTIVE)["ETag"].strip('"'),
        },
        "b": {
            "name": f"parquet:{root}/int_matched_ids",
            "total_ids": 3,
            "source_partition": "20251023",
            "etag": None,
        },
        "ids_added": 2,
        "ids_removed": 1,
        "ids_in_both": 1,
        "notes": [],
    }
    for which, printed in (("added", "c\nd\n"), ("removed", "a\n")):
        ended = run(bucket, "diff", "--ids", which, "--target-path", str(tmp_path))
        assert (ended.returncode, ended.stdout) == (0, printed)
        assert "added (only in B)    2\n" in ended.stderr
    assert {key: bucket.get(key) for key in sorted(bucket.keys())} == before
    # A table that a publish would refuse is compared all the same, and that is told.
    write_artifacts(tmp_path, {"model.p.int_matched_ids": "error"}, config={"location_root": str(root)})
    ended = run(bucket, "diff", "--target-path", str(tmp_path))
    assert ended.returncode == 0
    assert "note: a publish would refuse this table: " in ended.stdout


def test_a_refusal_for_what_was_removed_names_the_command_that_shows_it(
    bucket: Bucket, write_table: WriteTable
) -> None:
    assert publish(bucket, write_table(["a", "b", "c"])).returncode == 0
    new = write_table(["c", "d", "e"])
    refused = publish(bucket, new)
    assert refused.returncode == 3
    assert "See which: `publisher diff --ids removed`." in refused.stderr
    shown = run(bucket, "diff", "--ids", "removed", "active", f"parquet:{new}")
    assert (shown.returncode, shown.stdout) == (0, "a\nb\n")


def test_ids_and_one_object_do_not_both_fit_into_stdout(bucket: Bucket) -> None:
    ended = run(bucket, "diff", "--ids", "added", "--json")
    assert (ended.returncode, json.loads(ended.stdout)["error"]) == (2, "UsageError")
    assert "--json" in ended.stderr


def test_an_error_midway_says_that_what_was_printed_is_not_whole(bucket: Bucket, write_table: WriteTable) -> None:
    put(bucket, ACTIVE, numbers([*range(200_000), 0]))
    ended = run(bucket, "diff", "active", f"parquet:{write_table(['x'])}", "--ids", "removed")
    assert ended.returncode == 4
    assert ended.stdout.startswith("000000000\n000000001\n")
    said = ended.stderr.splitlines()
    assert len(said) == 2
    assert "not in strictly ascending order" in said[0]
    assert "The ids that were printed are not whole: use none of them." in said[1]
    assert "00000" not in ended.stderr
    assert "printed" not in run(bucket, "diff", "active", f"parquet:{write_table(['x'])}").stderr
    assert "printed" not in run(bucket, "diff", "active", "parquet:/nowhere", "--ids", "removed").stderr


@pytest.mark.parametrize("lines", [3, 400_000])
def test_a_reader_that_wants_no_more_ends_it_quietly(lines: int, bucket: Bucket, write_table: WriteTable) -> None:
    put(bucket, ACTIVE, numbers(range(lines)))
    command = f"{PUBLISHER} diff active parquet:{write_table(['x'])} --ids removed"
    environment = {**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"}
    process = subprocess.Popen(
        ["bash", "-c", f"{command} | head -n 1; exit ${{PIPESTATUS[0]}}"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    shown, said = process.communicate(timeout=60)
    assert shown == "000000000\n"
    # What fits into a pipe is written before anybody closes it.
    assert (process.returncode, said) == (141, "") or (lines == 3 and process.returncode == 0)
    closed = subprocess.run(
        ["bash", "-c", f"{command} >&-"], env=environment, capture_output=True, text=True, check=False
    )
    assert (closed.returncode, closed.stdout, closed.stderr) == (141, "", "")


@pytest.mark.parametrize(("lines", "unbuffered"), [(3, ""), (3, "1"), (100_000, "")])  # few are written at the end
def test_a_full_disk_is_told(lines: int, unbuffered: str, bucket: Bucket, write_table: WriteTable) -> None:
    put(bucket, ACTIVE, numbers(range(lines)))
    environment = {**bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"}
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [PUBLISHER, "diff", "active", f"parquet:{write_table(['x'])}", "--ids", "removed"],
            env={**os.environ, **environment, "PYTHONUNBUFFERED": unbuffered},
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert ended.returncode == 2
    assert "could not be written: No space left on device" in ended.stderr
    assert len(ended.stderr.splitlines()) == 2


@pytest.mark.parametrize("arguments", [["--ids", "both"], ["a", "b", "c"], ["nonsense"], ["active", "csv:/x"]])
def test_what_cannot_be_meant_is_a_usage_error(arguments: list[str], bucket: Bucket) -> None:
    ended = run(bucket, "diff", *arguments)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 2)


def test_memory_does_not_grow_with_the_files(bucket: Bucket) -> None:
    def peak_kilobytes(count: int) -> int:
        put(bucket, ACTIVE, numbers(range(0, 2 * count, 2)))
        put(bucket, "stage/stage_20251023_040000.txt.gz", numbers(range(0, 3 * count, 3)))
        ended = subprocess.run(
            [sys.executable, "-c", WITH_PEAK, "diff", "active", "stage/stage_20251023_040000.txt.gz", "--ids", "added"],
            env={**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert ended.stdout.count("\n") == count - -(-count * 2 // 6)
        return int(ended.stderr.splitlines()[-1])

    few, many = peak_kilobytes(300_000), peak_kilobytes(3_000_000)
    assert many - few < 32_000  # 27 MB more of content on either side, and 20 MB more that are printed
