"""What the report makes of what it finds, where no browser is needed to see that."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
from collections import Counter
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from publisher.errors import StoreFailed
from publisher.report import charts, tables
from publisher.report.figures import Figures, read_figures
from publisher.report.making import make_report
from publisher.store.protocol import Store
from tests import forked
from tests.conftest import Bucket, WriteTable
from tests.memory_store import MemoryStore
from tests.publisher.publishing import Between
from tests.publisher.report.days import DESTINATION, TODAY, published, record, weeks, write


def page_of(store: Store, limit: int = 400) -> str:
    """Returns the page's text, without its markup."""
    page = make_report(store, DESTINATION, limit, now=TODAY)[1].decode()
    return unescape(re.sub("<[^>]*>", "", re.sub("<style>.*?</style>", "", page, flags=re.DOTALL)))


def figures_of(store: Store) -> Figures:
    return read_figures(store, DESTINATION, 400, now=TODAY)


def test_an_empty_bucket_has_a_page_that_says_so() -> None:
    text = page_of(MemoryStore())
    for words in ("Nothing is active.", "No run is recorded.", "No file was promoted.", "No guard refused."):
        assert words in text


def test_where_all_was_refused_the_page_says_why() -> None:
    store = MemoryStore()
    record(store, TODAY, 1, "refused", guard="no_ids", message="There is no id.")
    text = page_of(store)
    for words in ("Nothing is active.", "1 run.", "No file was promoted.", "no_ids", "There is no id."):
        assert words in text


def test_an_active_file_that_is_gone_is_said_beside_what_was_there() -> None:
    store = weeks()
    store.remove([(DESTINATION.active_key, None)])
    text = page_of(store)
    assert "Nothing is active." in text
    assert f"what was promoted last, {DESTINATION.stage_key('20261129_040000')}, is not there any more" in text
    assert "97,888" in text


def test_what_a_suppression_list_kept_out_has_a_column_where_there_is_one() -> None:
    store = weeks()
    ids, *_ = tables.of_promotions(figures_of(store))
    assert ids.columns == ("promoted at", "partition", "ids", "how")
    last = published(store, TODAY, 30_000, withheld_ids=1_234, suppression_entries=1_300)
    store.remove([(DESTINATION.active_key, None)])
    write(store, DESTINATION.active_key, b"a file", last.promoted_metadata().to_texts())
    ids, *_ = tables.of_promotions(figures_of(store))
    assert ids.columns == ("promoted at", "partition", "ids", "withheld", "how")
    assert [row[3] for row in ids.rows][:2] == [1_234, None]
    assert "withheld by the suppression list1,234" in page_of(store)


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}"])
def test_damaged_records_are_counted_and_hide_nothing_else(content: bytes) -> None:
    store = MemoryStore()
    published(store, TODAY - timedelta(days=1), 1)
    record(store, TODAY - timedelta(days=2), 2, "refused", guard="no_ids")
    last = record(store, TODAY, 3, "published")
    key = next(key for key in store.list(DESTINATION.runs_prefix) if last.run_id in key)
    store.remove([(key, None)])
    write(store, key, content)
    text = page_of(store)  # what `status` could not look behind
    assert "1 run is left out, because the record cannot be read." in text
    assert f"The record s3://a-bucket/{key}, the last one of a promotion, is not one (any more)." in text
    for words in ("97,037", "no_ids"):
        assert words in text


def test_a_record_that_somebody_else_wrote_breaks_no_chart() -> None:
    store = MemoryStore()
    strange: tuple[dict[str, Any], ...] = (
        {"total_ids": -1, "ids_added": 10**400, "bytes": 2**70, "source_partition": "00000123"},
        {"seconds_encode": float("nan"), "seconds_stage": float("inf"), "source_partition": "20251399"},
        {"recorded_at": "yesterday"},
        {"recorded_at": "0001-01-01T00:00:00+05:00"},
        {"recorded_at": "9999-12-31T23:59:59-05:00"},
        {"user_name": "\ud800\u202e", "ci_run": "javascript:alert(1)", "guard": "<b>&\x1b[2J"},
    )
    for number, told in enumerate(strange):
        published(store, TODAY - timedelta(days=number), number, **{"outcome": "refused", **told})
        published(store, TODAY - timedelta(days=number), 100 + number, **told)
    found = figures_of(store)
    assert (len(found.promotions), found.unreadable) == (3, 6)
    page = make_report(store, DESTINATION, 400, now=TODAY)[1].decode()
    assert page.count("<svg") == 6
    assert "<b>" not in page
    assert 'href="javascript' not in page


