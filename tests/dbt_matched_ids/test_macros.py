"""Every macro can be called from a model of another project, which has this one installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import jinja2
from dbt_common.clients.jinja import get_environment

from tests.conftest import PROJECT

FILES = [*(PROJECT / "macros").rglob("*.sql"), *(PROJECT / "tests/dbt/generic").glob("*.sql")]
MACROS = {name for file in FILES for name in re.findall(r"\{%-? macro (\w+)\(", file.read_text())}


def calls(source: str) -> Iterator[jinja2.nodes.Call]:
    yield from get_environment().parse(source).find_all(jinja2.nodes.Call)


def unqualified(source: str) -> list[str]:
    """The calls by bare names, which dbt looks up in the project of the model, and dispatches without a namespace."""
    found = []
    for call in calls(source):
        if isinstance(call.node, jinja2.nodes.Name) and call.node.name in MACROS:
            found.append(call.node.name)
        is_dispatch = isinstance(call.node, jinja2.nodes.Getattr) and call.node.attr == "dispatch"
        if is_dispatch and [argument.as_const() for argument in call.args][1:] != ["matched_ids"]:
            found.append("dispatch")
    return found


def test_macros_call_each_other_by_the_name_of_the_package() -> None:
    assert unqualified("{{ setting('x') ~ adapter.dispatch('x')() ~ dbt.type_string() }}") == ["setting", "dispatch"]
    files: list[Path] = [*FILES, PROJECT / "dbt_project.yml"]
    assert {file.name: names for file in files if (names := unqualified(file.read_text()))} == {}


def test_macros_that_are_called_are_there() -> None:
    missing = {
        (file.name, call.node.attr)
        for file in [*FILES, PROJECT / "dbt_project.yml"]
        for call in calls(file.read_text())
        if isinstance(call.node, jinja2.nodes.Getattr)
        and isinstance(call.node.node, jinja2.nodes.Name)
        and call.node.node.name == "matched_ids"
        and call.node.attr not in MACROS
    }
    assert missing == set()


def test_models_name_the_package_of_what_they_read() -> None:
    """Another project may have a model of that name, which dbt would take."""
    files = [*(PROJECT / "models").rglob("*.sql"), *(PROJECT / "tests/dbt").glob("*.sql")]
    files += (PROJECT / "analyses").glob("*.sql")
    refs = [
        (file.name, [argument.as_const() for argument in call.args])
        for file in files
        for call in calls(file.read_text())
        if isinstance(call.node, jinja2.nodes.Name) and call.node.name == "ref"
    ]
    assert refs
    assert [ref for ref in refs if ref[1][0] != "matched_ids"] == []
