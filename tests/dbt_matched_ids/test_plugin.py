"""Whose dbt runs the plugin acts in: dbt creates it for every project of the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT

# What the plugin changes, before and after a command of dbt.
PROGRAM = """
import json, os, sys
from dbt.adapters.duckdb.environments import local
from dbt.adapters.spark import connections
from dbt.cli.main import dbtRunner
from dbt.context import base

def state():
    return {
        "environment": dict(os.environ),
        "modules": sorted(base.get_context_modules()),
        "patched": [str(place) for place in (
            base.get_context_modules, connections.SparkConnectionManager.open, connections.hive.Cursor.poll,
            local.DuckDBCursorWrapper, local.LocalEnvironment.handle,
        )],
    }

before = state()
ended = dbtRunner().invoke(["parse", "--quiet", *sys.argv[1:]])
assert ended.success, ended.exception
after = state()
print(json.dumps([name for name in before if before[name] != after[name]]))
print(json.dumps(sorted({*after["environment"]} - {*before["environment"]})))
"""

PROFILE = """
{name}:
  target: here
  outputs:
    here: {{type: spark, method: session, host: localhost, schema: theirs}}
"""
EVERYTHING = (["environment", "modules", "patched"], ["JAVA_HOME", "SPARK_CONF_DIR"])


def changed(folder: Path, *arguments: str) -> tuple[list[str], list[str]]:
    """Parses a project as a process of its own, and returns what it changed and which variables it set."""
    ours = ("DBT_", "MATCHED_IDS_", "SPARK_", "JAVA_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "PYTHONPATH": str(PROJECT)}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    *_, places, variables = ended.stdout.splitlines()
    return json.loads(places), json.loads(variables)


def project(folder: Path, settings: str = "") -> Path:
    """Writes somebody else's project, with a profile of its own."""
    (folder / "models").mkdir(parents=True)
    (folder / "models/one.sql").write_text("select 1 as one")
    (folder / "dbt_project.yml").write_text(f"name: theirs\nversion: '1.0.0'\nprofile: theirs\n{settings}")
    (folder / "profiles.yml").write_text(PROFILE.format(name="theirs"))
    return folder


def test_nothing_changes_for_a_project_that_has_nothing_of_ours(tmp_path: Path) -> None:
    assert changed(project(tmp_path)) == ([], [])


def test_a_project_that_has_this_one_installed_gets_all_of_it(tmp_path: Path) -> None:
    """Also where its packages are not in the usual folder."""
    theirs = project(tmp_path / "theirs", settings="packages-install-path: vendor\n")
    (theirs / "packages.yml").write_text("packages: [{local: ../package}]")
    package = theirs / "vendor/matched_ids"
    package.mkdir(parents=True)
    (package / "dbt_project.yml").write_text("name: matched_ids\nversion: '1.0.0'\nprofile: matched_ids\n")
    assert changed(theirs) == EVERYTHING


def test_a_project_that_runs_by_our_profile_gets_all_of_it(tmp_path: Path) -> None:
    chosen = project(tmp_path)
    with (chosen / "profiles.yml").open("a") as profiles:
        profiles.write(PROFILE.format(name="matched_ids"))
    assert changed(chosen, "--profile=matched_ids") == EVERYTHING
