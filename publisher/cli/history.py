"""`publisher history`."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from publisher.cli import options
from publisher.cli.connect import connect
from publisher.cli.output import Output, readable, table_text
from publisher.errors import UsageError
from publisher.settings import parse_day

if TYPE_CHECKING:
    from publisher.history import History, HistoryEntry
    from publisher.records.record import Record


@click.command()
@click.pass_obj
@options.destination
@options.LIMIT
@options.SINCE
@options.CSV
def history(output: Output, to: str, endpoint_url: str | None, limit: int, since: str | None, as_csv: bool) -> None:
    """List the runs and the staged files, newest first: what was active when, and why it was not.

    Runs come from their records; what a staged file became is known from the links between files too, for those from
    before there were records.
    """
    if as_csv and output.as_json:
        raise UsageError("--csv and --json cannot both be meant.", "Choose one.")
    destination, store = connect(to, endpoint_url, output)
    from publisher.history import history as run

    found = run(store, destination, limit, parse_day(since) if since else None)
    fields = {
        "status": "listed",
        "runs": [vars(record) for record in found.runs],
        "staged": [_fields(entry) for entry in found.staged],
        "is_whole": found.is_whole,
    }
    output.answer(fields, _csv(found.runs) if as_csv else _text(found))


def _fields(entry: HistoryEntry) -> dict[str, Any]:
    said = entry.stored.metadata
    return {
        "key": entry.stored.key,
        "state": entry.state,
        "total_ids": said.total_ids,
        "source_partition": said.source_partition,
        "bytes": entry.stored.bytes,
        "md5_checksum": said.md5_checksum,
        "created_at": said.created_at,
        "dbt_invocation_id": said.dbt_invocation_id,
        "ids_added": said.ids_added,
        "ids_removed": said.ids_removed,
        "overruled": said.overruled,
        "why": entry.why,
    }


def _csv(runs: Sequence[Record]) -> str:
    from publisher.records.record import Record

    text = io.StringIO()
    writer = csv.DictWriter(text, list(Record.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(vars(run) for run in runs)
    return text.getvalue().rstrip("\n")


def _text(found: History) -> str:
    if not found.runs and not found.staged:
        return "nothing was ever published there"
    parts = []
    if found.runs:
        names = ("at", "command", "outcome", "partition", "ids", "added", "removed", "by", "what")
        parts.append(table_text([names, *map(_row, found.runs)]))
    if found.staged:
        columns = ("state", "key", "source_partition", "total_ids", "overruled", "why")
        staged = [tuple(readable(fields[name] or "") for name in columns) for fields in map(_fields, found.staged)]
        parts.append(table_text([columns, *staged]))
    if not found.is_whole:
        parts.append("There is more: --limit, --since, --csv.")
    return "\n\n".join(parts)


def _row(run: Record) -> tuple[str, ...]:
    what = f"{run.guard or run.error}: {run.message}" if run.guard or run.error else run.reason or run.staged_key or ""
    overruled = f"overruled {run.overruled}" if run.overruled and run.is_promotion else ""
    numbers = (run.total_ids, run.ids_added, run.ids_removed)
    return (
        run.recorded_at.replace("T", " ").partition(".")[0],
        run.command,
        run.outcome.replace("_", " "),
        run.source_partition or "",
        *("" if number is None else f"{number:,}" for number in numbers),
        run.user_name or "",
        "; ".join(text for text in (what, overruled, run.warnings) if text),
    )
