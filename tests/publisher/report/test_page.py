"""The page as its readers open it: in a real browser, at a desk, on a phone, printed, and where policies are strict."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route

from publisher.report.making import make_report
from tests import browser as browsers
from tests.publisher.report.days import DESTINATION, TODAY, weeks

PHONE, DESK = 390, 1280
ADDRESS = "https://reports.example/report.html"
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def content() -> bytes:
    return make_report(weeks(), DESTINATION, 400, now=TODAY)[1]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.running() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, content: bytes) -> Iterator[Open]:
    """Returns a function that opens the page, and fails where that asks for anything else, or says anything."""
    contexts, asked, said = [], [], []

    def open_page(width: int = DESK, scheme: str = "light", policy: str | None = None) -> Page:
        def answer(route: Route) -> None:
            asked.append(route.request.url)
            headers = {"Content-Security-Policy": policy} if policy else {}
            route.fulfill(body=content, content_type="text/html; charset=utf-8", headers=headers)

        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        if policy is None:  # else it is said that the page's own style was refused
            page.on("console", lambda message: said.append(message.text))
        page.route("**/*", answer)
        page.goto(ADDRESS)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert set(asked) == {ADDRESS}
    assert said == []


def rows(page: Page, table: str) -> list[list[str]]:
    found: list[list[str]] = page.eval_on_selector_all(
        f"#{table} tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )
    return found


def overflows(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.mark.parametrize(("width", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_everything_is_there_and_can_be_read(width: int, scheme: str, opened: Open) -> None:
    page = opened(width, scheme)
    assert page.title() == "Published ids: s3://a-bucket/ids"
    assert rows(page, "ids")[0] == ["2026-11-29 04:00:00", "20261128", "97,888", "published"]
    assert len(rows(page, "ids")) == 26
    assert rows(page, "changes")[0][2:] == ["384", "258"]
    assert rows(page, "size")[0][2:] == ["454,084", "1,077,228"]
    assert rows(page, "duration")[0][2:] == ["9.0", *["1.5"] * 6]
    assert rows(page, "age")[0][2] == "1.2"
    assert rows(page, "guards") == [["too_many_removed", "1", "2026-11-22 04:00:00"]]
    assert rows(page, "refusals")[0][1:7] == [
        "too_many_removed", "20261121", "41 %", "30 %", "41 % of active's ids are gone.", "ana@etl-1",
    ]  # fmt: skip
    assert [row[1:5] for row in rows(page, "decisions")] == [
        ["rolled back", "20261120", "", "INC-8"],
        ["published over a refusal", "20261121", "too_many_removed", "INC-7: half of A was closed"],
    ]
    assert [row[1] for row in rows(page, "holds")] == ["released", "set", "set by a rollback"]
    assert rows(page, "failures")[0][1:6] == ["publish", "failed", "StoreFailed", "stage", "Timed out."]
    now = page.inner_text("#now")
    for text in ("97,888", "20261128", "Publishing is held.", "bia", "INC-9: the consumer asks for a day"):
        assert text in now
    charts = page.query_selector_all("svg[role=img]")
    assert len(charts) == 6
    for chart in charts:
        box = chart.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width
        # The labels are those of the page, so a phone's reader need not enlarge them.
        assert chart.eval_on_selector("text", "text => text.getBoundingClientRect().height") >= 10
    assert not overflows(page)
    violations = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations] == []


def test_what_somebody_wrote_is_text(opened: Open) -> None:
    page = opened()
    reason = rows(page, "holds")[0][2]
    assert reason.startswith('<script>document.title = "taken over"</script><img')
    assert reason.endswith('"***"')  # a CPF
    assert page.query_selector_all("script, img") == []


def test_where_all_is_forbidden_it_can_be_read_and_taken_away(opened: Open, tmp_path: Path) -> None:
    page = opened(PHONE, policy="default-src 'none'")
    assert page.eval_on_selector("body", "body => getComputedStyle(body).maxWidth") == "none"  # its style is not used
    assert rows(page, "ids")[0][2] == "97,888"
    for chart in page.query_selector_all("svg"):
        box = chart.bounding_box()
        assert box is not None
        assert 200 < box["width"] <= PHONE
    with page.expect_download() as download:
        page.click("a[download='ids.csv']")
    download.value.save_as(tmp_path / "ids.csv")
    table = list(csv.reader(io.StringIO((tmp_path / "ids.csv").read_text("utf-8-sig"))))
    assert table[:2] == [
        ["promoted at", "partition", "ids", "how"],
        ["2026-11-29T04:00:00Z", "20261128", "97888", "published"],
    ]
    assert len(table) == 27


def test_it_is_printed_whole_and_dark_on_white(opened: Open) -> None:
    page = opened(scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    cut = "tables => tables.filter(table => table.scrollHeight > table.clientHeight + 1).length"
    assert page.eval_on_selector_all(".table", cut) == 0
    assert page.eval_on_selector("body", "body => getComputedStyle(body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.eval_on_selector("svg text", "text => getComputedStyle(text).fill") == "rgb(0, 0, 0)"
