"""What is offered for other schedulers does what docs/schedulers.md says of exit codes.

cron's script and the state machine are run; the DAG by a real Airflow, where AIRFLOW_PYTHON names one.
"""

from __future__ import annotations

import ast
import json
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from moto.glue.models import FakeJobRun
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_glue

from publisher.cli.main import Ended
from publisher.errors import Conflict, GuardRefusal, PublisherError, StoreFailed
from publisher.glue_job import job
from tests import empty_moto
from tests.conftest import PROJECT
from tests.deploy.test_workflows import steps
from tests.documents import text_of
from tests.test_docs import table_after

CRON = PROJECT / "deploy/cron/matched-ids.sh"
DAG = PROJECT / "deploy/airflow/matched_ids.py"
STATE_MACHINE = PROJECT / "deploy/stepfunctions/matched-ids.asl.json"
DOCUMENT = "docs/schedulers.md"
AIRFLOW = os.environ.get("AIRFLOW_PYTHON")


def put_commands(folder: Path, publisher: str, dbt: str = "exit 0") -> None:
    """Puts a dbt and a publisher where a checkout has its environment."""
    programs = folder / ".venv/bin"
    programs.mkdir(parents=True, exist_ok=True)
    for name, script in (("dbt", dbt), ("publisher", publisher)):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{folder}/called"\n{script}\n')
        (programs / name).chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "deploy/cron").mkdir(parents=True)
    shutil.copy(CRON, tmp_path / "deploy/cron")
    (tmp_path / "settings.env").write_text("PUBLISHER_TO=s3://bucket/prefix\nPAUSE_SECONDS=0\n")
    return tmp_path


def by_cron(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "deploy/cron/matched-ids.sh", checkout / "settings.env"],
        cwd="/", env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("codes", "code"), [("0", 0), ("8", 0), ("7 6 0", 0), ("6 7 7", 7), ("3", 3), ("5", 5)])
def test_cron_prints_only_what_somebody_must_read(checkout: Path, codes: str, code: int) -> None:
    (checkout / "codes").write_text(codes.replace(" ", "\n") + "\n")
    publisher = 'echo "to $PUBLISHER_TO"; code=$(head -n 1 codes); sed -i 1d codes; exit "$code"'
    put_commands(checkout, publisher, dbt='echo "without $DBT_EXCLUDE_RESOURCE_TYPES"')
    ended = by_cron(checkout)
    assert (ended.returncode, ended.stderr) == (code, "")
    assert (checkout / "called").read_text() == "dbt build\n" + "publisher publish\n" * len(codes.split())
    (log,) = (checkout / "logs/runs").glob("*.log")
    assert "without unit_test\nto s3://bucket/prefix" in log.read_text()
    if code:
        assert f"ended with {code} on " in ended.stdout
        assert "to s3://bucket/prefix" in ended.stdout
    else:
        assert ended.stdout == ""


def test_cron_publishes_nothing_that_dbt_did_not_build(checkout: Path) -> None:
    put_commands(checkout, "exit 0", dbt="echo a test failed; exit 1")
    ended = by_cron(checkout)
    assert (ended.returncode, "a test failed" in ended.stdout) == (1, True)
    assert (checkout / "called").read_text() == "dbt build\n"


def test_cron_starts_no_second_run_beside_one(checkout: Path) -> None:
    put_commands(checkout, "deploy/cron/matched-ids.sh settings.env > second 2>&1; echo $? >> second")
    assert by_cron(checkout).returncode == 0
    said, code = (checkout / "second").read_text().splitlines()
    assert "the run before this one has not ended" in said
    assert code == "75"
    assert (checkout / "called").read_text() == "dbt build\npublisher publish\n"


def ended_as(error: PublisherError | None) -> tuple[str, str | None]:
    """A job run's state, and its error as Glue shows what the job raises."""
    if error is None:
        return "SUCCEEDED", None
    return "FAILED", f"JobFailed: {job._text(Ended(error.exit_code, error))}"


@pytest.fixture
def job_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str | None]]]:
    """How the next runs of a Glue job end; moto interprets state machines."""
    coming: list[tuple[str, str | None]] = []
    known: dict[str, tuple[str, str | None]] = {}
    as_dict = FakeJobRun.as_dict

    def as_it_ended(run: FakeJobRun) -> dict[str, Any]:
        state, error = known[run.job_run_id] = known.get(run.job_run_id) or coming.pop(0)
        return {**as_dict(run), "JobRunState": state, **({"ErrorMessage": error} if error else {})}

    monkeypatch.setattr(FakeJobRun, "as_dict", as_it_ended)
    # moto 5.2 ends a failed .sync with an error of its own, unless there could also be a token to wait for.
    patterns = state_task_service_glue._SUPPORTED_INTEGRATION_PATTERNS
    both = {*patterns, state_task_service_glue.ResourceCondition.WaitForTaskToken}
    monkeypatch.setattr(state_task_service_glue, "_SUPPORTED_INTEGRATION_PATTERNS", both)
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with empty_moto.running(stepfunctions={"execute_state_machine": True}):
        yield coming


