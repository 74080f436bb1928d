"""The job is given what its driver takes, and started by its schedule."""

from __future__ import annotations

import json
import re

import pytest

from publisher.glue_job.arguments import known_settings, parse
from publisher.settings import parse_duration
from publisher.store.keys import Destination
from tests.conftest import PROJECT
from tests.deploy.conftest import EVERYTHING, GITHUB, JOB
from tests.deploy.stack import ACCOUNT, REGION, Stack
from tests.glue.policies import Need, Statement

OURS = re.compile(r"--((?:MATCHED_IDS|PUBLISHER)_\w+|AWS_REGION|ONLY_WHEN_NEW)")


def every_setting() -> dict[str, str]:
    """Returns the parameters with each setting of the models and guards set to something."""
    declared = Stack(JOB).template["Conditions"]
    return {name.removeprefix("Sets"): "1" for name in declared if name.startswith("Sets")}


def test_the_job_is_given_nothing_that_nobody_reads() -> None:
    arguments = Stack({**EVERYTHING, **every_setting()}).resources["Job"]["DefaultArguments"]
    given = parse([word for pair in arguments.items() for word in pair], known_settings())  # which refuses what is not
    assert len(given.settings) > 25
    assert given.only_when_new
    glues = {name for name in arguments if not OURS.fullmatch(name)}
    of_all = json.loads((PROJECT / "deploy/glue/default_arguments.json").read_text())
    assert glues == {name for name in of_all if not OURS.fullmatch(name)} | {"--custom-logGroup-prefix"}


def test_no_argument_of_the_job_is_empty(job: Stack) -> None:
    """Glue would take the next one's name for its value."""
    arguments = job.resources["Job"]["DefaultArguments"]
    assert all(isinstance(value, str) and value.strip() for value in arguments.values())
    assert "--PUBLISHER_SSE" not in arguments
    assert not any("${" in value for value in arguments.values())


@pytest.mark.parametrize(("prefix", "to"), [("", "s3://published"), ("team/ids/", "s3://published/team/ids")])
def test_the_job_reads_and_writes_what_the_parameters_name(prefix: str, to: str) -> None:
    resources = Stack({**JOB, "PublishPrefix": prefix}).resources
    arguments = resources["Job"]["DefaultArguments"]
    assert arguments["--PUBLISHER_TO"] == to
    assert Destination.parse(to) == Destination("published", prefix)
    assert arguments["--PUBLISHER_EXPECTED_BUCKET_OWNER"] == ACCOUNT
    assert arguments["--PUBLISHER_NOTIFY"] == resources["TopicPolicy"]["Topics"][0]
    assert arguments["--MATCHED_IDS_GLUE_LOCATION"] == "s3://lake/matched-ids/"
    assert arguments["--MATCHED_IDS_RECORDS_SCHEMA"] == arguments["--MATCHED_IDS_CPFS_SCHEMA"] == "raw"
    assert arguments["--ONLY_WHEN_NEW"] == "true"
    assert arguments["--PUBLISHER_LOG_FORMAT"] == "json"
    assert arguments["--AWS_REGION"] == REGION


def test_a_run_is_one_at_a_time_and_ends(job: Stack) -> None:
    properties = job.resources["Job"]
    assert properties["ExecutionProperty"] == {"MaxConcurrentRuns": 1}
    assert (properties["Timeout"], properties["MaxRetries"]) == ("60", "0")
    assert (properties["GlueVersion"], properties["WorkerType"], properties["NumberOfWorkers"]) == ("5.1", "G.1X", "5")
    assert properties["Command"]["Name"] == "glueetl"  # an ETL job: a Python shell has no Spark


def test_the_package_is_where_the_role_may_read_it(job: Stack) -> None:
    command = job.resources["Job"]["Command"]
    modules = job.resources["Job"]["DefaultArguments"]["--additional-python-modules"]
    assert command["ScriptLocation"] == "s3://packages/matched-ids/5.1/job.py"
    assert (PROJECT / "deploy/glue/default_arguments.json").exists()
    for place in (command["ScriptLocation"], modules):
        assert allowed(job, "JobRole", "s3:GetObject", f"arn:aws:s3:::{place.removeprefix('s3://')}")
    assert not allowed(job, "JobRole", "s3:GetObject", "arn:aws:s3:::packages/matched-ids/5.10/job.py")
    assert not allowed(job, "JobRole", "s3:PutObject", f"arn:aws:s3:::{modules.removeprefix('s3://')}")


def test_what_the_job_says_goes_into_groups_that_are_there_first(job: Stack) -> None:
    prefix = job.resources["Job"]["DefaultArguments"]["--custom-logGroup-prefix"]
    groups = {name: group["LogGroupName"] for name, group in job.of_type("AWS::Logs::LogGroup").items()}
    # docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html: <prefix>/output and <prefix>/error
    assert sorted(groups.values()) == [f"{prefix}/error", f"{prefix}/output"]
    assert set(job.template["Resources"]["Job"]["DependsOn"]) == set(groups)
    for group in groups.values():
        stream = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:jr_1"
        assert allowed(job, "JobRole", "logs:PutLogEvents", stream)
    assert not allowed(job, "JobRole", "logs:PutLogEvents", stream.replace("matched-ids", "others"))


def test_the_schedule_starts_the_job_and_may_start_no_other(job: Stack) -> None:
    schedule = job.resources["Schedule"]
    assert json.loads(schedule["Target"]["Input"]) == {"JobName": job.resources["Job"]["Name"]}
    assert schedule["Target"]["Arn"] == "arn:aws:scheduler:::aws-sdk:glue:startJobRun"
    assert (schedule["ScheduleExpressionTimezone"], schedule["State"]) == ("UTC", "ENABLED")
    assert schedule["Target"]["RoleArn"] == job.resolve({"Fn::GetAtt": ["SchedulerRole", "Arn"]})
    arn = f"arn:aws:glue:{REGION}:{ACCOUNT}:job/"
    assert allowed(job, "SchedulerRole", "glue:StartJobRun", arn + job.resources["Job"]["Name"])
    assert not allowed(job, "SchedulerRole", "glue:StartJobRun", arn + "another")
    (trust,) = job.resources["SchedulerRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    group = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/{schedule['GroupName']}"
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": group}}


def test_a_start_is_tried_again_for_less_than_the_pause_before_somebody_is_told(job: Stack) -> None:
    retry = job.resources["Schedule"]["Target"]["RetryPolicy"]
    told_after = parse_duration(f"{job.parameters['MaxHoursWithoutPublication']}h")
    assert 60 <= retry["MaximumEventAgeInSeconds"] < told_after.total_seconds()
    assert 0 < retry["MaximumRetryAttempts"] <= 185


def test_without_a_package_nothing_is_scheduled() -> None:
    stack = Stack(GITHUB)
    for kind in ("Glue::Job", "Scheduler::Schedule", "Scheduler::ScheduleGroup", "Events::Rule", "Logs::LogGroup"):
        assert not stack.of_type(f"AWS::{kind}")


def allowed(stack: Stack, role: str, action: str, resource: str) -> bool:
    """Tells whether one of a role's own policies allows an action without further context."""
    documents = [policy["PolicyDocument"] for policy in stack.resources[role]["Policies"]]
    statements = [Statement.parse(one) for document in documents for one in document["Statement"]]
    return any(statement.allows(Need(action, resource)) for statement in statements)
