"""dbt's documentation, as analysts open it: one file, in which all is described, with what is published."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from demo.seaweedfs import Endpoint
from docs import write_dbt_docs
from tests import browser, forked
from tests.conftest import new_bucket


@dataclass(frozen=True)
class Docs:
    """What was written."""

    page: Path
    nodes: list[dict[str, Any]]


@pytest.fixture(scope="module")
def docs(seaweed: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Docs:
    folder = tmp_path_factory.mktemp("docs")
    bucket = new_bucket(seaweed)
    environment = {**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"}
    assert forked.publisher.run(["hold", "--reason", "<b>{{ 1 / 0 }}"], environment).returncode == 0
    said = write_dbt_docs.last_run_text(write_dbt_docs.status(environment))
    environment |= {write_dbt_docs.VARIABLE: said, "DBT_LOG_PATH": str(folder)}
    for arguments in write_dbt_docs.commands(folder):
        ended = forked.dbt.run(arguments, environment)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    manifest = json.loads((folder / "manifest.json").read_text())
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values(), *manifest["exposures"].values()]
    ours = [node for node in nodes if node["package_name"] == "matched_ids" and node["resource_type"] != "operation"]
    return Docs(folder / write_dbt_docs.PAGE, ours)


def test_every_model_column_and_test_is_described(docs: Docs) -> None:
    kinds = {node["resource_type"] for node in docs.nodes}
    assert {"model", "source", "test", "exposure"} <= kinds
    columns = {
        f"{node['name']}.{name}": column for node in docs.nodes for name, column in node.get("columns", {}).items()
    }
    assert len(columns) > 15
    described = {**{node["name"]: node for node in docs.nodes}, **columns}
    assert [name for name, one in described.items() if not one["description"].strip()] == []


def test_what_is_public_has_a_contract_and_is_all_that_the_file_depends_on(docs: Docs) -> None:
    """As dbt's project evaluator asks, which no package registry brings (CONTRIBUTING.md)."""
    models = {node["unique_id"]: node for node in docs.nodes if node["resource_type"] == "model"}
    assert {model["group"] for model in models.values()} == {"publishing"}
    public = {name for name, model in models.items() if model["access"] == "public"}
    assert {models[name]["name"] for name in public} == {"int_matched_ids", "int_matched_ids_summary"}
    assert {models[name]["access"] for name in models.keys() - public} == {"protected"}
    for name in public:
        assert models[name]["contract"]["enforced"], name
    exposures = [node for node in docs.nodes if node["resource_type"] == "exposure"]
    assert {name for exposure in exposures for name in exposure["depends_on"]["nodes"]} == public


@pytest.fixture(scope="module")
def page(docs: Docs) -> Iterator[Page]:
    with browser.running() as chromium:
        page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        # What dbt's page would fetch from elsewhere is not there for who opens it without a network, either.
        page.route("http*://**/*", lambda route: route.abort())
        page.goto(docs.page.as_uri())
        yield page


_NODE = ".app-content .app-scroll:has(h1)"


def look_at(page: Page, kind: str, name: str, title: str) -> str:
    """Opens the part about a node, and returns its text."""
    page.evaluate(f"location.hash = '#!/{kind}/{kind}.matched_ids.{name}'")
    page.wait_for_selector(f"h1:has-text('{title}')")
    return page.inner_text(_NODE)


def test_the_intermediate_model_and_its_lineage_are_found(page: Page) -> None:
    text = look_at(page, "model", "int_matched_ids", "int_matched_ids")
    assert "One row per id of table B's newest partition" in text
    after = text[text.index("Referenced By") :]
    depends_on = after[after.index("Depends On") :]
    assert {"stg_cpfs", "stg_records"} <= set(depends_on.split())
    page.click(f"{_NODE} >> a:has-text('Exposures')")
    page.wait_for_selector(f"{_NODE} >> a:has-text('published_ids_file')")


def test_the_exposure_tells_what_is_published(page: Page) -> None:
    text = look_at(page, "exposure", "published_ids_file", "active/latest.txt.gz")
    assert "Nothing was active when this was written. The last run, hold at " in text
    assert "Publishing is held." in text
    assert {"int_matched_ids", "int_matched_ids_summary"} <= set(text[text.index("Depends On") :].split())


ACTIVE = {
    "status": "active", "total_ids": 97924, "ids_added": 12, "ids_removed": 3, "bytes": 454716,
    "source_partition": "ano=2025/mes=10/dia=22", "last_modified": "2025-10-23T04:00:00+00:00", "hold": None,
    "last_run": {"command": "publish", "recorded_at": "2025-10-24T04:00:00Z", "outcome": "refused", "guard": "no_ids"},
}  # fmt: skip


def test_the_figures_are_those_of_status() -> None:
    assert write_dbt_docs.last_run_text(ACTIVE) == (
        "Active when this was written: **97,924 ids** of partition `ano=2025/mes=10/dia=22` (12 added, 3 removed), "
        "promoted at `2025-10-23T04:00:00+00:00`, 454,716 bytes. The last run, `publish` at `2025-10-24T04:00:00Z`, "
        "was `refused` by `no_ids`."
    )


@pytest.mark.parametrize("name", ["source_partition", "last_modified"])
def test_what_another_program_wrote_is_neither_jinja_nor_markup(name: str) -> None:
    text = write_dbt_docs.last_run_text({**ACTIVE, name: "{{ 1 / 0 }}{% raw %}<img src=x>`[a](b)"})
    assert not set("{}<>[]%") & set(text.replace("(12 added, 3 removed)", ""))