WELL = ended_as(None)
CONFLICT = ended_as(Conflict("Somebody else was faster.", "Run again."))
STORE_FAILED = ended_as(StoreFailed("The store failed.", "Check the network."))
REFUSED = ended_as(GuardRefusal("Too few.", "Look at A.", guard="too_few_ids"))


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ([WELL], "SUCCEEDED"),
        ([STORE_FAILED, CONFLICT, WELL], "SUCCEEDED"),
        ([CONFLICT, STORE_FAILED, STORE_FAILED], "FAILED"),
        ([REFUSED], "FAILED"),
        ([("TIMEOUT", None)], "FAILED"),
    ],
)
def test_the_state_machine_runs_the_job_again_when_that_may_help(
    job_runs: list[tuple[str, str | None]], ends: list[tuple[str, str | None]], status: str
) -> None:
    job_runs.extend(ends)
    name = f"job-{secrets.token_hex(4)}"  # where another test runs moto too, what this one makes stays
    boto3.client("glue").create_job(Name=name, Role="r", Command={"Name": "glueetl"})
    text = STATE_MACHINE.read_text().replace("${job}", name).replace('"Seconds": 300', '"Seconds": 0')
    client = boto3.client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/r"
    machine = client.create_state_machine(name=name, definition=text, roleArn=role)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, name=name, input='{"from": "a clock"}')["executionArn"]
    while (ended := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.02)
    assert (ended["status"], job_runs) == (status, [])
    if status == "FAILED":
        assert ended["error"] == "NotPublished"
        assert json.loads(ended["cause"]).get("ErrorMessage") == ends[-1][1]


def test_the_state_machine_is_one_by_the_schema_of_aws() -> None:
    from cfnlint.api import ManualArgs, lint  # takes long, and is wanted here alone

    properties = {
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "Definition": json.loads(STATE_MACHINE.read_text()),
        "DefinitionSubstitutions": {"job": "matched-ids"},
    }
    template = {"Resources": {"M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}
    assert lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"])) == []


@pytest.mark.skipif(AIRFLOW is None, reason="AIRFLOW_PYTHON names no Airflow: `make check-schedulers` makes one")
def test_a_real_airflow_runs_the_dag(tmp_path: Path) -> None:
    assert AIRFLOW is not None
    put_commands(tmp_path, 'echo "{\\"run\\": \\"$AIRFLOW_CTX_DAG_RUN_ID\\"}" >> ids; echo "{}"; exit $CODE')
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAG.parent),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "MATCHED_IDS_PROJECT": str(tmp_path),
    }

    def run(*arguments: str | Path) -> str:
        ended = subprocess.run(
            [AIRFLOW, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr[-2000:]
        return ended.stdout

    run("-m", "airflow", "db", "migrate")
    told = json.loads(run(PROJECT / "tests/deploy/airflow_runs.py", DAG.parent, *"03578").splitlines()[-1])
    assert (told["dags"], told["retries"], told["minutes"]) == (["matched_ids"], 2, 5)
    assert {code: (told[code]["run"], told[code]["task"], told[code]["tries"]) for code in "03578"} == {
        "0": ("success", "success", 1),
        "3": ("failed", "failed", 1),
        "5": ("failed", "failed", 1),
        "7": ("failed", "failed", 3),
        "8": ("success", "skipped", 1),
    }
    # What the publisher keeps in its record, so that somebody finds the log.
    assert json.loads((tmp_path / "ids").read_text().splitlines()[0]) == {"run": told["0"]["id"]}


def test_all_of_them_try_again_after_the_same_exit_codes() -> None:
    rows = table_after(DOCUMENT, "| exit code")
    told = {int(code) for row in rows if "again" in row[1] for code in re.findall(r"\d+", row[0])}
    shells = [CRON.read_text(), steps()["publisher publish"]["run"]]
    assert [{int(code) for code in re.findall(r"\$code != \[(\d+)\]", shell)[0]} for shell in shells] == [told] * 2
    assigned = next(
        node.value for node in ast.walk(ast.parse(DAG.read_text()))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RETRIED"
    )  # fmt: skip
    assert set(ast.literal_eval(assigned)) == told
    assert {int(code) for code in re.findall(r"\(exit code (\d)\)", STATE_MACHINE.read_text())} == told


def test_the_commands_to_aws_are_ones_that_aws_takes() -> None:
    """By botocore's model of the API: operation, options, and what the named files hold."""
    text = text_of(DOCUMENT)
    files = dict(re.findall(r"`([\w-]+\.json)`:\n\n```json\n(.*?)```", text, re.DOTALL))
    commands = re.findall(r"\$ aws (\w+) ([\w-]+) ((?:.*\\\n)*.*)", text)
    assert len(commands) > 3
    for service, operation, options in commands:
        model = botocore.session.get_session().get_service_model(service)
        name = "".join(word.capitalize() for word in operation.split("-"))
        shape = model.operation_model(name).input_shape
        assert shape is not None
        given: dict[str, Any] = {}
        for option, value in re.findall(r'--([\w-]+) ("[^"]*"|\S+)', options.replace("\\\n", " ")):
            words = option.split("-")
            member = next(one for one in shape.members if one.lower() == "".join(words))
            path = value.removeprefix("file://")
            given[member] = json.loads(files[path]) if path != value and path in files else value.strip('"')
        problems = botocore.validate.ParamValidator().validate(given, shape)
        assert not problems.has_errors(), problems.generate_report()
