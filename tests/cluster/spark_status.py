"""What a cluster's driver did and does, by Spark's own status API."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
_LONGEST_WAIT_SECONDS = 120
_PROBE_SECONDS = 0.05


@dataclass(frozen=True)
class Operator:
    """A part of a query's plan, with what it counted."""

    name: str
    counted: dict[str, str]


@dataclass(frozen=True)
class SparkStatus:
    """Asks a driver that still runs: https://spark.apache.org/docs/3.5.6/monitoring.html#rest-api."""

    ui_url: str

    def executors(self) -> list[Json]:
        """The executors that are alive."""
        return [each for each in self._get("executors") if each["id"] != "driver" and each["isActive"]]

    def executors_that_worked(self, model: str) -> set[str]:
        """The executors, dead or alive, that ended tasks of a model's statements."""
        stages = [stage for stage in self._get("stages?details=true") if is_of(model, stage)]
        return {
            executor for stage in stages for executor, did in stage["executorSummary"].items() if did["succeededTasks"]
        }

    def failed_tasks(self) -> int:
        """How many tasks failed so far, of whatever statement."""
        return sum(stage["numFailedTasks"] for stage in self._get("stages"))

    def cost(self, model: str) -> Json:
        """What a model's statements took so far: MB read and shuffled, tasks by executor, and seconds of processors."""
        stages = [stage for stage in self._get("stages?details=true") if is_of(model, stage)]
        tasks: dict[str, int] = {}
        for stage in stages:
            for executor, did in stage["executorSummary"].items():
                tasks[executor] = tasks.get(executor, 0) + did["succeededTasks"]
        return {
            "tasks": tasks,
            "read_mb": round(sum(stage["inputBytes"] for stage in stages) / 1e6, 1),
            "shuffled_mb": round(sum(stage["shuffleWriteBytes"] for stage in stages) / 1e6, 1),
            "spilled_mb": round(sum(stage["diskBytesSpilled"] for stage in stages) / 1e6, 1),
            "processor_seconds": round(sum(stage["executorCpuTime"] for stage in stages) / 1e9, 1),
        }

    def operators(self, model: str) -> list[Operator]:
        """The operators of the newest query by which a model was written."""
        queries = self._get("sql?details=true&planDescription=false&length=100000")
        written = [query for query in queries if is_of(model, query) and _reads_and_writes(query)]
        newest = max(written, key=lambda query: int(query["id"]))
        return [
            Operator(node["nodeName"], {metric["name"]: metric["value"] for metric in node["metrics"]})
            for node in newest["nodes"]
        ]

    def is_at_work(self, model: str) -> bool:
        return any(is_of(model, stage) for stage in self._get("stages?status=active"))

    def wait_until_amid(self, model: str, tasks: int) -> None:
        """Waits until a model's stage of at least so many tasks has done some of them, and has others before it."""

        def is_amid() -> bool:
            return any(
                is_of(model, stage) and stage["numTasks"] >= tasks and 0 < stage["numCompleteTasks"] < tasks // 2
                for stage in self._get("stages?status=active")
            )

        wait_for(is_amid, f"{model} to be amid its work")

    def wait_for_executors(self, number: int) -> None:
        wait_for(lambda: len(self.executors()) == number, f"{number} executors")

    def _get(self, path: str) -> Any:
        (application,) = self._ask("applications")
        return self._ask(f"applications/{application['id']}/{path}")

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.ui_url}/api/v1/{path}", timeout=20) as answer:  # noqa: S310
            return json.load(answer)


def _reads_and_writes(query: Json) -> bool:
    return "create" in query["description"] and any("Scan" in node["nodeName"] for node in query["nodes"])


def is_of(model: str, described: Json) -> bool:
    """Whether it is a model's own, by the comment that dbt begins its statements with."""
    return re.search(rf'"node_id": "model\.matched_ids\.{model}"', described.get("description") or "") is not None


def wait_for(is_so: Callable[[], bool], what: str) -> None:
    """Waits until something is so; only a test that fails anyway waits long."""
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(_PROBE_SECONDS)
