"""Reads dbt's artifacts: which table to publish, where it is, and whether dbt stands behind it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from publisher.errors import SourceNotReady, UsageError
from publisher.lake.files import normal_location
from publisher.moments import parse_iso
from publisher.values import Build, TableRef

# https://docs.getdbt.com/reference/artifacts/run-results-json: everything else is a failure or was left out.
_GOOD_STATUSES = frozenset({"success", "pass", "warn", "no-op", "reused"})
_SKIPPED = "skipped"


def read_build(target_path: Path, model: str, id_column: str) -> Build:
    """Reads manifest.json and run_results.json of the last dbt invocation.

    Args:
        target_path: dbt's target folder.
        model: The model whose table is wanted.
        id_column: Its column of ids.

    Raises:
        SourceNotReady: An artifact is missing, damaged or of another invocation than the other.
        UsageError: The model is not in the project, or its table is of a kind that cannot be read.
    """
    try:
        return _read_build(target_path, model, id_column)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        # Whatever of dbt's JSON is not as dbt writes it. Only the kind: a key or a value may be anything.
        raise SourceNotReady(
            f"dbt's artifacts in {target_path} are damaged, or of an unknown version ({type(error).__name__}).",
            "Run `dbt build` again, and let nothing else write there.",
        ) from error


def _read_build(target_path: Path, model: str, id_column: str) -> Build:
    manifest = _load(target_path / "manifest.json")
    run_results = _load(target_path / "run_results.json")
    invocation_id = _invocation_id(run_results, target_path / "run_results.json")
    if _invocation_id(manifest, target_path / "manifest.json") != invocation_id:
        raise SourceNotReady(
            f"manifest.json and run_results.json in {target_path} come from two dbt invocations.",
            "Run `dbt build` again, and nothing else of dbt in that folder before `publisher publish`.",
        )
    nodes: Mapping[str, Any] = manifest["nodes"]
    built = {name: _find_model(nodes, name, target_path) for name in (model, f"{model}_summary")}
    list_of_suppressed = f"{model}_suppressed"  # disabled where no suppression list is configured
    if any(node["resource_type"] == "model" and node["name"] == list_of_suppressed for node in nodes.values()):
        built[list_of_suppressed] = _find_model(nodes, list_of_suppressed, target_path)
    adapter = _text(manifest["metadata"]["adapter_type"])
    statuses = {result["unique_id"]: result["status"] for result in run_results["results"]}
    # Views on raw data hold what was chosen when they were built: a partition, on DuckDB its files.
    upstream = _upstream_models(nodes, built.values())
    tests = [
        name
        for name, node in nodes.items()
        if node["resource_type"] == "test" and set(built.values()) & set(_list(node["depends_on"]["nodes"]))
    ]
    return Build(
        invocation_id=invocation_id,
        command=str(run_results.get("args", {}).get("which", "")),
        table=_table_ref(nodes[built[model]], adapter, id_column),
        summary=_table_ref(nodes[built[f"{model}_summary"]], adapter, id_column),
        suppressed=(
            _table_ref(nodes[built[list_of_suppressed]], adapter, "id") if list_of_suppressed in built else None
        ),
        failures=tuple(
            sorted(
                f"{_short(name)} ({status})"
                for name, status in statuses.items()
                if status not in _GOOD_STATUSES and status != _SKIPPED
            )
        ),
        skipped=list(statuses.values()).count(_SKIPPED),
        started_at=_started_at(run_results),
        untested=tuple(sorted(_short(name) for name in [*upstream, *tests] if name not in statuses)),
    )


def _load(path: Path) -> dict[str, Any]:
    hint = "Run `dbt build` first, or point --target-path at the folder it wrote to."
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise SourceNotReady(f"dbt's artifact {path} does not exist.", hint) from None
    except OSError as error:
        raise SourceNotReady(f"dbt's artifact {path} cannot be read: {error.strerror}.", hint) from error
    except (ValueError, RecursionError):
        raise SourceNotReady(f"dbt's artifact {path} is not whole JSON; is dbt still writing it?", hint) from None
    wanted = {"manifest.json": ("metadata", "nodes"), "run_results.json": ("metadata", "results")}[path.name]
    if not isinstance(content, dict) or not all(key in content for key in wanted):
        raise SourceNotReady(f"{path} is not an artifact of dbt: it lacks {' or '.join(wanted)}.", hint)
    return content


def _invocation_id(artifact: Mapping[str, Any], path: Path) -> str:
    invocation_id = artifact["metadata"].get("invocation_id")
    if not invocation_id or not isinstance(invocation_id, str):
        raise SourceNotReady(f"{path} does not say which dbt invocation wrote it.", "Run `dbt build` again.")
    return invocation_id


def _started_at(run_results: Mapping[str, Any]) -> datetime | None:
    return parse_iso(run_results["metadata"].get("invocation_started_at"))  # older versions of dbt say nothing


def _find_model(nodes: Mapping[str, Any], name: str, target_path: Path) -> str:
    found = [
        unique_id for unique_id, node in nodes.items() if node["resource_type"] == "model" and node["name"] == name
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"The dbt project behind {target_path} has {len(found)} models {name}: {', '.join(sorted(found))}.",
            "Rename the one that is not to be published, or disable it.",
        )
    raise UsageError(
        f"The dbt project behind {target_path} has no model {name}.",
        "Name another with --model; its summary must be called <model>_summary.",
    )


def _upstream_models(nodes: Mapping[str, Any], models: Iterable[str]) -> set[str]:
    """Returns models with those that they are built from, as far as they are built; an ephemeral one is none."""
    found: set[str] = set()
    waiting = list(models)
    while waiting:
        name = waiting.pop()
        node = nodes.get(name, {"resource_type": "source"})
        if name in found or node["resource_type"] != "model":
            continue
        if node["config"].get("materialized") != "ephemeral":
            found.add(name)
        waiting += _list(node.get("depends_on", {}).get("nodes", []))
    return found


def _table_ref(node: Mapping[str, Any], adapter: str | None, id_column: str) -> TableRef:
    config = node["config"]
    file_format, root = config.get("file_format"), config.get("location_root")
    if adapter == "glue" or (config.get("meta") or {}).get("publisher_reads") == "glue":
        # The catalog tells the format and the place, which dbt-glue's configuration does not. Inside a Glue job the
        # adapter is dbt-spark's, and the project says what it cannot tell.
        return TableRef("glue", f"{_text(node['schema'])}.{_text(node['alias'])}", id_column)
    # On DuckDB the project's own materialization writes the file; dbt-duckdb's write into the database, or elsewhere.
    of_duckdb = adapter == "duckdb" and config.get("materialized") == "parquet_file"
    if not of_duckdb and (adapter != "spark" or file_format not in ("parquet", "iceberg")):
        kind = config.get("materialized") if adapter == "duckdb" else file_format
        raise UsageError(
            f"The table of {node['name']} is {kind or 'a table'} made by the dbt adapter {adapter}; "
            "the publisher reads Parquet and Iceberg made by dbt-spark or dbt-glue, and parquet_file by dbt-duckdb.",
            "Build with the target local, spark, glue_job, glue or duckdb, or name the table by hand with --table.",
        )
    if not root:
        raise UsageError(
            f"The manifest does not say where the table of {node['name']} is: it has no location_root.",
            "Set MATCHED_IDS_LOCATION_ROOT for `dbt build`, or name the folder: --table parquet:/path.",
        )
    location = normal_location(_text(root))
    if not location.startswith(("/", "s3://")):
        raise UsageError(
            f"The table of {node['name']} is at {root}, which is neither an absolute path nor in S3.",
            "Set MATCHED_IDS_LOCATION_ROOT to such a place, or name the folder: --table parquet:/path.",
        )
    if of_duckdb:
        return TableRef("parquet", f"{location}/{_text(node['alias'])}.parquet", id_column)
    return TableRef(file_format, f"{location}/{_text(node['alias'])}", id_column)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a list is expected")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a text is expected")
    return value


def _short(unique_id: str) -> str:
    """Returns `not_null_x` for `test.project.not_null_x.0123456789`."""
    return unique_id.split(".")[-1] if unique_id.startswith("unit_test") else unique_id.split(".")[2]
