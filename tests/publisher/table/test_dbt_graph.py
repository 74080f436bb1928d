"""Of one of several lists: what dbt failed to do refuses it, unless that is known to be about other things."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from publisher.errors import PublisherError, SourceNotReady
from publisher.publications import publications_of
from publisher.table.dbt_artifacts import read_build
from publisher.table.dbt_exposures import read_project
from tests.publisher.declared_lists import SOURCE, STAGING, DeclaredLists
from tests.publisher.table.test_dbt_artifacts import GONE, damaged_everywhere

BUYERS = "exposure.shop.buyers_file"
COUNTS = {
    "a test of what both are made from": ("test.shop.t.1", [STAGING], "fail"),
    "a test of a source": ("test.shop.t.1", [SOURCE], "fail"),
    "a test that could not be run": ("test.shop.t.1", [SOURCE], "error"),
    "a test of it beside another": ("test.shop.t.1", ["model.shop.sellers", "model.shop.buyers"], "fail"),
    "a test that dbt skipped": ("test.shop.t.1", ["model.shop.buyers"], "skipped"),
    "a test that names nothing": ("test.shop.t.1", [], "fail"),
    "a hook": ("operation.shop.on_run_end.1", [], "error"),
    "what is in no graph": ("function.shop.f", None, "error"),
    "its exposure": ("exposure.shop.buyers_file", None, "skipped"),
    "its summary": ("model.shop.buyers_summary", ["model.shop.buyers"], "error"),
    "what its exposure alone depends on": ("model.shop.shown", [], "error"),
    "a seed it is made from": ("seed.shop.days", [], "error"),
}
DOES_NOT = {
    "another's exposure": ("exposure.shop.sellers_file", None, "skipped"),
    "another list": ("model.shop.sellers", [STAGING], "error"),
    "a test of another list": ("test.shop.t.1", ["model.shop.sellers"], "fail"),
    "another list that was skipped": ("model.shop.sellers", [STAGING], "skipped"),
    "what is made from it": ("model.shop.report", ["model.shop.buyers"], "error"),
    "a test of what is made from it": ("test.shop.t.1", ["model.shop.report"], "fail"),
    "a snapshot of another's": ("snapshot.shop.s", ["model.shop.sellers"], "error"),
}


@pytest.fixture
def lists(tmp_path: Path) -> DeclaredLists:
    lists = DeclaredLists(tmp_path)
    lists.add("buyers", ["b1"])
    lists.add("sellers", ["s1"])
    lists.exposures[BUYERS]["depends_on"]["nodes"].append("model.shop.shown")
    lists.node("seed.shop.days")
    lists.nodes[STAGING]["depends_on"]["nodes"].append("seed.shop.days")
    return lists


def is_refused(lists: DeclaredLists) -> bool:
    build = read_build(lists.write(), "buyers", "id", BUYERS)
    assert build.untested == ()
    return bool(build.failures or build.skipped)


@pytest.mark.parametrize("case", [*COUNTS, *DOES_NOT])
def test_what_counts_of_a_failure(case: str, lists: DeclaredLists) -> None:
    name, depends_on, status = {**COUNTS, **DOES_NOT}[case]
    assert not is_refused(lists)
    lists.statuses[name] = status
    if depends_on is not None:
        lists.node(name, *depends_on, status=status)
    assert is_refused(lists) == (case in COUNTS)


@pytest.mark.parametrize(("of", "counts"), [("buyers", True), ("staging", True), ("sellers", False)])
def test_a_unit_test_counts_for_what_is_made_from_its_model(of: str, counts: bool, lists: DeclaredLists) -> None:
    lists.node("unit_test.shop.u", f"model.shop.{of}", status="fail")
    lists.unit_tests["unit_test.shop.u"] = lists.nodes.pop("unit_test.shop.u")
    assert is_refused(lists) == counts


def test_a_snapshot_that_a_list_is_made_from_must_have_run_as_a_model_must(lists: DeclaredLists) -> None:
    lists.node("snapshot.shop.prices", "model.shop.behind_it", status=None)
    lists.node("model.shop.behind_it", status=None)
    lists.nodes["model.shop.buyers"]["depends_on"]["nodes"].append("snapshot.shop.prices")
    assert read_build(lists.write(), "buyers", "id", BUYERS).untested == ("behind_it", "prices")
    assert read_build(lists.write(), "sellers", "id", "exposure.shop.sellers_file").untested == ()


def test_an_exposure_that_is_gone_is_refused(lists: DeclaredLists) -> None:
    with pytest.raises(SourceNotReady, match=r"manifest\.json is not the one any more"):
        read_build(lists.write(), "buyers", "id", "")


@pytest.mark.parametrize("other", [GONE, None, 7, "x", "", [], ["x"], {}, {"x": 1}], ids=lambda value: repr(value)[:12])
def test_whatever_is_damaged_of_an_exposure_is_told(other: object, lists: DeclaredLists) -> None:
    """Or makes it another exposure; but it never goes to another place than the one that is written there."""
    folder = lists.write()
    whole = json.loads((folder / "manifest.json").read_text())
    for path, damaged in damaged_everywhere(whole, other, "exposures"):
        (folder / "manifest.json").write_text(json.dumps(damaged))
        try:
            found = publications_of(read_project(folder))
        except PublisherError as error:
            assert error.exit_code in (2, 5)
            assert error.hint
        else:
            is_said = path[-1:] in (("key",), ("publisher",))
            assert {one.key for one in found} <= {"buyers", "sellers"} or is_said
