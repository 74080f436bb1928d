"""Where the installed dbt project is, and that it can be used from a folder of one's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from publisher.cli import project_dir
from publisher.errors import SourceNotReady
from tests import forked
from tests.conftest import PROJECT


def test_a_shell_is_told_what_dbt_has_to_know(tmp_path: Path) -> None:
    """With a folder whose name a shell would take apart, and dbt itself behind it."""
    folder = tmp_path / "it's mine"
    folder.mkdir()
    before = {path.name for path in PROJECT.iterdir()}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    shell = 'set -e; eval "$(publisher project-dir --shell)"; publisher project-dir; env -0'
    ended = subprocess.run(
        ["sh", "-c", shell], cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    place, _, variables = ended.stdout.partition("\n")
    assert place == str(PROJECT)
    environment = dict(variable.split("=", 1) for variable in variables.split("\0") if variable)
    ended = forked.dbt.run(["ls", "--target", "duckdb"], environment, folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "matched_ids.intermediate.not_null_int_matched_ids_id" in ended.stdout
    assert "unit_test:" not in ended.stdout
    assert {path.name for path in folder.iterdir()} == {"logs", "target"}
    assert {path.name for path in PROJECT.iterdir()} == before


def test_an_installed_package_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a checkout beside it does not count."""
    package = tmp_path / "dbt_matched_ids"
    for name in ("models", "macros"):
        shutil.copytree(PROJECT / name, package / "project" / name)
    shutil.copy(PROJECT / "dbt_project.yml", package / "project")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "dbt_matched_ids", raising=False)
    assert project_dir.find_project() == package / "project"
    (package / "project" / "dbt_project.yml").unlink()
    with pytest.raises(SourceNotReady, match="not beside the installed package"):
        project_dir.find_project()
