"""The page: one HTML file that needs nothing else, and that a browser may read under any content security policy.

No script, nothing from another address, no style on an element. The page forbids the same to itself, so that what
somebody wrote into a reason could do nothing even if it were not escaped.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timezone
from functools import cache
from html import escape
from importlib.resources import files

from publisher.report import charts, tables
from publisher.report.figures import Figures, known
from publisher.report.tables import Cell, Table, said
from publisher.store.keys import TIMESTAMP
from publisher.values import Hold

# Columns of sentences, which take room; all others are words and numbers.
_SENTENCES = frozenset({"reason", "message", "run"})


def to_html(figures: Figures) -> str:
    """Returns the page."""
    where = figures.destination.url(figures.destination.prefix).rstrip("/")
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Published ids: {escape(where)}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>Published ids</h1>
<p class="soft">{escape(where)}, as of {_moment(figures.made_at)} UTC. {_extent(figures)}</p>
</header>
<main>
{_now(figures)}
{_drawn(figures)}
{"".join(_section(table) for table in tables.of_people(figures))}</main>
</body>
</html>
"""


@cache
def _style() -> str:
    return files("publisher.report").joinpath("page.css").read_text(encoding="utf-8")


def _extent(figures: Figures) -> str:
    """Returns what the page is about, and what it leaves out."""
    count = len(figures.runs)
    runs = "No run is recorded" if not count else "1 run" if count == 1 else f"{count:,} runs"
    since = f" since {figures.since:%Y-%m-%d}" if figures.since else ""
    words = [f"{runs}{since}."]
    if not figures.is_whole:
        words.append("There are older ones: --limit.")
    if figures.unreadable:
        records = "1 run is" if figures.unreadable == 1 else f"{figures.unreadable:,} runs are"
        words.append(f'<strong class="warn">{records} left out, because the record cannot be read.</strong>')
    words.append("All times are UTC.")
    return " ".join(words)


def _now(figures: Figures) -> str:
    """Returns what is active at the moment of the page, and whether publishing is held."""
    active, hold = figures.active, figures.hold
    warnings = [f"Active is not what was promoted last: {said(doubt)}" for doubt in figures.doubts]
    if active is None:
        warnings.insert(0, "Nothing is active.")
    if hold is not None:
        warnings.append("Publishing is held.")
    rows: list[tuple[str, Cell]] = []
    if active is not None:
        metadata = active.metadata
        rows += [
            ("ids", known(metadata.total_ids)),
            ("partition", said(metadata.source_partition)),
            ("added, removed", _changes(metadata.ids_added, metadata.ids_removed)),
            ("withheld by the suppression list", known(metadata.withheld_ids)),
            ("promoted at", active.last_modified),
            ("by command", said(metadata.promoted_by)),
            ("overruled", said(metadata.overruled)),
            ("file bytes", active.bytes),
            ("MD5 of the content", said(metadata.md5_checksum)),
        ]
    if hold is not None:
        rows += [
            ("held since", _since(hold)),
            ("held by", said(hold.by)),
            ("reason of the hold", said(hold.reason)),
        ]
    else:
        rows.append(("held", "no"))
    listed = "".join(f"<dt>{name}</dt><dd>{_text(value)}</dd>\n" for name, value in rows if value is not None)
    said_first = "".join(f'<p class="warn">{escape(text)}</p>\n' for text in warnings)
    return f'<section id="now">\n<h2>Active now</h2>\n{said_first}<dl>\n{listed}</dl>\n</section>'


def _since(hold: Hold) -> Cell:
    try:
        return datetime.strptime(hold.since or "", TIMESTAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        return said(hold.since)


def _changes(added: int | None, removed: int | None) -> str | None:
    return None if added is None or removed is None else f"+{added:,}, −{removed:,}"


def _drawn(figures: Figures) -> str:
    ids, changes, size, duration, age = tables.of_promotions(figures)
    guards = tables.of_guards(figures)
    drawn = (
        (ids, charts.line(ids, "ids", from_zero=False)),
        (changes, charts.added_and_removed(changes)),
        (size, charts.line(size, "file", from_zero=False, form="~s")),
        (duration, charts.line(duration, "total", from_zero=True, form="~g")),
        (age, charts.line(age, "days", from_zero=True, form="~g")),
        (guards, charts.bars(guards)),
    )
    return "".join(_section(table, chart) for table, chart in drawn)


def _section(table: Table, chart: str | None = None) -> str:
    heading = f'<h2 id="{table.name}-title">{escape(table.title)}</h2>'
    if not table.rows:
        return f'<section id="{table.name}">\n{heading}\n<p>{escape(table.empty)}</p>\n</section>\n'
    # Only a number in all of a column stands to the right.
    kinds = [_kind(table, place) for place in range(len(table.columns))]
    head = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(table.columns, kinds, strict=True)
    )
    rows = "\n".join(
        f"<tr>{''.join(f'<td{kind}>{_text(cell)}</td>' for cell, kind in zip(row, kinds, strict=True))}</tr>"
        for row in table.rows
    )
    # A browser moves through a table that is longer than its frame by keys only where that can be focused.
    framed = (
        f'<div class="table" role="region" tabindex="0" aria-labelledby="{table.name}-title">\n'
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    )
    content = f'<div class="beside">\n{chart}\n{framed}\n</div>' if chart else framed
    return f'<section id="{table.name}">\n{heading}\n{content}\n{_link(table)}\n</section>\n'


def _link(table: Table) -> str:
    """Returns a link to the table as a file, which is in the link itself: one page is all that has to be passed on."""
    content = base64.b64encode(table.to_csv().encode("utf-8-sig")).decode()  # by the mark Excel knows that it is UTF-8
    return (
        f'<p class="csv"><a download="{table.name}.csv" href="data:text/csv;charset=utf-8;base64,{content}">'
        f"{escape(table.title)} as CSV</a></p>"
    )


def _kind(table: Table, place: int) -> str:
    cells = [row[place] for row in table.rows if row[place] is not None]
    if cells and all(isinstance(cell, int | float) for cell in cells):
        return ' class="number"'
    return ' class="words"' if table.columns[place] in _SENTENCES else ""


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return _moment(cell)
    return f"{cell:,}" if isinstance(cell, int | float) else escape(cell)


def _moment(moment: datetime) -> str:
    return f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%Y-%m-%d %H:%M:%S}</time>'
