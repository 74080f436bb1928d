"""The tables of the page, each of which can stand beside a chart and be taken away as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from publisher.records.record import HELD, INTENDED, PRUNING, RELEASED, ROLLED_BACK, Record
from publisher.redaction import shown, without_documents, without_passwords
from publisher.report.figures import STEPS, Figures, at, known, partition_age_days, seconds

Cell = str | int | float | datetime | None
# What a spreadsheet takes for the beginning of a formula: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes:
        name: In an address and in the name of a file.
        title: Above it.
        columns: Its header.
        rows: Newest first where they have a time; moments are UTC.
        empty: What the page says where there are no rows.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str

    def to_csv(self) -> str:
        """Returns the table as CSV. A text that a spreadsheet would take for a formula begins with an apostrophe."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(self.columns)
        writer.writerows([_cell(value) for value in row] for row in self.rows)
        return text.getvalue()


def of_promotions(figures: Figures) -> tuple[Table, ...]:
    """Returns what there is to tell of each file that was active: `ids`, `changes`, `size`, `duration` and `age`.

    How many ids a suppression list kept out has a column where there is, or was, such a list.
    """

    def table(name: str, title: str, **columns: Callable[[Record], Cell]) -> Table:
        return _table(
            name,
            title,
            "No file was promoted.",
            figures.promotions,
            promoted_at=at,
            partition=lambda run: run.source_partition,
            **columns,
        )

    withheld: dict[str, Callable[[Record], Cell]] = {}
    if any(run.withheld_ids is not None for run in figures.promotions):
        withheld["withheld"] = lambda run: known(run.withheld_ids)
    steps: dict[str, Callable[[Record], Cell]] = {step: _seconds_of(step) for step in STEPS}
    return (
        table("ids", "Ids", ids=lambda run: known(run.total_ids), **withheld, how=_how),
        table(
            "changes",
            "Ids added and removed",
            added=lambda run: known(run.ids_added),
            removed=lambda run: known(run.ids_removed),
        ),
        table(
            "size",
            "Size in bytes",
            file=lambda run: known(run.bytes),
            content=lambda run: known(run.content_bytes),
        ),
        table("duration", "Duration in seconds", total=seconds, **steps),
        table("age", "Age of the partition in days", days=partition_age_days),
    )


def of_guards(figures: Figures) -> Table:
    """Returns how often each guard refused, the most frequent first."""
    latest: dict[str, datetime] = {}
    counts: dict[str, int] = {}
    for run in figures.refusals:  # newest first
        guard = said(run.guard) or "unknown"
        latest.setdefault(guard, at(run))
        counts[guard] = counts.get(guard, 0) + 1
    rows = tuple(
        (guard, count, latest[guard]) for guard, count in sorted(counts.items(), key=lambda one: (-one[1], one))
    )
    return Table("guards", "Refusals by guard", ("guard", "refusals", "last at"), rows, "No guard refused.")


def of_people(figures: Figures) -> tuple[Table, ...]:
    """Returns what stopped runs and who decided what: `refusals`, `decisions`, `holds` and `failures`."""
    return (
        _table(
            "refusals",
            "Refusals and their reasons",
            "No guard refused.",
            figures.refusals,
            at=at,
            guard=lambda run: run.guard,
            partition=lambda run: run.source_partition,
            saw=lambda run: run.guard_saw,
            limit=lambda run: run.guard_limit,
            reason=lambda run: run.message,
            by=_by,
            run=lambda run: run.ci_run,
        ),
        _table(
            "decisions",
            "Overrules and rollbacks",
            "Nobody overruled a guard or set active back.",
            figures.decisions,
            at=at,
            what=_decision,
            partition=lambda run: run.source_partition,
            guards=lambda run: run.overruled,
            reason=lambda run: run.reason,
            by=_by,
            run=lambda run: run.ci_run,
        ),
        _table(
            "holds",
            "Holds",
            "Publishing was not held.",
            figures.holds,
            at=at,
            what=lambda run: _HOLDS.get(run.outcome, "set by a rollback"),
            reason=lambda run: run.reason,
            by=_by,
        ),
        _table(
            "failures",
            "Failures",
            "No run failed or was interrupted.",
            figures.failures,
            at=at,
            command=lambda run: run.command,
            outcome=lambda run: _OUTCOMES.get(run.outcome, run.outcome),
            error=lambda run: run.error,
            step=lambda run: run.step,
            message=lambda run: run.message,
            by=_by,
            run=lambda run: run.ci_run,
        ),
    )


def said(text: str | None) -> str | None:
    """Returns a text of a record as it may stand on the page: one line, without passwords, and without documents.

    The publisher writes none; a person who gives a reason may.
    """
    return None if text is None else shown(without_documents(without_passwords(text)))


_HOLDS = {HELD: "set", RELEASED: "released"}
_OUTCOMES = {INTENDED: "announced, end unknown", PRUNING: "begun, end unknown"}


def _table(name: str, title: str, empty: str, runs: Iterable[Record], **columns: Callable[[Record], Cell]) -> Table:
    """Returns a table with a row for each run."""

    def row(run: Record) -> tuple[Cell, ...]:
        cells = (of(run) for of in columns.values())
        return tuple(said(cell) if isinstance(cell, str) else cell for cell in cells)

    return Table(name, title, tuple(column.replace("_", " ") for column in columns), tuple(map(row, runs)), empty)


def _by(run: Record) -> str | None:
    """Returns who ran it, and where."""
    return "@".join(filter(None, (run.user_name, run.host_name))) or None


def _seconds_of(step: str) -> Callable[[Record], Cell]:
    return lambda run: known(getattr(run, f"seconds_{step}"))


def _how(run: Record) -> str:
    return "rolled back" if run.outcome == ROLLED_BACK else "published"


def _decision(run: Record) -> str:
    if run.outcome == ROLLED_BACK:
        return "rolled back, to a refused file" if run.forced else "rolled back"
    return "published over a refusal"


def _cell(value: Cell) -> Cell:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
