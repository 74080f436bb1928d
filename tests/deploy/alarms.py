"""What CloudWatch's alarms and EventBridge's rules make of what they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_BREACHES = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}
_STATISTICS = {"Sum": sum, "Maximum": max}


def is_raised(alarm: Mapping[str, Any], told: Mapping[int, float], now_seconds: int) -> bool | None:
    """Tells whether an alarm is raised, by values and the seconds at which they were sent.

    Returns:
        None where it stays as it was.
    """
    if "Metrics" in alarm:
        (metric,) = [one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one]
        (expression,) = [one["Expression"] for one in alarm["Metrics"] if "Expression" in one]
        period, statistic = metric["Period"], metric["Stat"]
        name, _, divisor = expression.partition(" / ")
        assert name == alarm["Metrics"][0]["Id"]
        scale = float(divisor)
    else:
        period, statistic, scale = alarm["Period"], alarm["Statistic"], 1.0
    evaluated = int(alarm["EvaluationPeriods"])
    assert int(alarm.get("DatapointsToAlarm", evaluated)) == evaluated
    assert period * evaluated <= (7 * 86400 if period >= 3600 else 86400)  # CloudWatch takes no more
    states = [
        _state(
            alarm, _STATISTICS[statistic], scale, [value for at, value in told.items() if begin <= at < begin + period]
        )
        for begin in range(now_seconds - period * evaluated, now_seconds, period)
    ]
    known = [state for state in states if state is not None]
    return all(known) if known else None


def _state(alarm: Mapping[str, Any], statistic: Any, scale: float, values: Sequence[float]) -> bool | None:
    if not values:
        return {"breaching": True, "notBreaching": False, "ignore": None}[alarm["TreatMissingData"]]
    return bool(_BREACHES[alarm["ComparisonOperator"]](statistic(values) / scale, float(alarm["Threshold"])))


def dimensions(alarm: Mapping[str, Any]) -> dict[str, str]:
    """Returns the dimensions of an alarm's metric, by name."""
    return {one["Name"]: one["Value"] for one in metric(alarm)["Dimensions"]}


def metric(alarm: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns namespace, name and dimensions of what an alarm looks at."""
    of_expression = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
    return of_expression[0] if of_expression else alarm


def matches(pattern: Any, event: Any) -> bool:
    """Tells whether an event is of a rule's pattern: lists of exact values, at any depth."""
    if isinstance(pattern, dict):
        return isinstance(event, dict) and all(
            key in event and matches(one, event[key]) for key, one in pattern.items()
        )
    return event in pattern
