"""What the documents say is what the code does."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from benchmarks import report, results
from docs import write_commands
from publisher import guards
from publisher.cli import cli
from publisher.errors import PublisherError
from publisher.telemetry import metrics
from publisher.values import Metadata
from tests import forked
from tests.conftest import PROJECT
from tests.documents import slugs, text_of
from tests.stores.products import PRODUCTS

DOCS = PROJECT / "docs"
README, GUARANTEES, CONTRIBUTING, SECURITY = "README.md", "docs/guarantees.md", "CONTRIBUTING.md", "SECURITY.md"
DOCUMENTS = [
    README,
    CONTRIBUTING,
    SECURITY,
    "deploy/policies/README.md",
    *(f"docs/{path.name}" for path in DOCS.glob("*.md")),
    *(f"docs/pt-BR/{path.name}" for path in DOCS.glob("pt-BR/*.md")),
]


def table_after(document: str, heading: str) -> list[list[str]]:
    """Returns the rows of the first table at or after a line that begins like this, header left out."""
    text = "\n" + text_of(document)
    after = text[text.index(f"\n{heading}") :]
    rows = re.search(r"\n\|.*\n\|[-|]+\n((?:\|.*\n)+)", after)
    assert rows is not None
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1].splitlines()]


def test_every_guard_is_in_the_table_and_no_other() -> None:
    assert [row[0].strip("`") for row in table_after("docs/guards.md", "# Guards")] == list(guards.ALL)


def test_every_exit_code_is_in_the_table() -> None:
    told = {code for row in table_after("docs/commands.md", "| exit code") for code in row[0].split(", ")}
    kinds: list[type[PublisherError]] = [PublisherError, *PublisherError.__subclasses__()]
    used = {str(kind.exit_code) for kind in kinds}
    assert told == used | {"0", "130", "141", "143"}


def test_every_guard_and_exit_code_is_in_the_runbook() -> None:
    runbook = (PROJECT / "docs/runbook.md").read_text()
    sections = re.findall(r"^### (\w+)$", runbook, re.MULTILINE)
    assert sections == [*guards.ALL, *guards.OF_READERS]
    codes = re.findall(r"^### Exit codes? ([\d and]+)$", runbook, re.MULTILINE)
    assert " and ".join(codes).split(" and ") == [
        row for cell in table_after("docs/commands.md", "| exit code") for row in cell[0].split(", ")
    ]
    for command in re.findall(r"publisher ([a-z]+)", runbook):
        assert command in cli.commands or command in ("s",), command
    for name in re.findall(r"--overrule (\w+)", runbook):
        assert name in (*guards.OVERRULABLE, "NAME"), name


def test_the_commands_are_those_of_the_program() -> None:
    assert text_of("docs/commands.md") == write_commands.markdown(), "make docs"


def test_help_names_the_variable_of_each_option() -> None:
    environment = {**os.environ, "COLUMNS": "200"}
    for name, command in cli.commands.items():
        shown = forked.publisher.run([name, "--help"], environment)
        assert shown.returncode == 0
        words = " ".join(shown.stdout.split())
        for option in command.params:
            if isinstance(option.envvar, list):
                assert f"env var: {', '.join(option.envvar)}" in words, f"{name} {option.name}"


def test_the_matrix_of_stores_is_of_the_versions_that_are_tried() -> None:
    rows = [row[:4] for row in table_after("docs/stores.md", "## Tried")]
    assert [(name, version, verdict) for name, version, _, verdict in rows] == [
        (product.name, product.package.version, product.expected.value) for product in PRODUCTS
    ]


def test_nothing_is_installed_from_the_locks_without_a_hash() -> None:
    """Neither what is installed nor what builds it: in an isolated build, pip would fetch a setuptools of its own."""
    for document in (README, "docs/glue.md", "docs/package.md"):
        commands = [line for line in re.findall(r"^\$ (.*)$", text_of(document), re.MULTILINE) if "pip install" in line]
        first, *others = commands[:3]
        assert re.fullmatch(r"pip install --no-deps --require-hashes -r \S*requirements/build\.txt", first)
        assert len(others) == 2
        assert all("--no-build-isolation" in command for command in others), document
    makefile = text_of("Makefile")
    assert makefile.index("-r requirements/build.txt") < makefile.index("-r requirements/dev.txt")
    installs = re.findall(r"(?:uv|-m) pip install (?:.*\\\n)*.*", makefile)
    assert all(
        "--no-build-isolation" in install or "--only-binary" in install or "uv.txt" in install for install in installs
    )
    for lock in (PROJECT / "requirements").glob("*.txt"):
        for requirement in re.split(r"\n(?=\S)", lock.read_text().strip()):
            assert re.match(r"[\w.\[\]-]+==\S+", requirement), f"{lock.name}: {requirement[:50]}"
            assert "--hash=sha256:" in requirement, f"{lock.name}: {requirement[:50]}"


def test_every_metric_is_in_the_table_with_its_unit() -> None:
    told = {row[0].strip("`"): row[1] for row in table_after("docs/watching.md", "| metric | unit")}
    assert told == metrics.UNITS
    in_alarms = {row[1].partition(",")[0].strip("`") for row in table_after("docs/watching.md", "| alarm ")}
    assert in_alarms <= set(told)


def test_every_setting_of_the_models_is_in_the_table_with_its_default() -> None:
    defaults = dict(re.findall(r"'(\w+)': '(.*)',", (PROJECT / "macros/settings/setting_defaults.sql").read_text()))
    sources = (PROJECT / "models/staging/_staging__sources.yml").read_text()
    defaults |= dict(re.findall(r"var\('(\w+)', env_var\('\w+', '(\w+)'\)\)", sources))
    told = {
        row[0].strip("`"): (row[1].strip("`"), row[2].strip("`"))
        for row in table_after("docs/configuration.md", "| var ")
    }
    assert told == {name: (f"MATCHED_IDS_{name.upper()}", default) for name, default in defaults.items()}


def test_every_other_variable_of_ours_is_told() -> None:
    files = [PROJECT / "profiles.yml", PROJECT / "dbt_project.yml", PROJECT / "dbt_matched_ids/spark/environment.py"]
    used = {name for file in files for name in re.findall(r"MATCHED_IDS_[A-Z_]+\b", file.read_text())}
    of_spark = {name for name in used if name.startswith("MATCHED_IDS_SPARK_")}
    assert of_spark  # in profiles.yml, where the document sends the reader
    told = text_of("docs/configuration.md") + text_of("docs/glue.md")
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
    text = text_of(GUARANTEES)
    after = text[text.index("Object metadata:") :]
    assert re.findall(r"`([a-z0-9_]+)`", after[: after.index("- `stage/")]) == list(Metadata.__dataclass_fields__)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", ".ci/run", ".github/workflows/ci.yml"])
def test_every_make_target_that_is_named_exists(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|\$ |run: |^)make ([a-z-]+)", (PROJECT / document).read_text(), re.MULTILINE))
    assert named
    assert named <= targets


def test_the_benchmarks_are_what_was_measured() -> None:
    measured = results.read(PROJECT / "docs/benchmarks.json")
    written = f"{report.BEGIN}\n{report.everything(measured, 'benchmarks.svg')}{report.END}"
    assert written in text_of("docs/benchmarks.md"), "python -m benchmarks report"
    assert (PROJECT / "docs/benchmarks.svg").exists()
    glance = f"{report.BEGIN}\n{report.at_a_glance(measured)}{report.END}"
    assert glance in text_of(README), "python -m benchmarks report"


def test_every_path_that_is_named_exists() -> None:
    for document, heading in ((GUARANTEES, "# Guarantees"), (SECURITY, "## Threats")):
        for row in table_after(document, heading):
            for path in row[2].split(", "):
                assert path == "`make check`" or (PROJECT / path.strip("`")).exists(), path
    where_to_look = [cell for row in table_after(CONTRIBUTING, "## Where to look") for cell in row[1].split(", ")]
    assert len(where_to_look) > 10
    walk = text_of(CONTRIBUTING)
    walk = walk[walk.index("## Follow one id") : walk.index("## What dbt may say")]
    named = re.findall(r"`((?:publisher|macros|dbt_matched_ids|models|docs)/[\w/.]*)`", walk)
    assert len(named) > 10
    for path in [*where_to_look, *named]:
        assert (PROJECT / path.strip("`")).exists(), path


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(document)):
        path, _, anchor = link.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        target = ((PROJECT / document).parent / path).resolve() if path else PROJECT / document
        assert target.exists(), link
        if anchor:
            assert anchor in slugs(target.read_text()), link


def test_the_readme_is_read_at_once() -> None:
    assert text_of(README).count("\n") <= 150


@pytest.mark.parametrize("package", sorted((PROJECT / "publisher").glob("**/__init__.py")))
def test_every_package_says_what_lives_there(package: Path) -> None:
    told = package.read_text().partition('"""')[2].partition('"""')[0]
    assert len(told.split()) > 30, "what lives there, what may not, what it may import"
