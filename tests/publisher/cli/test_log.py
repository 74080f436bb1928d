"""What stands on stderr with --log-format json: one object a line, for whoever collects logs."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from tests import forked
from tests.conftest import Bucket, WriteTable


def run(bucket: Bucket, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PUBLISHER_TO": f"s3://{bucket.name}", "PUBLISHER_LOG_FORMAT": "json", **environment}
    return forked.publisher.run(arguments, {**os.environ, **bucket.endpoint.environment(), **variables})


def lines(ended: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.stderr.splitlines()]


def test_the_steps_of_a_publish_with_the_run_that_they_are_of(bucket: Bucket, write_table: WriteTable) -> None:
    ended = run(bucket, "publish", "--table", f"parquet:{write_table(['a', 'b'])}", "--source-partition", "20251022")
    *steps, last = lines(ended)
    assert [line["step"] for line in steps] == ["prepare", "encode", "compare", "stage", "read_back", "promote"]
    assert {line["level"] for line in [*steps, last]} == {"info"}
    assert {line["command"] for line in steps} == {"publish"}
    (run_id,) = {line["run_id"] for line in [*steps, last]}
    keys = bucket.keys()
    assert [key for key in keys if run_id in key and key.endswith("_published.json")]
    assert all(0 <= line["seconds"] < 600 and line["time"].endswith("Z") for line in [*steps, last])
    assert (last["message"], "step" in last) == ("published: 2 ids of partition 20251022", False)
    assert ended.stdout.startswith(f"published s3://{bucket.name}/")


def test_why_it_was_not_published_is_one_line(bucket: Bucket, write_table: WriteTable) -> None:
    ended = run(bucket, "publish", "--table", f"parquet:{write_table(['b', 'a'])}", "--json")
    told, *others = [line for line in lines(ended) if line["level"] != "info"]
    assert others == []
    report = json.loads(ended.stdout)
    assert (told["level"], told["step"], told["guard"], told["exit_code"]) == ("error", "encode", "not_ascending", 3)
    assert (told["message"], told["hint"]) == (report["message"], report["hint"])


def test_whatever_a_command_tells_is_an_object(bucket: Bucket, write_table: WriteTable) -> None:
    for arguments in (
        ["status", "--debug"], ["verify"], ["publish", "--no-such-option"], ["hold", "--reason", "a look"], ["history"],
        ["rollback"], ["release"], ["pull"], ["latest-partition", "--table", "x"], ["prune"],
        ["status", "--deadline=x"],
    ):  # fmt: skip
        assert {line["command"] for line in lines(run(bucket, *arguments))} <= {arguments[0]}
    bucket.client.put_object(Bucket=bucket.name, Key="hold.json", Body=b'{"reason": "x\\n{\\u001b[2J\\u202e"}')
    ended = run(bucket, "publish", "--table", f"parquet:{write_table(['a'])}")
    (told,) = lines(ended)
    assert "x\n{\x1b[2J\u202e" in told["message"]
    assert ended.stderr.rstrip("\n").isprintable()
    tables = [f"parquet:{write_table(ids)}" for ids in (["a", "b"], ["b"])]
    (counts,) = lines(run(bucket, "diff", *tables, "--ids", "added"))
    assert "1" in counts["message"]


@pytest.mark.parametrize(("arguments", "is_json"), [(["--log-format=text"], False), (["--log-format", "json"], True)])
def test_the_option_wins_over_the_variable_also_where_another_is_wrong(
    arguments: list[str], is_json: bool, bucket: Bucket
) -> None:
    ended = run(bucket, "status", "--no-such-option", *arguments, PUBLISHER_LOG_FORMAT="text" if is_json else "json")
    assert (ended.returncode, ended.stderr.startswith("{")) == (2, is_json)
    assert run(bucket, "status", PUBLISHER_LOG_FORMAT="xml").returncode == 2
