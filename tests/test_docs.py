"""What the README says is what the code does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import report, results
from publisher import guards
from publisher.cli import cli
from publisher.errors import PublisherError
from publisher.values import Metadata
from tests.conftest import PROJECT

README = (PROJECT / "README.md").read_text()


def table_after(heading: str) -> list[list[str]]:
    """Returns the rows of the first table after a line that begins like this, header left out."""
    after = README[README.index(f"\n{heading}") :]
    rows = re.search(r"\n\|.*\n\|[-|]+\n((?:\|.*\n)+)", after)
    assert rows is not None
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1].splitlines()]


def test_every_guard_is_in_the_table_and_no_other() -> None:
    assert [row[0].strip("`") for row in table_after("### Guards")] == list(guards.ALL)


def test_every_exit_code_is_in_the_table() -> None:
    told = {code for row in table_after("| exit code") for code in row[0].split(", ")}
    kinds: list[type[PublisherError]] = [PublisherError, *PublisherError.__subclasses__()]
    used = {str(kind.exit_code) for kind in kinds}
    assert told == used | {"0", "130", "143"}


def test_every_guard_and_exit_code_is_in_the_runbook() -> None:
    runbook = (PROJECT / "docs/runbook.md").read_text()
    sections = re.findall(r"^### (\w+)$", runbook, re.MULTILINE)
    assert sections == [*guards.ALL, *guards.OF_READERS]
    codes = re.findall(r"^### Exit codes? ([\d and]+)$", runbook, re.MULTILINE)
    assert " and ".join(codes).split(" and ") == [
        row for cell in table_after("| exit code") for row in cell[0].split(", ")
    ]
    for command in re.findall(r"publisher ([a-z]+)", runbook):
        assert command in cli.commands or command in ("s",), command
    for name in re.findall(r"--overrule (\w+)", runbook):
        assert name in (*guards.OVERRULABLE, "NAME"), name


def test_every_command_is_in_the_table() -> None:
    assert sorted(row[0].strip("`").split()[1] for row in table_after("## Commands")) == sorted(cli.commands)


def test_the_help_is_what_the_program_prints() -> None:
    publisher = str(Path(sys.executable).with_name("publisher"))
    environment = {**os.environ, "COLUMNS": "80"}
    ended = subprocess.run(
        [publisher, "publish", "--help"], env=environment, capture_output=True, text=True, check=True
    )
    assert f"$ publisher publish --help\n{ended.stdout}```" in README


def test_every_setting_of_the_models_is_in_the_table_with_its_default() -> None:
    defaults = dict(re.findall(r"'(\w+)': '(.*)',", (PROJECT / "macros/settings/setting_defaults.sql").read_text()))
    sources = (PROJECT / "models/staging/_staging__sources.yml").read_text()
    defaults |= dict(re.findall(r"var\('(\w+)', env_var\('\w+', '(\w+)'\)\)", sources))
    told = {row[0].strip("`"): (row[1].strip("`"), row[2].strip("`")) for row in table_after("| var ")}
    assert told == {name: (f"MATCHED_IDS_{name.upper()}", default) for name, default in defaults.items()}


def test_every_other_variable_of_ours_is_told() -> None:
    files = [PROJECT / "profiles.yml", PROJECT / "dbt_project.yml", PROJECT / "dbt_matched_ids/spark/environment.py"]
    used = {name for file in files for name in re.findall(r"MATCHED_IDS_[A-Z_]+\b", file.read_text())}
    of_spark = {name for name in used if name.startswith("MATCHED_IDS_SPARK_")}
    assert of_spark  # in profiles.yml, where the README sends the reader
    told = README + (PROJECT / "docs/glue.md").read_text()
    assert [name for name in sorted(used - of_spark) if name not in told] == []


def test_every_setting_of_glue_is_in_its_guide_with_its_default() -> None:
    profile = (PROJECT / "profiles.yml").read_text() + (PROJECT / "dbt_project.yml").read_text()
    used = dict(re.findall(r"env_var\('(MATCHED_IDS_GLUE_\w+)'(?:, '([^']*)')?\)", profile))
    guide = (PROJECT / "docs/glue.md").read_text()
    told = re.findall(r"^\| `(MATCHED_IDS_GLUE_\w+)` \| (?:`([^`]*)`|required)? ?\|", guide, re.MULTILINE)
    assert dict(told) == used


def test_every_guard_and_file_that_the_guide_to_glue_names_exists() -> None:
    guide = (PROJECT / "docs/glue.md").read_text()
    assert set(re.findall(r"[35] \(`(\w+)`\)", guide)) <= set(guards.ALL)
    for path in re.findall(r"`((?:tests|requirements)/[\w/.]+)`", guide):
        assert (PROJECT / path).exists(), path


def test_every_field_of_the_metadata_is_told() -> None:
    after = README[README.index("Object metadata:") :]
    assert re.findall(r"`([a-z0-9_]+)`", after[: after.index("- `stage/")]) == list(Metadata.__dataclass_fields__)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", ".ci/run", ".github/workflows/ci.yml"])
def test_every_make_target_that_is_named_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ |run: |^)make ([a-z-]+)", (PROJECT / document).read_text(), re.MULTILINE))
    assert named
    assert named <= targets


def test_the_benchmarks_are_what_was_measured() -> None:
    measured = results.read(PROJECT / "docs/benchmarks.json")
    for document, text in (
        ("README.md", report.summary(measured, "docs/benchmarks.svg")),
        ("docs/benchmarks.md", report.everything(measured, "benchmarks.svg")),
    ):
        assert f"{report.BEGIN}\n{text}{report.END}" in (PROJECT / document).read_text(), "python -m benchmarks report"
    assert (PROJECT / "docs/benchmarks.svg").exists()
    day = {key: round(one["seconds"]["median"]) for key, one in measured["whole/300000000"]["contestants"].items()}
    told = f"takes {day['product-duckdb']} seconds on two cores with DuckDB and {day['product-spark']} with Spark"
    assert told in README


def test_every_path_in_the_tables_exists() -> None:
    for row in table_after("## Guarantees"):
        for path in row[2].split(", "):
            assert (PROJECT / path.strip("`")).exists(), path
    layout = README[README.index("## Layout") : README.index("## Development")]
    for folder in re.findall(r"^(\w+/)", layout, re.MULTILINE):
        assert (PROJECT / folder).is_dir()