def test_thousands_of_runs_take_as_many_requests_as_are_shown() -> None:
    store = MemoryStore()
    for number in range(3000):
        published(store, TODAY - timedelta(hours=number), number)
    asked: Counter[str] = Counter()

    def counted(name: str) -> Any:
        def count(method: Any, *arguments: Any) -> Any:
            asked[name] += 1
            return method(*arguments)

        return count

    found, page = make_report(
        Between(store, **{name: counted(name) for name in ("head", "list", "read_small", "read")}),
        DESTINATION, 400, now=TODAY,
    )  # fmt: skip
    assert (len(found.promotions), found.is_whole) == (400, False)
    assert "There are older ones" in page.decode()
    assert asked["read_small"] <= 400 + 3
    assert asked["list"] <= 5
    assert asked["head"] + asked["read"] <= 5


def test_what_a_spreadsheet_takes_for_a_formula_is_a_text_there() -> None:
    store = MemoryStore()
    reason = '=HYPERLINK("https://evil.example","INC-1")'
    record(store, TODAY, 1, "held", reason=reason)
    holds = next(table for table in tables.of_people(figures_of(store)) if table.name == "holds")
    assert list(csv.reader(io.StringIO(holds.to_csv())))[1][2] == f"'{reason}"


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_charts_are_seen_on_both_of_the_page_s_colours() -> None:
    style = (Path(charts.__file__).with_name("page.css")).read_text()
    papers = re.findall(r"--paper: (#[0-9a-f]{6});", style)
    assert len(papers) == 2
    for paper in papers:
        for colour in (charts.BLUE, charts.GREEN, charts.RED):
            darker, lighter = sorted((luminance(paper), luminance(colour)))
            assert (lighter + 0.05) / (darker + 0.05) >= 3, (paper, colour)


def run(bucket: Bucket, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}/ids"}
    return forked.publisher.run(arguments, environment)


def test_the_program_writes_it_here_and_into_the_bucket_and_nothing_else(
    bucket: Bucket, write_table: WriteTable, tmp_path: Path
) -> None:
    table = ("--table", f"parquet:{write_table(['a', 'b'])}", "--source-partition", "20251022")
    assert run(bucket, "publish", *table).returncode == 0
    before = {key: bucket.get(key) for key in sorted(bucket.keys())}
    path = tmp_path / "report.html"
    path.write_text("an older one")
    ended = run(bucket, "report", "--output", str(path), "--publish-report", "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    told = json.loads(ended.stdout)
    assert told["url"] == f"s3://{bucket.name}/ids/report/report.html"
    assert (told["output"], told["promotions"], told["refusals"]) == (str(path), 1, 0)
    page = path.read_bytes()
    assert len(page) == told["bytes"]
    assert b"20251022" in page
    found = bucket.client.get_object(Bucket=bucket.name, Key="ids/report/report.html")
    assert (found["ContentType"], found["Body"].read()) == ("text/html; charset=utf-8", page)
    assert {key: bucket.get(key) for key in sorted(bucket.keys()) if "report/" not in key} == before
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".html"] == ["report.html"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "--publish-report"),
        (("--output", "/nowhere/report.html"), 2, "does not exist"),
        (("--output", "report.html", "--since", "yesterday"), 2, "--since"),
    ],
)
def test_bad_input_is_told_and_nothing_is_written(
    arguments: tuple[str, ...], code: int, words: str, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run(bucket, "report", *arguments)
    assert ended.returncode == code
    assert words in ended.stderr
    assert (list(tmp_path.iterdir()), bucket.keys()) == ([], [])


def test_a_store_that_fails_has_no_page() -> None:
    def fails(*_: Any) -> Any:
        raise StoreFailed("It cannot be reached.", "Look at the network.")

    with pytest.raises(StoreFailed, match="cannot be reached"):
        make_report(Between(weeks(), read_small=fails), DESTINATION, 400)
