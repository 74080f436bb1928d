"""Reads dbt's artifacts: which table to publish, where it is, and whether dbt stands behind it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from publisher.errors import SourceNotReady, UsageError
from publisher.lake.files import normal_location
from publisher.moments import parse_iso
from publisher.table.dbt_files import as_dbt_writes_it, list_of, load_artifact, text_of
from publisher.table.dbt_graph import built_from, of_what_a_list_is_made_from
from publisher.values import Build, TableRef

# https://docs.getdbt.com/reference/artifacts/run-results-json: everything else is a failure or was left out.
_GOOD_STATUSES = frozenset({"success", "pass", "warn", "no-op", "reused"})
_SKIPPED = "skipped"


def read_build(target_path: Path, model: str, id_column: str, exposure: str | None = None) -> Build:
    """Reads manifest.json and run_results.json of the last dbt invocation.

    Args:
        target_path: dbt's target folder.
        model: The model whose table is wanted.
        id_column: Its column of ids.
        exposure: The unique id of the exposure that declares the list, where the project declares others beside it:
            then what is known to have nothing to do with this one may have failed. None where any failure counts.

    Raises:
        SourceNotReady: An artifact is missing, damaged or of another invocation than the other.
        UsageError: The model is not in the project, or its table is of a kind that cannot be read.
    """
    with as_dbt_writes_it(target_path):
        return _read_build(target_path, model, id_column, exposure)


def _read_build(target_path: Path, model: str, id_column: str, exposure: str | None) -> Build:
    manifest = load_artifact(target_path / "manifest.json")
    run_results = load_artifact(target_path / "run_results.json")
    invocation_id = _invocation_id(run_results, target_path / "run_results.json")
    if _invocation_id(manifest, target_path / "manifest.json") != invocation_id:
        raise SourceNotReady(
            f"manifest.json and run_results.json in {target_path} come from two dbt invocations.",
            "Run `dbt build` again, and nothing else of dbt in that folder before `publisher publish`.",
        )
    nodes: Mapping[str, Any] = manifest["nodes"]
    built = {name: _find_model(nodes, name, target_path) for name in (model, f"{model}_summary")}
    list_of_suppressed = f"{model}_suppressed"  # disabled where no suppression list is configured
    if any(_is_model(node) and node["name"] == list_of_suppressed for node in nodes.values()):
        built[list_of_suppressed] = _find_model(nodes, list_of_suppressed, target_path)
    adapter = text_of(manifest["metadata"]["adapter_type"])
    statuses = {result["unique_id"]: result["status"] for result in run_results["results"]}
    counting = statuses
    if exposure is not None:
        found = manifest.get("exposures") or {}
        if exposure not in found:
            raise SourceNotReady(
                f"{target_path / 'manifest.json'} is not the one any more that was looked at for lists to publish.",
                "Let nothing of dbt run in that folder between `dbt build` and `publisher publish`.",
            )
        list_of(found[exposure]["depends_on"]["nodes"])  # without them, too little would count
        counting = of_what_a_list_is_made_from(statuses, manifest, [exposure, *built.values()])
    # Views on raw data hold what was chosen when they were built: a partition, on DuckDB its files.
    upstream = built_from(nodes, built.values())
    tests = [
        name
        for name, node in nodes.items()
        if node["resource_type"] == "test" and set(built.values()) & set(list_of(node["depends_on"]["nodes"]))
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
                for name, status in counting.items()
                if status not in _GOOD_STATUSES and status != _SKIPPED
            )
        ),
        skipped=list(counting.values()).count(_SKIPPED),
        started_at=_started_at(run_results),
        untested=tuple(sorted(_short(name) for name in [*upstream, *tests] if name not in statuses)),
    )


def _invocation_id(artifact: Mapping[str, Any], path: Path) -> str:
    invocation_id = artifact["metadata"].get("invocation_id")
    if not invocation_id or not isinstance(invocation_id, str):
        raise SourceNotReady(f"{path} does not say which dbt invocation wrote it.", "Run `dbt build` again.")
    return invocation_id


def _started_at(run_results: Mapping[str, Any]) -> datetime | None:
    return parse_iso(run_results["metadata"].get("invocation_started_at"))  # older versions of dbt say nothing


def _find_model(nodes: Mapping[str, Any], name: str, target_path: Path) -> str:
    found = [unique_id for unique_id, node in nodes.items() if _is_model(node) and node["name"] == name]
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


def _is_model(node: Mapping[str, Any]) -> bool:
    return bool(node["resource_type"] == "model")


def _table_ref(node: Mapping[str, Any], adapter: str | None, id_column: str) -> TableRef:
    config = node["config"]
    file_format, root = config.get("file_format"), config.get("location_root")
    if adapter == "glue" or (config.get("meta") or {}).get("publisher_reads") == "glue":
        # The catalog tells the format and the place, which dbt-glue's configuration does not. Inside a Glue job the
        # adapter is dbt-spark's, and the project says what it cannot tell.
        return TableRef("glue", f"{text_of(node['schema'])}.{text_of(node['alias'])}", id_column)
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
    location = normal_location(text_of(root))
    if not location.startswith(("/", "s3://")):
        raise UsageError(
            f"The table of {node['name']} is at {root}, which is neither an absolute path nor in S3.",
            "Set MATCHED_IDS_LOCATION_ROOT to such a place, or name the folder: --table parquet:/path.",
        )
    if of_duckdb:
        return TableRef("parquet", f"{location}/{text_of(node['alias'])}.parquet", id_column)
    return TableRef(file_format, f"{location}/{text_of(node['alias'])}", id_column)


def _short(unique_id: str) -> str:
    """Returns `not_null_x` for `test.project.not_null_x.0123456789`."""
    return unique_id.split(".")[-1] if unique_id.startswith("unit_test") else unique_id.split(".")[2]
