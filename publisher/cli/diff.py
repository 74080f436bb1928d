"""`publisher diff`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from publisher.cli import log, options
from publisher.cli.asked import addressed_list
from publisher.cli.connect import open_bucket, require_extra
from publisher.cli.output import Output, fields_text
from publisher.cli.streams import lead_nowhere
from publisher.errors import PublisherError, UsageError
from publisher.redaction import shown

if TYPE_CHECKING:
    from publisher.diff import Compared, Difference, Which

_READER_GONE = 141  # what a shell reports for a program that SIGPIPE ended


@click.command()
@click.pass_context
@options.reading
@options.dbt
@options.ID_COLUMN
@options.IDS
@click.argument("a", default="active")
@click.argument("b", default="dbt")
def diff(
    context: click.Context,
    /,
    endpoint_url: str | None,
    target_path: Path,
    ids: Which | None,
    a: str,
    b: str,
    **_options: Any,
) -> None:
    """Count the ids that only B has (added), that only A has (removed), and that both have.

    A and B are each: active (the default of A), dbt (the table that dbt built, the default of B), a staged file
    (stage/stage_20261001_040000.txt.gz), or a table as publish's --table takes it. So `publisher diff` alone tells what
    a publish would change. Nothing is written. What is damaged, not in order or replaced meanwhile ends it with an
    error; what --ids printed until then is not whole.
    """
    output = context.ensure_object(Output)
    of_list = addressed_list(context)
    destination = of_list.destination
    if ids and output.as_json:
        raise UsageError(
            "--ids and --json were both given, but stdout can hold the ids or one object.",
            "Run it once with each; with --ids the counts go to stderr.",
        )
    require_extra("pyarrow", "publish", "diff")
    from publisher.aws.clients import Deadline
    from publisher.diff import DbtTable, parse_side
    from publisher.diff import diff as run
    from publisher.lake.access import LakeAccess

    of_dbt = DbtTable(target_path, of_list.model, of_list.id_column, of_list.exposure)
    ours, theirs = (parse_side(text, destination, of_dbt) for text in (a, b))
    deadline = Deadline(output.deadline_seconds)
    store, lake = open_bucket(destination.bucket, endpoint_url, output, deadline), LakeAccess(deadline)
    if ids is None:
        found = run(store, destination, ours, theirs, lake)
        output.answer(_fields(found), _text(found))
        return
    printer = _Printer()
    try:
        found = run(store, destination, ours, theirs, lake, which=ids, sink=printer)
        printer.flush()
    except PublisherError as error:
        if printer.has_begun:
            error.hint += " The ids that were printed are not whole: use none of them."
        raise
    log.note(_text(found))


class _Printer:
    """Prints ids, and ends the process quietly when nobody reads them any more."""

    def __init__(self) -> None:
        self.has_begun = False
        if sys.stdout is None:  # closed before the program began
            raise click.exceptions.Exit(_READER_GONE)
        # A buffer of its own: sys.stdout has none under PYTHONUNBUFFERED, and then may write a part and not say so.
        self._out = open(sys.stdout.fileno(), "wb", closefd=False)  # noqa: SIM115 -- the process's own

    def __call__(self, lines: memoryview) -> None:
        self.has_begun = True
        with self._writing():
            self._out.write(lines)

    def flush(self) -> None:
        with self._writing():
            self._out.flush()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            lead_nowhere(self._out.fileno())
            if isinstance(error, BrokenPipeError):  # whoever reads has seen enough, as `head` has
                raise click.exceptions.Exit(_READER_GONE) from None
            raise UsageError(
                f"The ids could not be written: {error.strerror}.", "See where stdout leads: to a full disk?"
            ) from error


def _fields(found: Difference) -> dict[str, Any]:
    return {
        "status": "compared",
        "a": _side(found.a),
        "b": _side(found.b),
        "ids_added": found.ids_added,
        "ids_removed": found.ids_removed,
        "ids_in_both": found.ids_in_both,
        "notes": list(found.notes),
    }


def _side(compared: Compared) -> dict[str, Any]:
    return {
        "name": compared.name,
        "total_ids": compared.total_ids,
        "source_partition": compared.source_partition,
        "etag": compared.etag,
    }


def _text(found: Difference) -> str:
    fields: dict[str, Any] = {}
    for side, compared in (("A", found.a), ("B", found.b)):
        fields |= {f"{side} is": compared.name, f"{side}'s partition": compared.source_partition}
        fields[f"{side}'s ids"] = compared.total_ids
    counts = {"added (only in B)": found.ids_added, "removed (only in A)": found.ids_removed}
    fields |= {**counts, "in both": found.ids_in_both}
    return "\n".join([fields_text("compared A with B", fields), *(f"note: {shown(note)}" for note in found.notes)])
