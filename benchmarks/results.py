"""What was measured, as JSON: every run, and what they say together. Parts measured at other times stay."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.contest import Contestant, Outcome

_PACKAGES = ("dbt-core", "dbt-duckdb", "dbt-spark", "duckdb", "isal", "pandas", "polars", "pyarrow", "pyspark")


@dataclass(frozen=True)
class Spread:
    """Several measurements of one thing."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Returns what measurements, at least one, say together."""
        return cls(statistics.median(values), min(values), max(values))


def section(
    contestants: Iterable[Contestant],
    outcomes: Mapping[str, Sequence[Outcome]],
    facts: Mapping[str, Any],
    machine: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns the results of one part at one size.

    Args:
        contestants: All of them, in the order in which they are shown.
        outcomes: The runs of those that ran.
        facts: What they ran on.
        machine: Where, and how busy it was with other things before.
    """
    measured_at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        **facts,
        "machine": machine,
        "contestants": {
            contestant.key: {
                "name": contestant.name,
                "checks": contestant.checks,
                "measured_at": measured_at,
                **_contestant_fields(contestant, outcomes.get(contestant.key, ())),
            }
            for contestant in contestants
        },
    }


def _contestant_fields(contestant: Contestant, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    if not outcomes:
        return {"absent": contestant.absent}
    return {
        "seconds": vars(Spread.of([outcome.run.seconds for outcome in outcomes])),
        "cpu_seconds": vars(Spread.of([outcome.run.cpu_seconds for outcome in outcomes])),
        "peak_bytes": vars(Spread.of([outcome.run.peak_bytes for outcome in outcomes])),
        "file_bytes": outcomes[-1].file_bytes,
        "runs": [
            {"round": outcome.round, **vars(outcome.run), "file_bytes": outcome.file_bytes} for outcome in outcomes
        ],
    }


def merge(path: Path, name: str, measured: Mapping[str, Any]) -> dict[str, Any]:
    """Writes a section into the results, in the place of an older one of that name, and returns all of them.

    Of an older section of the same name, those contestants stay that did not take part this time.

    Args:
        path: The JSON file; created when missing.
        name: `<part>/<size>`.
        measured: The section.
    """
    results = read(path)
    older = results.get(name, {}).get("contestants", {})
    contestants = {**older, **measured["contestants"]}
    results[name] = {**measured, "contestants": contestants}
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.partial")
    unfinished.write_text(json.dumps(_ordered(results), indent=1, ensure_ascii=False) + "\n")
    unfinished.replace(path)
    return _ordered(results)


def read(path: Path) -> dict[str, Any]:
    """Returns all results that a file has; none where there is no file."""
    return _ordered(json.loads(path.read_text())) if path.exists() else {}


def _ordered(results: Mapping[str, Any]) -> dict[str, Any]:
    def place(name: str) -> tuple[int, int]:
        part, _, size = name.partition("/")
        return ("day", "whole", "publish", "fixed").index(part), int(size)

    return {name: results[name] for name in sorted(results, key=place)}


def machine() -> dict[str, Any]:
    """Returns what the numbers depend on, and nothing that names the machine."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "cpu": _cpu(),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {package: version(package) for package in _PACKAGES},
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
