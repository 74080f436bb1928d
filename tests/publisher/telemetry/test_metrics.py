"""What CloudWatch is told of a publish, and by the dead man's switch."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone

import pytest

from publisher.partitions.named_day import partition_day
from publisher.telemetry.metrics import UNITS
from tests.publisher.telemetry.conftest import NAMESPACE, Publisher, sent, values
from tests.publisher.telemetry.receiver import Receiver

ALL_IDS = [f"{number:03}" for number in range(100)]
IN_NAMESPACE = ("--metrics-namespace", NAMESPACE)


def age_of_the_partition() -> float:
    return (datetime.now(timezone.utc) - datetime(2025, 10, 22, tzinfo=timezone.utc)).total_seconds()


def test_the_numbers_of_good_days_and_of_a_bad_one(publisher: Publisher, aws: None) -> None:
    assert publisher.publish(ALL_IDS, *IN_NAMESPACE).code == 0
    assert publisher.publish([*ALL_IDS[2:], "a"], *IN_NAMESPACE).code == 0
    first, second = sent()[:8], sent()[8:]
    for told in (first, second):
        assert all(dimensions == {"Destination": publisher.destination} for *_, dimensions in told)
        assert {name: unit for name, _, unit, _ in told}.items() <= UNITS.items()
        assert [value for name, value, *_ in told if name in ("Published", "Refused", "Failed")] == [1, 0, 0]
    assert "IdsAdded" not in values(first)  # nothing was there to compare with
    found = values(second)
    assert {name: found[name] for name in ("Ids", "IdsAdded", "IdsRemoved", "ActiveAgeSeconds")} == {
        "Ids": 99, "IdsAdded": 1, "IdsRemoved": 2, "ActiveAgeSeconds": 0,
    }  # fmt: skip
    assert found["FileBytes"] == publisher.bucket.client.head_object(
        Bucket=publisher.bucket.name, Key="ids/active/latest.txt.gz"
    )["ContentLength"]  # fmt: skip
    assert found["PartitionAgeSeconds"] == pytest.approx(age_of_the_partition(), abs=600)
    assert 0 < found["DurationSeconds"] < 600
    assert {name for name, *_ in second} == set(UNITS) - {"IdsWithheld"}  # there is no suppression list

    before = len(sent())
    assert publisher.publish(ALL_IDS[:10], *IN_NAMESPACE).code == 3
    bad = sent()[before:]
    assert ("Refused", 1, "Count", {"Destination": publisher.destination, "Guard": "too_few_ids"}) in bad
    assert {name: value for name, value in values(bad).items() if name != "DurationSeconds"} == {
        "Published": 0, "Refused": 1, "Failed": 0,
        # Of what is active still.
        "ActiveAgeSeconds": pytest.approx(0, abs=600),
        "PartitionAgeSeconds": pytest.approx(age_of_the_partition(), abs=600),
    }  # fmt: skip


def test_the_dead_man_s_switch_tells_ages_where_active_can_be_trusted(publisher: Publisher, aws: None) -> None:
    def ages(code: int) -> dict[str, float]:
        before = len(sent())
        assert publisher.run("status", "--metrics", *IN_NAMESPACE, "--json").code == code
        return values(sent()[before:])

    assert ages(5) == {}  # nothing is active: missing data breaches
    assert publisher.publish(ALL_IDS).code == 0
    assert sent() == []  # nobody asked
    assert publisher.publish(ALL_IDS[:10]).code == 3  # nor does it matter how the last publish ended
    found = ages(0)
    assert found.keys() == {"ActiveAgeSeconds", "PartitionAgeSeconds"}
    assert found["PartitionAgeSeconds"] == pytest.approx(age_of_the_partition(), abs=600)
    publisher.bucket.client.put_object(Bucket=publisher.bucket.name, Key="ids/active/latest.txt.gz", Body=b"foreign")
    assert ages(4) == {}  # it is a second old, and nobody's list
    assert publisher.run("status", *IN_NAMESPACE).code == 4
    asked = publisher.run("status", "--metrics")
    assert (asked.code, "--metrics-namespace" in asked.err) == (2, True)


def test_a_line_of_the_log_tells_the_same_and_leaves_the_one_object_alone(publisher: Publisher, aws: None) -> None:
    as_line = (*IN_NAMESPACE, "--metrics-to", "stdout")
    ended = publisher.publish(ALL_IDS, *as_line, "--json")
    assert json.loads(ended.out)["status"] == "published"
    assert json.loads(ended.err)["Published"] == 1
    refused = publisher.publish(ALL_IDS[:10], *as_line)
    told = json.loads(refused.out)
    assert (told["Destination"], told["Guard"], told["Refused"]) == (publisher.destination, "too_few_ids", 1)
    plain, by_guard = told["_aws"]["CloudWatchMetrics"]
    assert (plain["Namespace"], plain["Dimensions"]) == (NAMESPACE, [["Destination"]])
    assert (by_guard["Dimensions"], by_guard["Metrics"]) == (
        [["Destination", "Guard"]], [{"Name": "Refused", "Unit": "Count"}],
    )  # fmt: skip
    # As CloudWatch asks of such a line: each metric and each dimension is a member of it, and the time is in ms.
    assert all(isinstance(told[metric["Name"]], (int, float)) for metric in plain["Metrics"])
    assert abs(told["_aws"]["Timestamp"] / 1000 - datetime.now(timezone.utc).timestamp()) < 600
    assert sent() == []


def test_a_dry_run_tells_nobody(publisher: Publisher, aws: None, hook: Receiver) -> None:
    for ids in (ALL_IDS, ["b", "a"]):
        publisher.publish(ids, "--dry-run", *IN_NAMESPACE)
    assert publisher.run("publish", "--dry-run", "--no-such-option", *IN_NAMESPACE).code == 2
    assert (sent(), hook.requests) == ([], [])


@pytest.mark.parametrize("name", ["", " ", "AWS/S3", ":x", "a" * 256, "na\u00efve"])
def test_a_namespace_that_cloudwatch_does_not_take_is_refused_before_anything_is_done(
    name: str, publisher: Publisher
) -> None:
    ended = publisher.publish(ALL_IDS, f"--metrics-namespace={name}")
    assert (ended.code, "--metrics-namespace" in ended.err) == (2, True)
    assert publisher.bucket.keys() == []


@pytest.mark.parametrize(
    ("partition", "day"),
    [
        ("20251022", date(2025, 10, 22)),
        ("2025-10-22", date(2025, 10, 22)),
        ("ano=2025/mes=9/dia=2", date(2025, 9, 2)),
        ("2025102204", date(2025, 10, 22)),
        ("202510", date(2025, 10, 1)),
        ("ano=2025/mes=10", date(2025, 10, 1)),
        ("2025", None),
        ("20251399", None),
        ("00000123", None),
        ("first", None),
        (None, None),
    ],
)
def test_a_partition_is_as_old_as_the_day_in_its_name(partition: str | None, day: date | None) -> None:
    assert partition_day(partition) == day
