"""The results as one picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Readable on white and on black: a document's reader chooses the background.
_INK, _OURS, _OTHERS = "#7d858f", "#2f81f7", "#9aa2ab"
_LINES = {
    "publisher": _OURS,
    "seed-publish": "#d4562a",
    "pandas": "#a371c7",
    "gzip": "#b08800",
    "pigz": "#3a9a4c",
    "igzip": "#1f9a9a",
}
_LABEL_GAP = 0.085  # of the height, between two labels


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Draws the whole job beside the time of publishing against the number of ids.

    Of the whole job, the replaced job's own day, or else the largest one that was measured.

    Args:
        results: By `<part>/<size>`.
        path: The SVG file.
    """
    days = [measured for name, measured in results.items() if name.startswith("day/")]
    whole = days or [measured for name, measured in results.items() if name.startswith("whole/")]
    published = [measured for name, measured in results.items() if name.startswith("publish/")]
    style: dict[Any, Any] = {
        "svg.fonttype": "none", "svg.hashsalt": "benchmarks", "font.family": "sans-serif", "font.size": 10,
        "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _INK, "xtick.color": _INK, "ytick.color": _INK,
    }  # fmt: skip
    with mpl.rc_context(style):
        figure = Figure(figsize=(10.4, 3.6), layout="constrained")
        places = iter(figure.subplots(1, max(bool(whole) + bool(published), 1), squeeze=False)[0])
        if whole:
            _bars(next(places), whole[-1])
        if published:
            _lines(next(places), published)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})


def _bars(axes: Axes, measured: Mapping[str, Any]) -> None:
    shown = [(key, one) for key, one in measured["contestants"].items() if "seconds" in one]
    medians = [one["seconds"]["median"] for _, one in shown]
    spread = [
        [one["seconds"]["median"] - one["seconds"]["min"] for _, one in shown],
        [one["seconds"]["max"] - one["seconds"]["median"] for _, one in shown],
    ]
    colours = [_OURS if key.startswith("product") else _OTHERS for key, _ in shown]
    axes.barh([one["name"] for _, one in shown], medians, color=colours, height=0.62, alpha=0.7)
    axes.errorbar(medians, range(len(shown)), xerr=spread, fmt="none", ecolor=_INK, elinewidth=1.2, capsize=3)
    for place, (_, one) in enumerate(shown):
        axes.annotate(
            f"{one['seconds']['median']:.1f} s", (one["seconds"]["max"], place), (6, 0), textcoords="offset points",
            va="center",
        )  # fmt: skip
    axes.invert_yaxis()
    axes.set_xlim(0, max(one["seconds"]["max"] for _, one in shown) * 1.22)
    axes.set_title(f"Whole job, {measured['rows'] / 1e6:,.4g} million rows", loc="left", fontsize=11)
    axes.set_xlabel("seconds: median, least and most")
    axes.tick_params(left=False)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _lines(axes: Axes, sections: list[Mapping[str, Any]]) -> None:
    ends = []
    for key, colour in _LINES.items():
        points = [
            (measured["ids"], measured["contestants"][key]["seconds"]["median"], measured["contestants"][key]["name"])
            for measured in sections
            if "seconds" in measured["contestants"].get(key, {})
        ]
        if points:
            ids, seconds, names = zip(*points, strict=True)
            axes.plot(
                ids, seconds, color=colour, marker="o", markersize=4, linewidth=2.4 if key == "publisher" else 1.4
            )
            ends.append((ids[-1], seconds[-1], names[-1].strip("`").replace("`", ""), colour))
    axes.set_xscale("log")
    axes.set_yscale("log")
    _label(axes, ends)
    sizes = [measured["ids"] for measured in sections]
    shown = [size for number, size in enumerate(sizes) if size >= 4 * max([0, *sizes[:number]])]
    axes.set_xticks(shown, [f"{size / 1e6:,.4g} M" for size in shown])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda seconds, _: f"{seconds:g}")
    axes.set_title("Publishing", loc="left", fontsize=11)
    axes.set_xlabel("ids")
    axes.set_ylabel("seconds (median)")
    axes.grid(visible=True, axis="y", color=_INK, alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _label(axes: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Writes each line's name at its end, and moves names apart that would cover each other."""
    height = 0.0
    for ids, seconds, name, colour in sorted(ends, key=lambda end: end[1]):
        natural = axes.transAxes.inverted().transform(axes.transData.transform((ids, seconds)))[1]
        height = max(natural, height + _LABEL_GAP)
        axes.annotate(
            name, (ids, seconds), (1.03, height), textcoords="axes fraction", color=colour, va="center",
            annotation_clip=False,
        )  # fmt: skip
