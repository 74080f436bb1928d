"""Reads dbt's manifest: which exposures there are, what they declare, and whose models the last invocation ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from publisher.errors import SourceNotReady
from publisher.table.dbt_files import as_dbt_writes_it, list_of, load_artifact, text_of


@dataclass(frozen=True)
class Exposure:
    """An exposure, as the manifest has it.

    Attributes:
        models: The names of the models that it depends on, in its own order.
        is_published: Whether it has `config.meta.publisher`, which makes it a published file.
        said: What stands there; anything.
    """

    unique_id: str
    name: str
    package: str
    models: tuple[str, ...]
    is_published: bool
    said: object


@dataclass(frozen=True)
class Project:
    """What is declared in a dbt project.

    Attributes:
        exposures: All of them, also those that publish nothing.
        models: The names of its models.
        ran: Those of them that the last invocation ran, whatever came of it.
    """

    exposures: tuple[Exposure, ...]
    models: frozenset[str]
    ran: frozenset[str]


def read_project(target_path: Path) -> Project:
    """Reads what the manifest tells of exposures and models, and which models the last dbt invocation ran.

    Args:
        target_path: dbt's target folder. Without usable run results no model has run; `read_build` says what is wrong.

    Raises:
        SourceNotReady: The manifest is missing or damaged.
    """
    with as_dbt_writes_it(target_path):
        manifest = load_artifact(target_path / "manifest.json")
        nodes: Mapping[str, Any] = manifest["nodes"]
        models = {
            unique_id: text_of(node["name"]) for unique_id, node in nodes.items() if node["resource_type"] == "model"
        }
        exposures = [
            _exposure(unique_id, said, models) for unique_id, said in (manifest.get("exposures") or {}).items()
        ]
        ran = {models[unique_id] for unique_id in _ran(target_path) if unique_id in models}
        return Project(
            tuple(sorted(exposures, key=lambda one: one.unique_id)), frozenset(models.values()), frozenset(ran)
        )


def _exposure(unique_id: str, said: Mapping[str, Any], models: Mapping[str, str]) -> Exposure:
    meta = (said.get("config") or {}).get("meta") or said.get("meta") or {}
    upstream = list_of(said["depends_on"]["nodes"])
    return Exposure(
        unique_id=unique_id,
        name=text_of(said["name"]),
        package=text_of(said["package_name"]),
        models=tuple(models[name] for name in upstream if name in models),
        is_published="publisher" in meta,
        said=meta.get("publisher"),
    )


def _ran(target_path: Path) -> set[str]:
    try:
        return {result["unique_id"] for result in load_artifact(target_path / "run_results.json")["results"]}
    except (SourceNotReady, KeyError, TypeError):
        return set()
