"""Whoever is on call is told: by which metrics, when, and that the messages get through."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from publisher.telemetry.metrics import UNITS
from tests.conftest import PROJECT
from tests.deploy import alarms
from tests.deploy.conftest import GITHUB, JOB
from tests.deploy.stack import ACCOUNT, REGION, Stack

HOUR = 3600
NOW = 100 * 24 * HOUR


@pytest.mark.parametrize("prefix", ["", "team/ids/"])
def test_every_alarm_looks_at_what_the_publisher_sends(prefix: str) -> None:
    resources = Stack({**JOB, "PublishPrefix": prefix, "MetricsNamespace": "Lists"}).resources
    arguments = resources["Job"]["DefaultArguments"]
    looked_at = set()
    for name in ("NotPublished", "Refused", "Failed", "ActiveIsOld"):
        metric = alarms.metric(resources[name])
        assert metric["Namespace"] == arguments["--PUBLISHER_METRICS_NAMESPACE"] == "Lists"
        assert alarms.dimensions(resources[name]) == {"Destination": arguments["--PUBLISHER_TO"]}
        looked_at.add(metric["MetricName"])
    assert looked_at == {"Published", "Refused", "Failed", "ActiveAgeSeconds"}
    assert looked_at < UNITS.keys()


def test_a_schedule_that_could_not_start_the_job_is_told(job: Stack) -> None:
    alarm = job.resources["NotStarted"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Scheduler", "InvocationDroppedCount")
    assert alarms.dimensions(alarm) == {"ScheduleGroup": job.resources["Schedule"]["GroupName"]}
    assert not alarms.is_raised(alarm, {}, NOW)
    assert alarms.is_raised(alarm, {NOW - 1: 1}, NOW)


@pytest.mark.parametrize(
    ("alarm", "told", "raised"),
    [
        # By hours before now: how many files were published.
        ("NotPublished", {}, True),  # nothing runs at all
        ("NotPublished", {25: 1}, False),
        ("NotPublished", {27: 1}, True),
        ("NotPublished", {27: 1, 3: 0}, True),  # refused today
        ("NotPublished", {25: 1, 1: 0}, False),
        ("Refused", {}, False),
        ("Refused", {0: 0}, False),
        ("Refused", {0: 1}, True),
        ("Failed", {}, False),
        ("Failed", {0: 0}, False),
        ("Failed", {0: 1}, True),
        ("ActiveIsOld", {0: 0}, False),
        ("ActiveIsOld", {0: 25 * HOUR}, False),
        ("ActiveIsOld", {0: 27 * HOUR}, True),
        ("ActiveIsOld", {}, None),  # as old as when somebody looked last
    ],
)
def test_an_alarm_is_raised_when_it_should_be(
    job: Stack, alarm: str, told: dict[int, float], raised: bool | None
) -> None:
    values = {NOW - hours * HOUR - 1: value for hours, value in told.items()}
    assert alarms.is_raised(job.resources[alarm], values, NOW) is raised


def test_a_week_without_a_file_is_as_long_as_cloudwatch_looks_back() -> None:
    alarm = Stack({**JOB, "MaxHoursWithoutPublication": "168"}).resources["NotPublished"]
    assert not alarms.is_raised(alarm, {NOW - 168 * HOUR: 1}, NOW)
    assert alarms.is_raised(alarm, {NOW - 169 * HOUR: 1}, NOW)


@pytest.mark.parametrize("given", [JOB, GITHUB], ids=["job", "github"])
def test_every_alarm_gets_through_to_the_topic(given: dict[str, str]) -> None:
    stack = Stack(given)
    found = stack.of_type("AWS::CloudWatch::Alarm")
    assert len(found) == 4 + bool(stack.of_type("AWS::Glue::Job"))
    for alarm in found.values():
        assert alarm["AlarmActions"] == stack.resources["TopicPolicy"]["Topics"]
        assert may_publish(
            stack, "cloudwatch.amazonaws.com", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm['AlarmName']}"
        )
        assert "docs/" in alarm["AlarmDescription"]  # what to do
    assert (
        stack.resources["NotPublished"]["OKActions"] == stack.resources["NotPublished"]["AlarmActions"]
    )  # and when it is over
    assert not may_publish(
        stack,
        "cloudwatch.amazonaws.com",
        f"arn:aws:cloudwatch:{REGION}:999999999999:alarm:matched-ids-x",
        "999999999999",
    )


def test_the_runbook_knows_every_alarm(job: Stack) -> None:
    runbook = (PROJECT / "docs" / "runbook.md").read_text()
    section = runbook[runbook.index("## An alarm came") : runbook.index("## Go back")]
    told = re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)
    names = [
        alarm["AlarmName"].removeprefix("matched-ids-") for alarm in job.of_type("AWS::CloudWatch::Alarm").values()
    ]
    assert sorted(told) == sorted(names)
    assert all(f"`{state}`" in section for state in job.resources["JobEnds"]["EventPattern"]["detail"]["state"])


@pytest.mark.parametrize(
    ("job_name", "state", "is_told"),
    [
        ("matched-ids", "FAILED", True),
        ("matched-ids", "TIMEOUT", True),
        ("matched-ids", "ERROR", True),
        ("matched-ids", "STOPPED", True),
        ("matched-ids", "SUCCEEDED", False),
        ("matched-ids", "RUNNING", False),
        ("another", "FAILED", False),
    ],
)
def test_a_run_that_does_not_end_well_is_told(job: Stack, job_name: str, state: str, is_told: bool) -> None:
    event = {
        "source": "aws.glue",
        "detail-type": "Glue Job State Change",
        "detail": {"jobName": job_name, "severity": "ERROR", "state": state, "jobRunId": "jr_1", "message": "refused"},
    }
    rule = job.resources["JobEnds"]
    assert alarms.matches(rule["EventPattern"], event) == is_told
    (target,) = rule["Targets"]
    assert target["Arn"] == job.resources["TopicPolicy"]["Topics"][0]
    assert (target["InputPath"], "RoleArn" in target) == ("$.detail", False)
    assert may_publish(job, "events.amazonaws.com", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule['Name']}")
    assert not may_publish(job, "events.amazonaws.com", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/another")


def test_whoever_sends_to_the_topic_may_use_its_key(job: Stack) -> None:
    statements = {one["Sid"]: one for one in job.resources["OwnKey"]["KeyPolicy"]["Statement"]}
    services = statements["AlarmsAndEventsAreSentToTheTopic"]
    senders = [one["Principal"]["Service"] for one in topic_statements(job) if one["Effect"] == "Allow"]
    assert sorted(services["Principal"]["Service"]) == sorted(senders)
    assert services["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def topic_statements(stack: Stack) -> list[dict[str, Any]]:
    return list(stack.resources["TopicPolicy"]["PolicyDocument"]["Statement"])


def may_publish(stack: Stack, service: str, source: str, account: str = ACCOUNT) -> bool:
    """Tells whether the topic lets a service publish in the name of one of its things."""
    asked = {"aws:SourceArn": source, "aws:SourceAccount": account}
    return any(
        statement["Action"] == "sns:Publish"
        and [statement["Resource"]] == stack.resources["TopicPolicy"]["Topics"]
        and all(
            fnmatchcase(asked[key], pattern)
            for operator, wanted in statement["Condition"].items()
            for key, pattern in wanted.items()
            if operator in ("ArnLike", "ArnEquals", "StringEquals")
        )
        for statement in topic_statements(stack)
        if statement["Effect"] == "Allow" and statement["Principal"]["Service"] == service
    )
