"""The steps of the workflow `publish`, run as GitHub runs them: the same shell, files and variables, a real store.

Not GitHub itself: which step an `if` lets run, its clock, and what it shows of a summary.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from publisher import guards
from tests import forked
from tests.conftest import PROJECT, Bucket, WriteTable
from tests.documents import slugs, text_of
from tests.publisher.declared_lists import DeclaredLists
from tests.publisher.lake import glue_server
from tests.publisher.lake.glue_server import GlueServer

PUBLISH = PROJECT / ".github/workflows/publish.yml"
# bash as GitHub starts it for `shell: bash`.
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
GUARDS_OF_SIZE = ("too_few_ids", "too_many_removed")


def workflow(path: Path = PUBLISH) -> dict[str, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in found.items()}  # to YAML, `on` is a boolean


def steps() -> dict[str, dict[str, Any]]:
    return {step.get("name", ""): step for step in workflow()["jobs"]["publish"]["steps"]}


class Job:
    """A runner's machine on which one run's steps are taken one after the other."""

    def __init__(self, folder: Path, bucket: Bucket, **variables: str) -> None:
        self.folder = folder / f"job-{len(list(folder.glob('job-*')))}"
        self.folder.mkdir()
        (self.folder / "deploy").symlink_to(PROJECT / "deploy")
        self.variables = {"PUBLISHER_TO": f"s3://{bucket.name}", "MATCHED_IDS_TARGET": "duckdb", **variables}
        self.environment = {
            **os.environ,
            **bucket.endpoint.environment(),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_RUN_ID": "77",
            "GITHUB_SHA": "abc",
        }
        for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            self.environment[name] = str(self.folder / name)
            (self.folder / name).touch()
        assert self.step("Settings", VARIABLES=json.dumps(self.variables)).returncode == 0

    def step(self, name: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a step. What its `env` takes from expressions is given, or empty, as an input is that nobody gave."""
        step = steps()[name]
        own = {key: "" if "${{" in str(value) else str(value) for key, value in step.get("env", {}).items()}
        assert env.keys() <= own.keys()
        exported = dict(line.split("=", 1) for line in self.read("GITHUB_ENV").splitlines())
        return subprocess.run(
            [*SHELL, "-c", step["run"]], cwd=self.folder, env={**self.environment, **exported, **own, **env},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def report(self) -> tuple[list[str], str]:
        """Returns the annotations and the summary."""
        ended = self.step("Summary")
        assert (ended.returncode, ended.stderr) == (0, "")
        return ended.stdout.splitlines(), self.read("GITHUB_STEP_SUMMARY")


@pytest.fixture
def glue() -> Iterator[GlueServer]:
    with glue_server.running() as server:
        yield server


def fake(job: Job, name: str, script: str) -> None:
    """Puts a program before all others."""
    folder = job.folder / "bin"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    job.environment["PATH"] = f"{folder}:{job.environment['PATH']}"


def test_a_good_day_from_raw_tables_to_the_summary(tmp_path: Path, bucket: Bucket) -> None:
    for name in ("cpfs", "records/ano_mes_dia=20251021", "records/ano_mes_dia=20251022"):
        (tmp_path / name).mkdir(parents=True)
    pq.write_table(pa.table({"documento": ["12345678909"]}), tmp_path / "cpfs/a.parquet")
    for day, ids in (("20251021", ["7", "8"]), ("20251022", ["9"])):
        rows = {"id": ids, "documento": ["00012345678909"] * len(ids)}
        pq.write_table(pa.table(rows), tmp_path / f"records/ano_mes_dia={day}/a.parquet")
    job = Job(
        tmp_path, bucket, MATCHED_IDS_CPFS_PATH=str(tmp_path / "cpfs"), UNRELATED="no",
        MATCHED_IDS_RECORDS_PATH=str(tmp_path / "records"), MATCHED_IDS_RECORDS_TABLE="",
    )  # fmt: skip
    assert "MATCHED_IDS_RECORDS_TABLE" not in job.read("GITHUB_ENV")  # undefined, and not empty
    assert "UNRELATED" not in job.read("GITHUB_ENV")

    # What the step makes of its inputs is what a real dbt is given.
    fake(job, "dbt", 'env -0 > dbt.env; printf "%s\\n" "$@" > dbt.arguments')
    assert job.step("dbt build", PARTITION="20251021").returncode == 0
    given = dict(line.split("=", 1) for line in job.read("dbt.env").split("\0") if "=" in line)
    places = {
        "DBT_PROJECT_DIR": str(PROJECT), "DBT_PROFILES_DIR": str(PROJECT), "DBT_LOG_PATH": str(job.folder),
        "DBT_TARGET_PATH": str(job.folder / "target"), "MATCHED_IDS_LOCAL_DIR": str(tmp_path / "local"),
    }  # fmt: skip
    given = {name: value for name, value in given.items() if not name.startswith(forked.OF_INTERPRETER)}
    given |= {name: value for name, value in os.environ.items() if name.startswith(forked.OF_INTERPRETER)}
    built = forked.dbt.run(job.read("dbt.arguments").split(), {**given, **places}, job.folder)
    assert built.returncode == 0, built.stdout
    assert re.search(r" not_null_int_matched_ids_id .* \[.*PASS", built.stdout)
    assert "unit_test" not in built.stdout

    assert job.step("publisher publish").returncode == 0
    content, metadata = bucket.get("active/latest.txt.gz")
    assert (gzip.decompress(content), metadata["source_partition"]) == (b"7\n8", "20251021")
    said, summary = job.report()
    assert said == []
    for row in (
        r"source partition \| 20251021",
        r"ids \| 2",
        r"guards \| all agreed",
        r"before \| nothing",
    ):
        assert re.search(row, summary), row
    assert "## Published" in summary
    assert re.search(r"\d+ pass", summary)


def test_a_refusal_is_told_and_can_be_overruled_by_hand(
    tmp_path: Path, bucket: Bucket, write_table: WriteTable
) -> None:
    def job_of(*ids: str, partition: str = "20251022|<b>") -> Job:
        table = f"parquet:{write_table(list(ids))}"
        return Job(tmp_path, bucket, PUBLISHER_TABLE=table, PUBLISHER_SOURCE_PARTITION=partition)

    assert job_of("1", "2", "3", "4").step("publisher publish").returncode == 0
    job = job_of("1")
    ended = job.step("publisher publish", DRY_RUN="false")
    assert ended.returncode == 3
    said, summary = job.report()
    (error,) = said
    title, _, text = error.partition("::")[2].partition("::")
    assert title == "error title=Refused by too_few_ids"
    assert text.count("%0A") == 1  # what happened, what to do
    link = re.search(r"\(https://github\.example/o/r/blob/abc/(docs/runbook\.md)#(\w+)\)", summary)
    assert link is not None
    assert link[2] == "too_few_ids"
    assert link[2] in slugs(text_of(link[1]))

    reason = 'INC-1 "$(touch owned)"; `touch owned` & | %0A'
    ended = job.step("publisher publish", OVERRULE="  ".join(GUARDS_OF_SIZE), REASON=reason)
    assert ended.returncode == 0, ended.stderr
    assert not (job.folder / "owned").exists()
    record = max(set(bucket.keys()) - set(bucket.data_keys()))
    assert json.loads(bucket.get(record)[0])["reason"] == reason
    said, summary = job.report()
    assert [line.partition("::The")[0] for line in said if "Overruled" in line] == ["::warning title=Overruled"] * 2
    assert "overruled: too\\_few\\_ids, too\\_many\\_removed" in summary
    assert "20251022\\|&lt;b&gt;" in summary


def test_nothing_new_ends_well_and_what_is_new_is_pinned(
    tmp_path: Path, bucket: Bucket, glue: GlueServer, write_table: WriteTable
) -> None:
    glue.add("20251021", "20251022")
    table = {"PUBLISHER_TABLE": f"parquet:{write_table(['a'])}", "PUBLISHER_SOURCE_PARTITION": "20251022"}
    job = Job(tmp_path, bucket, **table)
    job.environment |= glue.environment()
    assert job.step("Newest partition").returncode == 0
    assert job.read("GITHUB_OUTPUT") == "is_new=true\npartition=20251022\n"
    assert job.step("publisher publish").returncode == 0

    # dbt would compare no rows of a partition that is pinned.
    compared = {"MATCHED_IDS_MIN_PERCENT_OF_PREVIOUS_ROWS": "50", "PUBLISHER_TO": f"s3://{bucket.name}/another"}
    job = Job(tmp_path, bucket, **compared)
    job.environment |= glue.environment()
    assert job.step("Newest partition").returncode == 0
    assert job.read("GITHUB_OUTPUT") == "is_new=true\npartition=\n"
    job = Job(tmp_path, bucket, **compared, PUBLISHER_READY_AFTER="0m")
    job.environment |= glue.environment()
    ended = job.step("Newest partition")
    assert (ended.returncode, job.read("GITHUB_OUTPUT")) == (2, "")
    assert "::error title=Two settings in one run::" in ended.stdout

    job = Job(tmp_path, bucket)
    job.environment |= glue.environment()
    assert job.step("Newest partition").returncode == 0
    assert job.read("GITHUB_OUTPUT") == "is_new=false\n"
    said, summary = job.report()
    assert [line.partition("::Active")[0] for line in said] == ["::notice title=Nothing new"]
    assert "## Nothing new" in summary

    glue.answers = [(400, json.dumps({"__type": "AccessDeniedException"}))]
    assert job.step("Newest partition").returncode == 7
    said, _ = job.report()
    assert [line.partition("::Glue")[0] for line in said] == ["::error title=Failed with exit code 7"]


@pytest.mark.parametrize(
    ("codes", "tries", "code"), [("7 6 0", 3, 0), ("6 7 7 0", 3, 7), ("5 0", 1, 5), ("3 0", 1, 3), ("8", 1, 0)]
)
def test_a_conflict_and_a_failing_store_are_tried_again(
    tmp_path: Path, bucket: Bucket, codes: str, tries: int, code: int
) -> None:
    job = Job(tmp_path, bucket)
    (job.folder / "codes").write_text(codes.replace(" ", "\n") + "\n")
    fake(job, "publisher", 'echo "$@" >> called; code=$(head -n 1 codes); sed -i 1d codes; exit "$code"')
    ended = job.step("publisher publish", PAUSE_SECONDS="0", DRY_RUN="true")
    assert (ended.returncode, job.read("called")) == (code, "publish --json --dry-run\n" * tries)


def test_each_of_several_lists_is_told_by_its_name(tmp_path: Path, bucket: Bucket) -> None:
    """As `publisher publish` answers (tests/publisher/cli/test_lists.py)."""
    job = Job(tmp_path, bucket)
    lists = DeclaredLists(tmp_path)
    for name in ("buyers", "late", "sellers"):
        lists.add(name, ["7"])
    lists.statuses["test.shop.unique_buyers.1"] = "fail"
    lists.without("late")
    ended = forked.publisher.run(
        ["publish", "--json", "--target-path", str(lists.write())], {**job.environment, **job.variables}
    )
    assert ended.returncode == 5
    (job.folder / "answer.json").write_text(ended.stdout)
    said, summary = job.report()
    assert [line.partition("::dbt")[0] for line in said] == [
        "::error title=buyers_file%3A Refused by dbt_not_successful", "::notice title=late_file%3A Left out",
    ]  # fmt: skip
    titles = [line for line in summary.splitlines() if line.startswith("##")]
    assert titles == [
        "## buyers\\_file: Refused by `dbt_not_successful`", "## sellers\\_file: Published", "## late\\_file: Left out",
    ]  # fmt: skip


def test_a_build_that_fails_and_a_run_that_ends_early_are_told(tmp_path: Path, bucket: Bucket) -> None:
    job = Job(tmp_path, bucket)
    (job.folder / "answer.json").write_text("")  # as a publisher that was killed leaves it
    said, summary = job.report()
    assert [line.partition("::See")[0] for line in said] == ["::error title=The run ended early"]
    assert "the old file or the new one, whole" in summary
    (job.folder / "answer.json").unlink()
    (job.folder / "target").mkdir()
    nodes = [("model.a", "success"), ("test.b", "fail"), ("model.c", "skipped")]
    results = {
        "results": [{"unique_id": name, "status": status, "message": "00012345678909"} for name, status in nodes]
    }
    (job.folder / "target/run_results.json").write_text(json.dumps(results))
    said, summary = job.report()
    assert said == ["::error title=dbt build failed::test.b (fail)%0AActive is as it was."]
    assert "| `test.b` | fail |" in summary
    assert "00012345678909" not in summary


@pytest.mark.parametrize(
    ("variables", "target", "words"),
    [
        ({"MATCHED_IDS_TARGET": "local"}, "", "is none of duckdb, glue, spark"),
        ({"PUBLISHER_TO": "s3://a\nPATH=/tmp"}, "duckdb", "PUBLISHER_TO is not one line"),
    ],
)
def test_a_variable_that_cannot_be_used_ends_the_run_before_anything_is_installed(
    tmp_path: Path, bucket: Bucket, variables: dict[str, str], target: str, words: str
) -> None:
    job = Job(tmp_path, bucket)
    (job.folder / "GITHUB_ENV").write_text("")
    ended = job.step("Settings", VARIABLES=json.dumps(variables), TARGET=target)
    assert (ended.returncode, ended.stdout.startswith("::error "), words in ended.stdout) == (2, True, True)
    assert job.read("GITHUB_ENV") == ""


def test_the_inputs_name_what_exists() -> None:
    given = workflow()["on"]["workflow_dispatch"]["inputs"]
    requirements = {path.stem for path in (PROJECT / "requirements").glob("*.txt")}
    assert set(given["target"]["options"][1:]) <= requirements
    assert set(GUARDS_OF_SIZE) <= set(guards.OVERRULABLE)


@pytest.mark.parametrize("path", sorted(PUBLISH.parent.glob("*.yml")), ids=lambda path: path.name)
def test_no_expression_becomes_a_part_of_a_script(path: Path) -> None:
    for job in workflow(path)["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")


def test_everything_is_installed_by_hash_and_before_there_are_credentials() -> None:
    order = [
        step.get("uses", step.get("name", "")).partition("@")[0] for step in workflow()["jobs"]["publish"]["steps"]
    ]
    assert order.index("Install") < order.index("aws-actions/configure-aws-credentials") < order.index("dbt build")
    first, *others = steps()["Install"]["run"].splitlines()
    assert "--require-hashes -r requirements/build.txt" in first
    assert all("--no-build-isolation" in command for command in others)
    assert all("--no-deps" in command for command in (first, *others))
