"""A dbt project that declares lists, as the publisher finds it: artifacts, tables and summary rows, written by hand.

That dbt writes such artifacts is tested with dbt itself (tests/e2e/test_package.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

PARTITION = "20251022"
SOURCE = "source.shop.raw.orders"
STAGING = "model.shop.staging"


@dataclass
class DeclaredLists:
    """Lists, all of them made from one staging model, and what became of them in the last dbt invocation.

    Attributes:
        nodes: The manifest's.
        exposures: Likewise.
        statuses: What the invocation ran, and how it ended.
        unit_tests: The manifest's.
    """

    folder: Path
    nodes: dict[str, Any] = field(default_factory=dict)
    exposures: dict[str, Any] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    unit_tests: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.node(STAGING, SOURCE, materialized="view")

    @property
    def target(self) -> Path:
        return self.folder / "target"

    def node(self, unique_id: str, *depends_on: str, status: str | None = "success", **config: Any) -> None:
        """Adds a node of any type, and how it ended; None where the invocation did not run it."""
        kind, _, name = unique_id.split(".")[:3]
        self.nodes[unique_id] = {
            "resource_type": kind,
            "name": name,
            "alias": name,
            "schema": "shop",
            "config": {"file_format": "parquet", "location_root": str(self.folder / "tables"), **config},
            "depends_on": {"nodes": list(depends_on)},
        }
        if status is not None:
            self.statuses[unique_id] = status

    def add(self, name: str, ids: Sequence[str], meta: object = None, *, id_column: str = "id") -> None:
        """Adds a list: a model, its summary, a test of it, and the exposure `<name>_file`."""
        model, summary = f"model.shop.{name}", f"model.shop.{name}_summary"
        self.node(model, STAGING)
        self.node(summary, model)
        self.node(f"test.shop.unique_{name}.1", model, status="pass")
        self._write(name, {id_column: pa.array(ids, pa.string())})
        sizes = sum(len(one.encode()) for one in ids)
        ends = (min(ids), max(ids)) if ids else (None, None)
        row = [PARTITION, len(ids), *ends, sizes, "one", datetime.now(timezone.utc)]
        names = ["source_partition", "total_ids", "min_id", "max_id", "total_id_bytes", "dbt_invocation_id", "built_at"]
        self._write(f"{name}_summary", dict(zip(names, ([value] for value in row), strict=True)))
        self.declare(f"{name}_file", {"key": name} if meta is None else meta, model, summary)

    def declare(self, name: str, publisher: object, *depends_on: str) -> None:
        self.statuses[f"exposure.shop.{name}"] = "no-op"
        self.exposures[f"exposure.shop.{name}"] = {
            "resource_type": "exposure",
            "name": name,
            "package_name": "shop",
            "config": {"enabled": True, "meta": {"publisher": publisher}},
            "depends_on": {"nodes": list(depends_on)},
        }

    def without(self, name: str) -> None:
        """Takes what the invocation ran of a list away."""
        for end in ("", "_summary"):
            del self.statuses[f"model.shop.{name}{end}"]
        del self.statuses[f"test.shop.unique_{name}.1"]

    def write(self) -> Path:
        """Writes the artifacts, and returns their folder."""
        self.target.mkdir(exist_ok=True)
        said = {"invocation_id": "one", "adapter_type": "spark"}
        manifest = {"metadata": said, "nodes": self.nodes, "exposures": self.exposures, "unit_tests": self.unit_tests}
        results = [{"unique_id": name, "status": status} for name, status in self.statuses.items()]
        (self.target / "manifest.json").write_text(json.dumps(manifest))
        (self.target / "run_results.json").write_text(
            json.dumps({"metadata": said, "args": {"which": "build"}, "results": results})
        )
        return self.target

    def _write(self, name: str, columns: Mapping[str, Any]) -> None:
        folder = self.folder / "tables" / name
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(dict(columns)), folder / "part-0.parquet")
