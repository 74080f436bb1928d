"""A publisher that runs in the tests' process, on a real store; CloudWatch and SNS are moto's, in this process too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto.cloudwatch.models import cloudwatch_backends

from publisher.cli.main import Ended, run
from tests import empty_moto
from tests.conftest import Bucket, WriteTable
from tests.publisher.telemetry.receiver import Receiver, receiving

NAMESPACE = "MatchedIds"
DAY = ("--source-partition", "20251022")


@dataclass
class Printed:
    """A command that is over."""

    ended: Ended
    out: str
    err: str

    @property
    def code(self) -> int:
        return self.ended.exit_code


@dataclass
class Publisher:
    """The program, as a process that goes on runs it."""

    bucket: Bucket
    destination: str
    capture: pytest.CaptureFixture[str]
    write_table: WriteTable

    def run(self, *arguments: str) -> Printed:
        self.capture.readouterr()
        ended = run(list(arguments))
        return Printed(ended, *self.capture.readouterr())

    def publish(self, ids: list[str], *arguments: str) -> Printed:
        return self.run("publish", "--table", f"parquet:{self.write_table(ids)}", *DAY, *arguments)


@pytest.fixture
def publisher(
    bucket: Bucket, write_table: WriteTable, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Publisher:
    settings = bucket.endpoint.environment()
    settings["AWS_ENDPOINT_URL_S3"] = settings.pop("AWS_ENDPOINT_URL")  # the store alone is elsewhere
    settings["PUBLISHER_TO"] = f"s3://{bucket.name}/ids/"
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return Publisher(bucket, f"s3://{bucket.name}/ids", capsys, write_table)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A webhook, which is told."""
    with receiving() as receiver:
        monkeypatch.setenv("PUBLISHER_NOTIFY", f"{receiver.url}/services/secret-of-the-hook")
        yield receiver


@pytest.fixture
def aws(publisher: Publisher) -> Iterator[None]:
    """CloudWatch and SNS; whatever has another address, as the store, is not moto's."""
    with empty_moto.running(core={"mock_credentials": False}):
        yield


@dataclass
class Topic:
    """A topic, and what came to somebody who subscribed."""

    arn: str
    queue: str

    def messages(self) -> list[dict[str, Any]]:
        taken = boto3.client("sqs", endpoint_url=None).receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        return [json.loads(one["Body"]) for one in taken.get("Messages", [])]


@pytest.fixture
def topic(aws: None) -> Topic:
    arn = boto3.client("sns").create_topic(Name="matched-ids")["TopicArn"]
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="on-call")["QueueUrl"]
    of_queue = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=of_queue)
    return Topic(arn, queue)


def sent() -> list[tuple[str, float, str, dict[str, str]]]:
    """Returns what CloudWatch was told, in its order: name, value, unit and dimensions."""
    told = cloudwatch_backends["123456789012"]["us-east-1"].metric_data
    assert {one.namespace for one in told} <= {NAMESPACE}
    return [(one.name, one.value, one.unit, {each.name: each.value for each in one.dimensions}) for one in told]


def values(told: Sequence[tuple[str, float, str, dict[str, str]]]) -> dict[str, float]:
    """Returns the values by name, of those without a guard."""
    return {name: value for name, value, _, dimensions in told if "Guard" not in dimensions}
