"""`publisher trace`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from publisher.cli import options
from publisher.cli.connect import connect
from publisher.cli.output import Output, readable, table_text
from publisher.errors import Conflict, IntegrityError, UsageError
from publisher.redaction import shown
from publisher.settings import parse_day

if TYPE_CHECKING:
    from publisher.trace import Sighting, Span

_LONGEST_BYTES = 1 << 20
_HELD = {True: "held", False: "not held", None: "cannot be told"}
_ACTIVE_HOLDS = {
    True: "the active file holds the id",
    False: "the active file does not hold the id",
    None: "whether an active file holds the id cannot be told",
}


# Whatever is typed in the place of an id is taken as one: click's own errors would quote it.
@click.command(context_settings={"ignore_unknown_options": True})
@click.pass_obj
@options.destination
@options.SINCE
@click.argument("words", metavar="ID", nargs=-1)
def trace(output: Output, to: str, endpoint_url: str | None, since: str | None, words: tuple[str, ...]) -> None:
    """Show on which days the file held an id, by the staged files that are still there.

    With - in the place of ID, it is read from the first line of stdin, and is in no history of a shell and no list of
    processes. Each staged file is searched up to where the id would stand. It ends with 0 whether the id was found or
    not, with 4 when a file is damaged, and with 6 when one was replaced or removed meanwhile; the others are told then,
    too.
    """
    if len(words) != 1:
        raise UsageError(f"`publisher trace` takes one id, not {len(words)}.", "See `publisher trace --help`.")
    from publisher.trace import active_holds, spans
    from publisher.trace import trace as run

    day = parse_day(since) if since else None
    wanted = _from_stdin() if words == ("-",) else words[0]
    destination, store = connect(to, endpoint_url, output)
    sightings = run(store, destination, wanted, day)
    published, holds = spans(sightings), active_holds(sightings)
    output.answer(
        {
            "status": "found" if any(sighting.holds for sighting in sightings) else "not found",
            "active_holds": holds,
            "since": day.strftime("%Y-%m-%d") if day else None,
            "published": [_span_fields(span) for span in published],
            "files": [_fields(sighting) for sighting in sightings],
        },
        _text(sightings, published, holds),
    )
    output.as_json = False  # the one object is printed; what follows is a failure's two lines and its exit code
    _require_told(sightings)


def _from_stdin() -> str:
    line = sys.stdin.buffer.readline(_LONGEST_BYTES + 2) if sys.stdin else b""
    return line.removesuffix(b"\n").removesuffix(b"\r").decode(errors="surrogateescape")


def _require_told(sightings: Sequence[Sighting]) -> None:
    unknown = [sighting for sighting in sightings if sighting.holds is None]
    damaged = [f"{sighting.key} {sighting.damage}" for sighting in unknown if sighting.damage]
    if damaged:
        more = f", and {len(damaged) - 1} more could not be searched" if len(damaged) > 1 else ""
        raise IntegrityError(
            f"{damaged[0]}{more}.",
            "Whether the id was there cannot be told of these files; the answer stands for the others.",
        )
    if unknown:
        raise Conflict(
            f"{len(unknown)} of {len(sightings)} files were replaced or removed while they were searched.",
            "Run the command again.",
        )


def _fields(sighting: Sighting) -> dict[str, Any]:
    return {
        "key": sighting.key,
        "created_at": sighting.created_at,
        "source_partition": sighting.source_partition,
        "state": sighting.state,
        "holds": sighting.holds,
        "damage": sighting.damage,
    }


def _span_fields(span: Span) -> dict[str, Any]:
    return {"from": _fields(span.first), "to": _fields(span.last), "files": span.files, "holds": span.holds}


def _text(sightings: Sequence[Sighting], published: Sequence[Span], holds: bool | None) -> str:
    if not sightings:
        return "no file was found to search"
    spans = [f"  {shown(_span_text(span))}" for span in published]
    names = ("created_at", "state", "holds", "source_partition", "key")
    rows = [names, *(tuple(map(str, (*_row(sighting), sighting.key))) for sighting in sightings)]
    return "\n".join([_ACTIVE_HOLDS[holds], *spans, "", table_text(rows)])


def _row(sighting: Sighting) -> tuple[str, str, str, str]:
    if sighting.holds is not None:
        holds = readable(sighting.holds)
    else:
        holds = f"damaged: {sighting.damage}" if sighting.damage else "replaced or removed meanwhile"
    return sighting.created_at, sighting.state, holds, sighting.source_partition or ""


def _span_text(span: Span) -> str:
    if span.files == 1:
        return f"{_name(span.first)}: {_HELD[span.holds]}"
    return f"{_name(span.first)} to {_name(span.last)}, {span.files:,} files: {_HELD[span.holds]}"


def _name(sighting: Sighting) -> str:
    name = sighting.key.rpartition("/")[2].removesuffix(".txt.gz")
    return f"{name} (partition {sighting.source_partition or 'unknown'})"
