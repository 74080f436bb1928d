"""The targets that are not the default, as far as they go without a server: tests/cluster and tests/glue have those."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import forked
from tests.conftest import PROJECT
from tests.e2e.conftest import Lake


def dbt(lake: Lake, target: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return forked.dbt.run(
        [*arguments, "--target", target], {**os.environ, **lake.environment(), **environment}, PROJECT
    )


@pytest.mark.parametrize("ssl", ["true", "False", "0"])
def test_a_cluster_needs_no_location(ssl: str, lake: Lake) -> None:
    parsed = dbt(lake, "spark", "parse", MATCHED_IDS_SPARK_HOST="127.0.0.1", MATCHED_IDS_SPARK_SSL=ssl)
    assert parsed.returncode == 0, parsed.stdout
    manifest = json.loads((lake.target_path / "manifest.json").read_text())
    assert manifest["nodes"]["model.matched_ids.int_matched_ids"]["config"].get("location_root") is None


def test_the_glue_target_parses_without_a_call_to_aws(lake: Lake) -> None:
    settings = {
        "MATCHED_IDS_GLUE_ROLE_ARN": "arn:aws:iam::123456789012:role/x",
        "MATCHED_IDS_GLUE_LOCATION": "s3://b/x",
    }
    parsed = dbt(lake, "glue", "parse", "--warn-error", AWS_ENDPOINT_URL="http://127.0.0.1:9", **settings)
    assert parsed.returncode == 0, parsed.stdout
    manifest = json.loads((lake.target_path / "manifest.json").read_text())
    assert manifest["metadata"]["adapter_type"] == "glue"
    assert manifest["nodes"]["model.matched_ids.int_matched_ids"]["config"]["file_format"] == "iceberg"


@pytest.mark.parametrize(
    ("target", "variable"), [("glue", "MATCHED_IDS_GLUE_ROLE_ARN"), ("spark", "MATCHED_IDS_SPARK_HOST")]
)
def test_a_missing_address_is_named(target: str, variable: str, lake: Lake) -> None:
    parsed = dbt(lake, target, "parse")
    assert parsed.returncode != 0
    assert variable in parsed.stdout


def test_a_relative_profiles_folder_asks_for_the_local_folder(lake: Lake) -> None:
    environment = {**os.environ, **lake.environment(), "DBT_PROFILES_DIR": "."}
    environment.pop("MATCHED_IDS_LOCAL_DIR", None)
    ended = forked.dbt.run(["parse"], environment, PROJECT)
    assert ended.returncode != 0
    assert "MATCHED_IDS_LOCAL_DIR" in ended.stdout


@pytest.mark.parametrize("target", ["local", "duckdb"])
def test_without_a_local_folder_the_tables_are_beside_the_profile(target: str, lake: Lake, tmp_path: Path) -> None:
    shutil.copy(PROJECT / "profiles.yml", tmp_path)
    environment = {**os.environ, **lake.environment(), "DBT_PROFILES_DIR": str(tmp_path)}
    del environment["MATCHED_IDS_LOCAL_DIR"]
    parsed = forked.dbt.run(["parse", "--target", target], environment, PROJECT)
    assert parsed.returncode == 0, parsed.stdout
    manifest = json.loads((lake.target_path / "manifest.json").read_text())
    location = manifest["nodes"]["model.matched_ids.int_matched_ids"]["config"]["location_root"]
    assert location == f"{tmp_path}/.matched-ids/tables/{lake.schema}"


def test_the_project_parses_without_a_warning(lake: Lake) -> None:
    parsed = dbt(lake, "local", "parse", "--warn-error")
    assert parsed.returncode == 0, parsed.stdout


def test_everything_in_the_project_is_described(lake: Lake) -> None:
    dbt(lake, "local", "parse")
    manifest = json.loads((lake.target_path / "manifest.json").read_text())
    ours = [node for kind in ("nodes", "sources", "macros", "exposures") for node in manifest[kind].values()]
    bare = []
    for node in ours:
        if node["package_name"] != "matched_ids" or node["resource_type"] in ("test", "sql_operation", "operation"):
            continue
        if node["resource_type"] == "macro" and ("__" in node["name"] or node["name"].startswith("test_")):
            continue  # an adapter's own version, or a data test
        parts = {node["name"]: node["description"]}
        parts |= {name: column["description"] for name, column in node.get("columns", {}).items()}
        parts |= {argument["name"]: argument["description"] for argument in node.get("arguments", [])}
        bare += [f"{node['name']}.{name}" for name, text in parts.items() if not text]
    assert bare == []
    for name in ("stg_cpfs", "stg_records", "int_matched_ids", "int_matched_ids_summary"):
        assert manifest["nodes"][f"model.matched_ids.{name}"]["description"].startswith("One row")
