"""`publisher history`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from publisher.cli import options
from publisher.cli.connect import connect
from publisher.cli.output import Output, readable

if TYPE_CHECKING:
    from publisher.history import HistoryEntry


@click.command()
@click.pass_obj
@options.destination
@options.LIMIT
def history(output: Output, to: str, endpoint_url: str | None, limit: int) -> None:
    """List the staged files, newest first, and which of them were active.

    Of one that was never promoted it is told why, unless its publisher was killed.
    """
    destination, store = connect(to, endpoint_url, output)
    from publisher.history import history as run

    entries = run(store, destination, limit)
    output.answer({"status": "listed", "staged": [_fields(entry) for entry in entries]}, _text(entries))


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


def _text(entries: Sequence[HistoryEntry]) -> str:
    if not entries:
        return "nothing is staged"
    names = ("state", "key", "source_partition", "total_ids", "overruled", "why")
    rows = [names, *(tuple(readable(fields[name] or "") for name in names) for fields in map(_fields, entries))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
    return "\n".join(
        "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
