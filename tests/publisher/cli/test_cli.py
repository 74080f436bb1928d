"""The program as its users start it: a real process and a real store, and what it says when that goes wrong."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from demo import children
from publisher.cli.main import cli, main
from tests import forked
from tests.conftest import Bucket, WriteTable
from tests.publisher.crash import fault_proxy

PUBLISHER = str(Path(sys.executable).with_name("publisher"))


def run(bucket: Bucket, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PUBLISHER_TO": f"s3://{bucket.name}", **environment}
    return forked.publisher.run(arguments, {**os.environ, **bucket.endpoint.environment(), **variables})


def publish(bucket: Bucket, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    table = ("--table", f"parquet:{folder}", "--source-partition", "20251022")
    return run(bucket, "publish", *table, *arguments, **environment)


def test_the_report_of_a_publish(bucket: Bucket, write_table: WriteTable) -> None:
    first = publish(bucket, write_table(["a"]), "--json")
    assert (first.returncode, first.stderr) == (0, "")
    second = publish(bucket, write_table(["a", "bb"]), "--json")
    report, earlier = json.loads(second.stdout), json.loads(first.stdout)
    compressed, texts = bucket.get("active/latest.txt.gz")
    assert gzip.decompress(compressed) == b"a\nbb"
    assert set(report.pop("seconds")) == {"prepare", "encode", "compare", "stage", "read_back", "promote"}
    assert earlier["previous"] is None
    assert report == {
        "status": "published",
        "total_ids": 2,
        "md5_checksum": texts["md5_checksum"],
        "sha256": texts["sha256"],
        "source_partition": "20251022",
        "staged_key": texts["staged_key"],
        "active_key": "active/latest.txt.gz",
        "etag": bucket.client.head_object(Bucket=bucket.name, Key="active/latest.txt.gz")["ETag"].strip('"'),
        "bytes": len(compressed),
        "content_bytes": 4,
        "created_at": texts["created_at"],
        "dbt_invocation_id": None,
        "ids_added": 1,
        "ids_removed": 0,
        "suppression_entries": None,
        "withheld_ids": None,
        "snapshot_id": None,
        "tagged_table": None,
        "overruled": [],
        "warnings": [],
        "previous": {
            "etag": earlier["etag"],
            "bytes": earlier["bytes"],
            "total_ids": 1,
            "md5_checksum": earlier["md5_checksum"],
            "source_partition": "20251022",
            "created_at": earlier["created_at"],
            "staged_key": earlier["staged_key"],
        },
    }


def test_the_report_of_a_refusal(bucket: Bucket, write_table: WriteTable) -> None:
    ended = publish(bucket, write_table(["a", "a"]), "--json")
    assert ended.returncode == 3
    report = json.loads(ended.stdout)
    assert report.pop("message") in ended.stderr
    assert report.pop("hint") in ended.stderr
    assert report == {"status": "refused", "error": "GuardRefusal", "exit_code": 3, "guard": "not_ascending"}


def test_a_person_is_shown_a_summary_and_a_pipe_no_progress(bucket: Bucket, write_table: WriteTable) -> None:
    ended = publish(bucket, write_table([f"{number:07}" for number in range(12_345)]))
    assert (ended.returncode, ended.stderr) == (0, "")
    for words in (
        f"published s3://{bucket.name}/active/latest.txt.gz",
        "12,345",
        "20251022",
        "nothing, it is the first",
    ):
        assert words in ended.stdout


def test_a_terminal_gets_progress(bucket: Bucket, write_table: WriteTable) -> None:
    ours, theirs = pty.openpty()
    process = children.start(
        [PUBLISHER, "publish", "--table", f"parquet:{write_table(['a'])}", "--json"],
        env={**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 1000):
            shown += piece
    except OSError:
        pass  # the terminal is closed
    output, _ = process.communicate()
    os.close(ours)
    assert json.loads(output)["status"] == "published"
    for words in (b"prepare", b"encode", b"100%", b"read back", b"promote"):
        assert words in shown


def test_status_and_verify_show_what_is_active(bucket: Bucket, write_table: WriteTable) -> None:
    report = json.loads(publish(bucket, write_table(["a", "bb"]), "--json").stdout)
    status = json.loads(run(bucket, "status", "--json").stdout)
    verified = json.loads(run(bucket, "verify", "--json").stdout)
    assert (status["status"], verified["status"]) == ("active", "verified")
    for name in ("total_ids", "md5_checksum", "sha256", "source_partition", "etag", "bytes", "content_bytes"):
        assert status[name] == verified[name] == report[name]
    assert 0 <= status["age_seconds"] < 60
    assert report["md5_checksum"] in run(bucket, "status").stdout
    assert "is whole" in run(bucket, "verify").stdout


def test_verify_of_a_damaged_file_is_an_integrity_error(bucket: Bucket, write_table: WriteTable) -> None:
    publish(bucket, write_table(["a"]))
    bucket.client.put_object(Bucket=bucket.name, Key="active/latest.txt.gz", Body=b"damaged")
    ended = run(bucket, "verify", "--json")
    assert ended.returncode == 4
    assert json.loads(ended.stdout)["status"] == "failed"
    assert "not one whole gzip member" in ended.stderr


def test_other_programs_read_the_published_file(bucket: Bucket, write_table: WriteTable, tmp_path: Path) -> None:
    report = json.loads(publish(bucket, write_table(["a", "çé"]), "--json").stdout)
    (tmp_path / "latest.txt.gz").write_bytes(bucket.get("active/latest.txt.gz")[0])
    digest = subprocess.run("zcat latest.txt.gz | md5sum", shell=True, cwd=tmp_path, capture_output=True, check=True)
    assert digest.stdout.split()[0].decode() == report["md5_checksum"]
    digest = subprocess.run(["sha256sum", "latest.txt.gz"], cwd=tmp_path, capture_output=True, check=True)
    assert digest.stdout.split()[0].decode() == report["sha256"]


def test_a_final_line_break_by_option_and_by_environment(bucket: Bucket, write_table: WriteTable) -> None:
    folder = write_table(["a", "b"])
    publish(bucket, folder, "--final-newline")
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == b"a\nb\n"
    assert run(bucket, "verify").returncode == 0
    publish(bucket, folder)
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == b"a\nb"
    publish(bucket, folder, PUBLISHER_FINAL_NEWLINE="1")
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == b"a\nb\n"


def test_documents_behind_the_prefix_of_the_models_are_refused_and_not_shown(
    bucket: Bucket, write_table: WriteTable
) -> None:
    folder = write_table(["7711144477735", "7752998224725"])
    refused = publish(bucket, folder, "--json", MATCHED_IDS_DOCUMENT_PREFIX="77")
    assert (refused.returncode, json.loads(refused.stdout)["guard"]) == (3, "ids_look_like_documents")
    assert not [document for document in ("11144477735", "52998224725") if document in refused.stdout + refused.stderr]
    assert bucket.data_keys() == []
    overruled = publish(bucket, folder, "--overrule", "ids_look_like_documents", MATCHED_IDS_DOCUMENT_PREFIX="77")
    assert overruled.returncode == 0
    assert bucket.get("active/latest.txt.gz")[1]["overruled"] == "ids_look_like_documents"
    assert publish(bucket, folder).returncode == 0  # with another prefix they are numbers


BAD: dict[str, tuple[list[str], dict[str, str], int, str]] = {
    "no destination": ([], {"PUBLISHER_TO": ""}, 2, "--to"),
    "malformed destination": (["--to", "bucket/prefix"], {}, 2, "s3://"),
    "unknown option": (["--force"], {}, 2, "--force"),
    "unknown kind of table": (["--table", "csv:/x"], {}, 2, "parquet"),
    "partition without table": (["--source-partition", "1"], {}, 2, "--table"),
    "endpoint is no URL": (["--endpoint-url", "nonsense"], {}, 2, "URL"),
    "no artifacts": (["--target-path", "/nowhere"], {}, 5, "manifest.json|run_results.json"),
    "no table": (["--table", "parquet:/nowhere"], {}, 5, "does not exist"),
    "no bucket": (["--table", "TABLE", "--to", "s3://no-such-bucket"], {}, 7, "does not exist"),
    "wrong key": (["--table", "TABLE"], {"AWS_ACCESS_KEY_ID": "SOMEBODYELSE"}, 7, "credentials"),
    "wrong secret": (["--table", "TABLE"], {"AWS_SECRET_ACCESS_KEY": "not-the-secret"}, 7, "credentials"),
    "no credentials": (
        ["--table", "TABLE"], {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 2, "AWS_ACCESS_KEY_ID",
    ),
    "deadline": (["--table", "TABLE", "--deadline", "0s"], {}, 7, "--deadline"),
    "deadline is no duration": (["--deadline", "soon"], {}, 2, "soon"),
    "endpoint down": (["--table", "TABLE", "--endpoint-url", "http://127.0.0.1:9"], {}, 7, "127.0.0.1:9"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_of_what_and_one_of_what_to_do(
    name: str, bucket: Bucket, write_table: WriteTable
) -> None:
    arguments, environment, code, words = BAD[name]
    table = f"parquet:{write_table(['a'])}"
    arguments = [table if argument == "TABLE" else argument for argument in arguments]
    ended = run(bucket, "publish", "--json", *arguments, **environment)
    assert ended.returncode == code, ended.stderr
    lines = ended.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("publisher: ") for line in lines)
    assert re.search(words, ended.stderr)
    report = json.loads(ended.stdout)
    assert (report["exit_code"], report["status"]) == (code, "failed")
    assert [f"publisher: {report[part]}" for part in ("message", "hint")] == lines
    assert bucket.data_keys() == []
    secrets = {*bucket.endpoint.environment().values(), *environment.values()} - {bucket.endpoint.url, "us-east-1", ""}
    assert not [secret for secret in secrets if secret in ended.stderr + ended.stdout]


def test_a_traceback_is_shown_on_demand_only(bucket: Bucket) -> None:
    assert "Traceback" not in run(bucket, "status").stderr
    asked = run(bucket, "status", "--debug")
    assert "Traceback" in asked.stderr
    assert asked.returncode == 5


@pytest.mark.parametrize("command", [["publisher"], ["python", "-m", "publisher"]])
def test_both_ways_to_start_it(command: list[str]) -> None:
    program = str(Path(sys.executable).with_name(command[0]))
    ended = subprocess.run([program, *command[1:], "--help"], capture_output=True, text=True, check=True)
    for name in ("publish", "status", "verify"):
        assert name in ended.stdout


def test_help_imports_neither_pyarrow_nor_botocore() -> None:
    # The fast start is kept by what is imported, not by a time that depends on the machine.
    code = "import sys, publisher.cli; print(*{'pyarrow', 'botocore', 'isal'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_a_publish_imports_nothing_that_takes_long_and_is_not_used(bucket: Bucket, write_table: WriteTable) -> None:
    assert publish(bucket, write_table(["a"])).returncode == 0
    code = (
        "import sys; from publisher.__main__ import main\n"
        "try: main()\n"
        "finally: print(*(name for name in ('boto3', 'numpy', 'pandas', 'pyarrow.compute') if sys.modules.get(name)))"
    )
    table = ("--table", f"parquet:{write_table(['a', 'b'])}", "--source-partition", "20251022")
    ended = subprocess.run(
        [sys.executable, "-c", code, "publish", *table],
        env={**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "replaced" in ended.stdout
    assert ended.stdout.splitlines()[-1] == ""


def test_memory_does_not_grow_with_the_table(bucket: Bucket, write_table: WriteTable) -> None:
    def peak_kilobytes(rows: int) -> int:
        ids = pc.utf8_lpad(pc.cast(pa.array(range(rows)), pa.string()), 10, "0")
        pq.write_table(pa.table({"id": ids}), folder / "part-00000.parquet")
        # VmHWM and not ru_maxrss: the latter begins with what the parent used before the exec.
        code = (
            "import re, sys; from publisher.cli import main\n"
            "try: main(sys.argv[1:])\n"
            r"finally: print(re.search(r'VmHWM:\s+(\d+)', open('/proc/self/status').read())[1], file=sys.stderr)"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code, "publish", "--table", f"parquet:{folder}", "--json"],
            env={**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(ended.stdout)["total_ids"] == rows
        return int(ended.stderr)

    folder = write_table(["0"])
    peak_kilobytes(500_000)  # so that both are compared with an active file
    few, many = peak_kilobytes(1_000_000), peak_kilobytes(6_000_000)
    assert many - few < 32_000  # five million ids more are 55 MB more of content


def test_nothing_is_left_in_the_spool_folder(bucket: Bucket, write_table: WriteTable, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    checks: list[tuple[Callable[..., Any], int]] = [
        (lambda: write_table(["a"]), 0),
        (lambda: write_table(["a", "a"]), 3),
    ]
    for make, code in checks:
        assert publish(bucket, make(), "--spool-dir", str(spool)).returncode == code
        assert list(spool.iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_cleanly(number: signal.Signals, code: int, bucket: Bucket, write_table: WriteTable) -> None:
    with socket.socket() as silent:  # a store that accepts and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        process = children.start(
            [PUBLISHER, "publish", "--table", f"parquet:{write_table(['a'])}", "--endpoint-url",
             f"http://127.0.0.1:{silent.getsockname()[1]}"],
            env={**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"},
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        connection, _ = silent.accept()
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
        connection.close()
    assert process.returncode == code
    assert len(said.strip().splitlines()) == 1
    assert "active is the old file or the new one, whole" in said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_publish_whose_store_stalls_within_an_orchestrator_s_grace(
    number: signal.Signals, code: int, bucket: Bucket, write_table: WriteTable
) -> None:
    assert publish(bucket, write_table(["a"])).returncode == 0
    table = ["--table", f"parquet:{write_table(['a', 'b'])}", "--source-partition", "20251023"]
    with fault_proxy.running(bucket.endpoint.url) as proxy:
        proxy.inject(fault_proxy.hangs_amid_the_answer, lambda request: request.kind == "GET active")
        process = children.start(
            [PUBLISHER, "publish", *table, "--endpoint-url", proxy.url],
            env={**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"},
            stderr=subprocess.PIPE,
            text=True,
        )
        while not [request for request in proxy.requests if request.kind == "GET active"]:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)  # an answer may take twice that, and a thread waits for it
    assert process.returncode == code
    assert "active is the old file or the new one, whole" in said
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == b"a"


# What is not installed where somebody only reads, watches, or sets back.
OF_EXTRAS = ("pyarrow", "pyiceberg", "duckdb", "pyspark", "fsspec", "dbt", "pandas", "altair", "vl_convert")
WITHOUT_EXTRAS = f"""
import sys
from importlib.machinery import PathFinder
class Missing(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {OF_EXTRAS} else super().find_spec(name, path, target)
sys.meta_path = [Missing if finder is PathFinder else finder for finder in sys.meta_path]
from publisher.cli import main
main(sys.argv[1:])
"""


def without_extras(bucket: Bucket, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS, *arguments],
        env={**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_consumer_and_whoever_is_on_call_need_no_extra(
    bucket: Bucket, write_table: WriteTable, tmp_path: Path
) -> None:
    for ids in (["a"], ["a", "b"]):
        assert publish(bucket, write_table(ids)).returncode == 0
    for command in (
        ["status"], ["verify"], ["history"], ["trace", "a"], ["rollback"], ["release"], ["hold", "--reason", "a try"],
        ["pull", str(tmp_path / "latest.txt.gz")],
    ):  # fmt: skip
        ended = without_extras(bucket, *command)
        assert (ended.returncode, ended.stderr) == (0, ""), command
    assert gzip.decompress((tmp_path / "latest.txt.gz").read_bytes()) == b"a"


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        (["publish", "--table", "parquet:/x"], "pyarrow", "publish"),
        (["doctor"], "pyarrow", "publish"),
        (["diff"], "pyarrow", "publish"),
        (["report", "--publish-report"], "altair", "report"),
    ],
)
def test_a_command_whose_extra_is_missing_says_which(
    command: list[str], package: str, extra: str, bucket: Bucket
) -> None:
    ended = without_extras(bucket, *command)
    assert ended.returncode == 2
    assert package in ended.stderr
    assert f"pip install 'matched-ids[{extra}]'" in ended.stderr


def test_a_full_disk_is_told_and_leaves_nothing(bucket: Bucket, write_table: WriteTable, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    folder = write_table([])
    ids = pa.array(sorted(f"{number * 2_654_435_761 % 4_294_967_291:010}" for number in range(200_000)))
    pq.write_table(pa.table({"id": ids}), folder / "part-00000.parquet")
    ended = subprocess.run(
        [PUBLISHER, "publish", "--table", f"parquet:{folder}", "--spool-dir", str(spool), "--json"],
        env={**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"},
        capture_output=True,
        text=True,
        check=False,
        # No file may grow beyond this: a write then fails as it does on a full disk.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert ended.returncode == 2, ended.stderr
    assert "--spool-dir" in json.loads(ended.stdout)["hint"]
    assert list(spool.iterdir()) == []
    assert bucket.data_keys() == []


def test_a_table_that_grows_a_thousandfold_is_read_in_constant_memory(bucket: Bucket, write_table: WriteTable) -> None:
    # Fifty million times the same id: 100 kB of Parquet, half a GB of content, and refused at the second row.
    folder = write_table([])
    constant = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000_000, pa.int32()), pa.array(["0123456789"]))
    with pq.ParquetWriter(folder / "part-00000.parquet", pa.schema([("id", pa.string())])) as writer:
        for _ in range(10):
            writer.write_table(pa.table({"id": constant.dictionary_decode()}))
    assert (folder / "part-00000.parquet").stat().st_size < 500_000
    ended = publish(bucket, folder, "--json")
    assert (ended.returncode, json.loads(ended.stdout)["guard"]) == (3, "not_ascending")


BAD_ACTIVE: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", {}),
    "text": (b"a\nb", {"total_ids": "2"}),
    "two members": (gzip.compress(b"a") * 2, {"total_ids": "1", "sha256": "0" * 64}),
    "cut": (gzip.compress(b"a\nb")[:-5], {"md5_checksum": "none", "created_at": "yesterday"}),
    "numbers that are none": (gzip.compress(b"a"), {"total_ids": "many", "content_bytes": "-1", "ids_added": "1e9"}),
    "other words": (gzip.compress(b"a"), {"source_partition": "the day before", "staged_key": "..", "replaces": "/"}),
    "blank lines": (gzip.compress(b"\n\na"), {"total_ids": "3"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ACTIVE)
def test_whatever_is_active_no_command_crashes(
    name: str, bucket: Bucket, write_table: WriteTable, tmp_path: Path
) -> None:
    body, texts = BAD_ACTIVE[name]
    bucket.client.put_object(Bucket=bucket.name, Key="active/latest.txt.gz", Body=body, Metadata=texts)
    commands = [["status"], ["verify"], ["history"], ["rollback"], ["pull", str(tmp_path / "x")]]
    codes = {command[0]: run(bucket, *command, "--json").returncode for command in commands}
    assert codes == {"status": 4, "verify": 4, "history": 0, "rollback": 2, "pull": 4}
    published = publish(bucket, write_table(["a"]), "--overrule", "older_partition", "--overrule", "too_few_ids")
    assert published.returncode == 0, published.stderr
    assert run(bucket, "verify").returncode == 0


def test_an_id_that_no_id_is_as_long_as_is_refused_and_a_setting_lets_it_through(
    bucket: Bucket, write_table: WriteTable
) -> None:
    table = write_table(["a", "b" * 1025])
    ended = publish(bucket, table, "--json")
    report = json.loads(ended.stdout)
    assert (ended.returncode, report["guard"]) == (3, "bad_ids")
    assert "an id of more than 1,024 bytes between rows 1 and 2" in ended.stderr
    assert "--max-id-bytes" in report["hint"]
    assert "bbb" not in ended.stderr + ended.stdout
    assert publish(bucket, table, PUBLISHER_MAX_ID_BYTES="1025").returncode == 0
    assert publish(bucket, write_table(["a", "b" * 1024]), "--max-percent-removed", "100").returncode == 0
    for impossible in ("0", "262145"):
        ended = publish(bucket, table, "--max-id-bytes", impossible)
        assert (ended.returncode, "from 1 to 262,144" in ended.stderr) == (2, True)


@pytest.mark.parametrize("milliseconds", [0, 20, 60, 100, 150])
def test_a_ctrl_c_at_the_start_ends_it_without_a_traceback(milliseconds: int, bucket: Bucket) -> None:
    environment = {**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"}
    # As the console script does; what Python itself does before is not ours to change.
    code = "from publisher.__main__ import main; print('.', flush=True); main()"
    process = children.start(
        [sys.executable, "-c", code, "doctor"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(milliseconds / 1000)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert "Traceback" not in stderr
    assert process.returncode in (-signal.SIGINT, 130)
    assert stderr.strip() in ("", "publisher: interrupted; active is the old file or the new one, whole")


@pytest.mark.parametrize(
    ("broken", "code", "told"),
    [
        (
            OSError(28, "No space", "/of/somebody"),
            2,
            "This machine refused something: No space left on device (ENOSPC).",
        ),
        (MemoryError(), 2, "There is not enough memory."),
        (OSError("of a library"), 1, "Unexpected OSError: this is a bug."),
        (ZeroDivisionError("52998224725"), 1, "Unexpected ZeroDivisionError: this is a bug."),
    ],
)
def test_what_nobody_foresaw_is_told_without_its_text(
    broken: Exception, code: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise broken

    monkeypatch.setitem(cli.commands, "broken", click.Command("broken", callback=fail))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    with pytest.raises(SystemExit) as ended:
        main(["broken"])
    for number, handler in handlers.items():
        signal.signal(number, handler)
    first, advice = capsys.readouterr().err.splitlines()
    assert (ended.value.code, first) == (code, f"publisher: {told}")
    assert not re.search("somebody|52998224725|of a library", first + advice)
