"""The results for a reader: Markdown tables, and how far the product is from its targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
_MIB = 1 << 20
_AT_5_MILLION = "publish/5000000"
_AS_MANY_AS_A_DAY = 100_000
_OWN_DAY = "The replaced job's own day"
_MANY_MATCHES = "A day with many matches"


class NoMarkers(Exception):
    """A document has no place for the report."""


@dataclass(frozen=True)
class Target:
    """What the product should reach.

    Attributes:
        text: What is compared.
        value: What was measured.
        limit: What it may be at most, or must be at least.
        at_most: Which of the two.
    """

    text: str
    value: float
    limit: float
    at_most: bool = True

    @property
    def is_met(self) -> bool:
        """Whether it is reached."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit


def markdown(results: Mapping[str, Any], plot: str) -> str:
    """Returns all tables.

    Args:
        results: By `<part>/<size>`.
        plot: The path of the plot, from the document.
    """
    rest = [_fixed(measured) for measured in _of_part(results, "fixed")]
    rest.extend([_machines(results)] if results else [])
    whole = [_whole(_OWN_DAY, measured) for measured in _of_part(results, "day")]
    whole.extend(_whole(_MANY_MATCHES, measured) for measured in _of_part(results, "whole"))
    return _document(plot, whole, _of_part(results, "publish"), rest)


def everything(results: Mapping[str, Any], plot: str) -> str:
    """Returns all tables, and how far the product is from its targets.

    Args:
        results: By `<part>/<size>`.
        plot: The path of the plot, from the document.
    """
    return f"{markdown(results, plot)}\n## Targets\n\n```\n{targets_text(results)}\n```\n"


def at_a_glance(results: Mapping[str, Any]) -> str:
    """Returns the replaced job's own day in a few columns, for who reads no more than that; nothing unless measured."""
    days = _of_part(results, "day")
    if not days:
        return ""
    measured = days[-1]
    seed = _medians(measured, "seconds").get("seed-job")
    rows = [
        (
            one["name"],
            _seconds(one["seconds"]["median"]),
            f"{one['seconds']['median'] / seed:.2f}×" if seed else "",
            _memory(one),
            one["checks"],
        )
        for one in measured["contestants"].values()
        if "seconds" in one
    ]
    header = ("from raw Parquet to the promoted file", "time", "against the replaced job", "peak memory", "checked")
    facts = measured["machine"]
    return (
        f"{measured['rows']:,} rows ({measured['partition_bytes'] / 1e9:.1f} GB), {measured['ids']:,} ids,"
        f" {facts['cores']} cores:\n\n{_table(header, rows)}\n"
    )


def replace_section(document: Path, text: str) -> None:
    """Puts the report between a document's two markers, and leaves the rest as it is.

    Raises:
        NoMarkers: The document does not have both markers, once each and in this order.
    """
    before, begin, rest = document.read_text().partition(BEGIN)
    between, end, after = rest.partition(END)
    if not begin or not end or BEGIN in between + after or END in before + after:
        raise NoMarkers(f"{document} must have the lines {BEGIN} and {END} once")
    document.write_text(f"{before}{BEGIN}\n{text}{END}{after}")


def targets(results: Mapping[str, Any]) -> Iterator[Target]:
    """Yields the targets for which there are measurements."""
    for name, measured in results.items():
        if name.startswith("day/"):
            yield from _day_targets(f"{measured['rows']:,} rows, own day", _medians(measured, "seconds"))
        if name.startswith("whole/"):
            yield from _whole_targets(f"{measured['rows']:,} rows", _medians(measured, "seconds"))
        if name.startswith("publish/"):
            yield from _publishing_targets(measured, at_5_million=name == _AT_5_MILLION)


def targets_text(results: Mapping[str, Any]) -> str:
    """Returns one line for each target."""
    return "\n".join(
        f"{'met   ' if target.is_met else 'MISSED'}  {target.text}: {target.value:,.2f}"
        f" (at {'most' if target.at_most else 'least'} {target.limit:,.2f})"
        for target in targets(results)
    )


def _day_targets(size: str, seconds: Mapping[str, float]) -> Iterator[Target]:
    if {"product-duckdb", "plain-duckdb"} <= seconds.keys():
        yield Target(
            f"{size}: seconds on DuckDB, plain DuckDB + 4", seconds["product-duckdb"], seconds["plain-duckdb"] + 4
        )
    for key, where, limit in (("product-spark", "Spark", 0.95), ("product-comet", "Spark with Comet", 0.6)):
        if {key, "seed-job"} <= seconds.keys():
            yield Target(f"{size}: on {where} against the replaced job", seconds[key] / seconds["seed-job"], limit)


def _whole_targets(size: str, seconds: Mapping[str, float]) -> Iterator[Target]:
    if {"product-duckdb", "plain-duckdb"} <= seconds.keys():
        limit = 1.25 * seconds["plain-duckdb"] + 4
        yield Target(f"{size}: seconds on DuckDB, 1.25 x plain DuckDB + 4", seconds["product-duckdb"], limit)
    if {"product-spark", "seed-job"} <= seconds.keys():
        ratio = seconds["product-spark"] / seconds["seed-job"]
        yield Target(f"{size}: on Spark against the replaced job", ratio, 0.9)


