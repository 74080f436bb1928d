"""The examples in docs/watching.md are what really is sent and logged."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.publisher.publishing import HUNDRED
from tests.publisher.telemetry.conftest import Publisher
from tests.publisher.telemetry.receiver import Receiver

DOCUMENT = (PROJECT / "docs/watching.md").read_text()
# What differs from run to run.
_VARIES = {
    r"\d{4}-\d\d-\d\dT[\d:.]+Z": "<moment>",
    r"\d{4}-\d\d-\d\d \d\d:\d\d UTC": "<minute>",
    r"\b[0-9a-f]{12}\b": "<run>",
    r"s3://bucket(?:-\d+)?/": "s3://<bucket>/",
}


def example(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)\n```", DOCUMENT, re.DOTALL)
    return steady(found)


def steady(text: str) -> str:
    for pattern, word in _VARIES.items():
        text = re.sub(pattern, word, text)
    return text


def test_the_examples_are_real(publisher: Publisher, hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLISHER_CI_RUN", "https://ci.example/runs/17")
    assert publisher.publish(HUNDRED).code == 0
    ended = publisher.publish(HUNDRED[:10], "--log-format", "json")
    (told,) = hook.bodies
    assert steady(told["text"]) == example("text")
    line: dict[str, Any] = json.loads(ended.err.splitlines()[-1])
    assert {**line, "time": "<moment>", "run_id": "<run>"} == json.loads(example("json"))
    names = re.search(r"and for programs (.*?)What is not known", DOCUMENT, re.DOTALL)
    assert names is not None
    told_names = [name for name in re.findall(r"`(\w+)`", names[1]) if name in told]
    assert ["text", *told_names] == list(told)
