"""The charts of the page: SVG that takes its text's colour from the page, and needs neither a style nor a script.

Each is as wide as a phone, so that its text can be read there; where there is more room, two stand side by side. What a
reader of a screen is told is the page's affair: the table beside a chart holds all that it shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

import altair as alt
import vl_convert

from publisher.report.tables import Table

_WIDTH, _HEIGHT = 300, 190
# Each has a contrast of at least 3 to the page's white and to its black: a test computes that.
BLUE, GREEN, RED = "#2f7fd6", "#1a8f4c", "#d0505a"
_MOST_POINTS = 120  # on a line; more would run into each other
_MONTHS_FROM_DAYS, _HOURS_TO_DAYS = 200, 3
_LABELS = 4
_INHERITED = "currentColor"
_CONFIG: dict[str, Any] = {
    "aria": False,
    "background": "transparent",
    "padding": {"left": 14, "right": 22, "top": 6, "bottom": 4},
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domainColor": _INHERITED,
        "domainOpacity": 0.4,
        "gridColor": _INHERITED,
        "gridOpacity": 0.15,
        "labelColor": _INHERITED,
        "labelFontSize": 11,
        "tickColor": _INHERITED,
        "tickOpacity": 0.4,
        "titleColor": _INHERITED,
    },
}
# Of each mark, for who has no table beside it.
_ROLES = re.compile(r' (?:role|class|aria-[a-z]+)="[^"]*"')


def line(table: Table, column: str, *, from_zero: bool, form: str = ",d") -> str | None:
    """Draws a column over time.

    Args:
        table: Its first column is a time.
        column: Of numbers.
        from_zero: Whether the axis begins at zero, and not near the least value.
        form: Of the numbers at the axis, as d3 writes them.

    Returns:
        SVG; None where there is nothing to draw.
    """
    points = _points(table, column)
    if not points:
        return None
    chart = alt.Chart(alt.InlineData(values=points)).encode(
        x=_time(points),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=from_zero), axis=alt.Axis(format=form, tickCount=5)),
    )
    drawn = chart.mark_line(color=BLUE, interpolate="step-after")
    if len(points) <= _MOST_POINTS:
        drawn += chart.mark_point(color=BLUE, filled=True, size=25, opacity=1)
    return _svg(drawn, _label(table, points))


def added_and_removed(table: Table) -> str | None:
    """Draws how many ids were added, upwards, and how many were removed, downwards.

    Args:
        table: `changes`.

    Returns:
        SVG; None where there is nothing to draw.
    """
    added, removed = _points(table, "added"), _points(table, "removed")
    if not added and not removed:
        return None
    downwards = [{**point, "value": -point["value"]} for point in removed]
    x = _time([*added, *removed])
    y = alt.Y("value:Q", title="removed  |  added", axis=alt.Axis(format=",d", tickCount=5))
    bars = [
        alt.Chart(alt.InlineData(values=points)).mark_bar(color=colour, width=3).encode(x=x, y=y)
        for points, colour in ((added, GREEN), (downwards, RED))
        if points
    ]
    return _svg(alt.layer(*bars), _label(table, [*added, *downwards]))


def bars(table: Table) -> str | None:
    """Draws how often each guard refused.

    Args:
        table: `guards`.

    Returns:
        SVG; None where there is nothing to draw.
    """
    values = [{"name": row[0], "value": row[1]} for row in table.rows]
    if not values:
        return None
    chart = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X("value:Q", title=None, axis=alt.Axis(format=",d", tickMinStep=1, tickCount=5)),
        y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=160)),
    )
    label = f"{table.title}: {', '.join(f'{row[0]} {row[1]}' for row in table.rows)}."
    return _svg(chart.mark_bar(color=RED), label, max(60, 24 * len(values)))


def _points(table: Table, column: str) -> list[dict[str, Any]]:
    place = table.columns.index(column)
    found = [(row[0], row[place]) for row in reversed(table.rows)]
    return [
        {"at": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "value": value}
        for moment, value in found
        if isinstance(moment, datetime) and isinstance(value, int | float)
    ]


def _time(points: Sequence[dict[str, Any]]) -> alt.X:
    """Returns an axis of time, UTC whatever the machine's zone, with labels that tell no more than they must."""
    begin, end = (datetime.fromisoformat(find(point["at"] for point in points)[:-1]) for find in (min, max))
    days = (end - begin).days
    form = "%b %Y" if days > _MONTHS_FROM_DAYS else "%d %b" if days >= _HOURS_TO_DAYS else "%d %b %H:%M"
    if days < _HOURS_TO_DAYS:
        axis = alt.Axis(format=form, tickCount=2, labelOverlap=True, grid=False)
    else:  # of itself, Vega would label the first of each month only
        places = [end - timedelta(days=number * days / _LABELS) for number in range(_LABELS)]
        dates = [alt.DateTime(year=day.year, month=day.month, date=day.day, utc=True) for day in reversed(places)]
        axis = alt.Axis(format=form, values=dates, labelFlush=False, labelOverlap=True, grid=False)
    return alt.X("at:T", title=None, scale=alt.Scale(type="utc"), axis=axis)


def _svg(chart: alt.Chart | alt.LayerChart | alt.FacetChart, label: str, height: int = _HEIGHT) -> str:
    spec = chart.properties(width=_WIDTH, height=height, autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
    svg = _ROLES.sub("", vl_convert.vegalite_to_svg(spec.configure(**_CONFIG).to_dict()))
    # A reader's font may be wider than the one that was measured: then a label may stand over the edge.
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(label)}" overflow="visible" ', 1)


def _label(table: Table, points: Sequence[dict[str, Any]]) -> str:
    values = [point["value"] for point in points]
    days = f"{min(point['at'] for point in points)[:10]} to {max(point['at'] for point in points)[:10]}"
    return f"{table.title}, {days}: from {min(values):,} to {max(values):,}. All values are in the table."