def _publishing_targets(measured: Mapping[str, Any], *, at_5_million: bool) -> Iterator[Target]:
    ids, seconds = measured["ids"], _medians(measured, "seconds")
    if "publisher" not in seconds:
        return
    product = measured["contestants"]["publisher"]
    if at_5_million and "seed-publish" in seconds:
        ratio = seconds["seed-publish"] / seconds["publisher"]
        yield Target(f"{ids:,} ids: the replaced job's way takes so many times as long", ratio, 25, at_most=False)
    if ids == _AS_MANY_AS_A_DAY:
        yield Target(f"{ids:,} ids: seconds of a whole process", seconds["publisher"], 0.35)
    yield Target(f"{ids:,} ids: million ids a second", ids / seconds["publisher"] / 1e6, 8, at_most=False)
    if measured["zlib_bytes"]:
        yield Target(f"{ids:,} ids: size against zlib 6", product["file_bytes"] / measured["zlib_bytes"], 1.02)
    yield Target(f"{ids:,} ids: peak memory in MB", product["peak_bytes"]["max"] / 1e6, 300)


def _medians(measured: Mapping[str, Any], quantity: str) -> dict[str, float]:
    return {key: one[quantity]["median"] for key, one in measured["contestants"].items() if quantity in one}


def _document(plot: str, whole: Sequence[str], published: Sequence[Mapping[str, Any]], rest: Sequence[str] = ()) -> str:
    parts = [f"![Time of the whole job, and of publishing against the number of ids]({plot})", *whole]
    parts.extend([_publishing(published)] if published else [])
    return "\n\n".join([*parts, *rest]) + "\n"


def _of_part(results: Mapping[str, Any], part: str) -> list[Mapping[str, Any]]:
    """Returns the measurements of a part, the smallest first."""
    names = sorted((name for name in results if name.startswith(f"{part}/")), key=lambda name: int(name.split("/")[1]))
    return [results[name] for name in names]


def _whole(what: str, measured: Mapping[str, Any]) -> str:
    product = _medians(measured, "seconds").get("product-duckdb")
    title = (
        f"{what}, from raw Parquet to the promoted file: {measured['cpfs']:,} CPFs, {measured['rows']:,} rows"
        f" ({measured['partition_bytes'] / 1e9:.1f} GB), {measured['ids']:,} ids."
    )
    rows = [
        (
            one["name"],
            _time(one["seconds"]),
            f"{one['seconds']['median'] / product:.2f}×" if product else "",
            _seconds(one["cpu_seconds"]["median"]),
            _memory(one),
            one["checks"],
        )
        if "seconds" in one
        else (one["name"], one["absent"], "", "", "", "")
        for one in measured["contestants"].values()
    ]
    header = ("contestant", "time (median, min–max)", "against the product", "CPU", "peak memory", "what it checks")
    return f"{title}\n\n{_table(header, rows)}"


def _publishing(sections: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for measured in sections:
        for one in measured["contestants"].values():
            ids = f"{measured['ids']:,}"
            if "seconds" not in one:
                rows.append((ids, one["name"], one["absent"], "", "", ""))
                continue
            against_zlib = (
                one["file_bytes"] and measured["zlib_bytes"] and one["file_bytes"] / measured["zlib_bytes"] - 1
            )
            speed = f"{measured['ids'] / one['seconds']['median'] / 1e6:.2f} million"
            size = "" if against_zlib is None else f"{round(against_zlib, 3) + 0:+.1%}"
            rows.append((ids, one["name"], _time(one["seconds"]), speed, size, _memory(one)))
    header = ("ids", "contestant", "time (median, min–max)", "ids a second", "size against zlib 6", "peak memory")
    return f"Publishing, from a table of ids to the promoted file.\n\n{_table(header, rows)}"


def _fixed(measured: Mapping[str, Any]) -> str:
    rows = [(one["name"], _time(one["seconds"])) for one in measured["contestants"].values() if "seconds" in one]
    seconds = _medians(measured, "seconds")
    if {"few-partitions", "many-partitions"} <= seconds.keys():
        difference = seconds["many-partitions"] - seconds["few-partitions"]
        rows.append(("so choosing among 10,000 partitions takes", _seconds(difference)))
    return f"What does not depend on the data.\n\n{_table(('command', 'time (median, min–max)'), rows)}"


def _machines(results: Mapping[str, Any]) -> str:
    """Says once, in the order of the results, on what they were measured."""
    told: dict[str, None] = {}
    for measured in results.values():
        facts = measured["machine"]
        versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
        memory = f"{facts['memory_bytes'] / (1 << 30):.0f} GiB"
        dates = sorted({one["measured_at"][:10] for one in measured["contestants"].values()})
        told[
            f"{facts['cores']} cores, {memory}, {' and '.join(dates)}; Python {facts['python']}, {versions}. Whole"
            " processes, one after the other in a rotating order, on a warm page cache, against an object store on the"
            " same machine."
        ] = None
    return "\n\n".join(told)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]])


def _time(seconds: Mapping[str, float]) -> str:
    if seconds["min"] == seconds["max"]:
        return _seconds(seconds["median"])
    return f"{_seconds(seconds['median'])} ({_number(seconds['min'])}–{_number(seconds['max'])})"


def _seconds(seconds: float) -> str:
    return f"{_number(seconds)} s"


def _number(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 99.5 else f"{seconds:.1f}" if seconds >= 9.95 else f"{seconds:.2f}"


def _memory(one: Mapping[str, Any]) -> str:
    peak_bytes = one["peak_bytes"]["max"]
    return f"{peak_bytes / _MIB:,.0f} MiB" if peak_bytes else ""  # it ended before it was looked at
