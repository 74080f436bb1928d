"""What CloudWatch is told: of a run and of what is active, as numbers. docs/watching.md describes each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timezone
from typing import Any

from publisher.partitions.named_day import partition_day
from publisher.records.record import PUBLISHED, REFUSED
from publisher.telemetry.run import Run
from publisher.values import StoredObject

COUNT, BYTES, SECONDS = "Count", "Bytes", "Seconds"
# Every metric that is sent, and its unit.
UNITS: Mapping[str, str] = {
    "Published": COUNT,
    "Refused": COUNT,
    "Failed": COUNT,
    "Ids": COUNT,
    "IdsAdded": COUNT,
    "IdsRemoved": COUNT,
    "IdsWithheld": COUNT,
    "FileBytes": BYTES,
    "DurationSeconds": SECONDS,
    "PartitionAgeSeconds": SECONDS,
    "ActiveAgeSeconds": SECONDS,
}
DIMENSION, GUARD_DIMENSION = "Destination", "Guard"


@dataclass(frozen=True)
class Metric:
    """One number.

    Attributes:
        name: One of `UNITS`.
        guard: The second dimension, where it has one.
    """

    name: str
    value: float
    guard: str | None = None


def of_run(run: Run) -> list[Metric]:
    """Returns what is told of a run.

    The three outcomes are always there, two of them as 0: an alarm has data then, and a day without is a missing one.
    """
    outcomes = {"Published": run.outcome == PUBLISHED, "Refused": run.outcome == REFUSED}
    outcomes["Failed"] = not any(outcomes.values())
    metrics = [Metric(name, int(is_so)) for name, is_so in outcomes.items()]
    if run.guard is not None:
        metrics.append(Metric("Refused", 1, run.guard))
    metrics.append(Metric("DurationSeconds", round(run.seconds, 3)))
    done = run.published
    if done is None:
        return metrics + of_active(run.trusted_active, run.ended_at)
    counts = {
        "Ids": done.encoded.total_ids,
        "IdsAdded": done.metadata.ids_added,
        "IdsRemoved": done.metadata.ids_removed,
        "IdsWithheld": done.metadata.withheld_ids,
        "FileBytes": done.encoded.bytes,
    }
    metrics += [Metric(name, value) for name, value in counts.items() if value is not None]
    return [*metrics, *_partition_age(done.metadata.source_partition, run.ended_at), Metric("ActiveAgeSeconds", 0)]


def of_active(active: StoredObject | None, now: datetime) -> list[Metric]:
    """Returns how old active is, and its partition; nothing where nothing is active, or nothing that can be trusted.

    Args:
        active: None where nothing is, or where it is not what was promoted last.
        now: The clock.
    """
    if active is None:
        return []
    age = max((now - active.last_modified).total_seconds(), 0)
    return [*_partition_age(active.metadata.source_partition, now), Metric("ActiveAgeSeconds", round(age))]


def _partition_age(partition: str | None, now: datetime) -> list[Metric]:
    day = partition_day(partition)
    if day is None:
        return []
    begun = datetime.combine(day, time(), timezone.utc)
    return [Metric("PartitionAgeSeconds", max(round((now - begun).total_seconds()), 0))]


def to_metric_data(metrics: Sequence[Metric], destination: str, now: datetime) -> list[dict[str, Any]]:
    """Returns metrics as PutMetricData takes them."""
    return [
        {
            "MetricName": metric.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in _dimensions(metric, destination).items()],
            "Timestamp": now,
            "Value": metric.value,
            "Unit": UNITS[metric.name],
        }
        for metric in metrics
    ]


def to_emf(metrics: Sequence[Metric], namespace: str, destination: str, now: datetime) -> str:
    """Returns metrics as one line in CloudWatch's embedded metric format, which it takes from a log.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    directives = []
    for has_guard in (False, True):
        names = [metric.name for metric in metrics if (metric.guard is not None) == has_guard]
        if names:
            by = [DIMENSION, GUARD_DIMENSION] if has_guard else [DIMENSION]
            told = [{"Name": name, "Unit": UNITS[name]} for name in names]
            directives.append({"Namespace": namespace, "Dimensions": [by], "Metrics": told})
    values = {metric.name: metric.value for metric in metrics}
    guard = next((metric.guard for metric in metrics if metric.guard is not None), None)
    dimensions = {DIMENSION: destination} if guard is None else {DIMENSION: destination, GUARD_DIMENSION: guard}
    about = {"_aws": {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": directives}}
    return json.dumps({**about, **dimensions, **values})


def _dimensions(metric: Metric, destination: str) -> dict[str, str]:
    return {DIMENSION: destination} if metric.guard is None else {DIMENSION: destination, GUARD_DIMENSION: metric.guard}
