"""`publisher prune`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from publisher.cli import options
from publisher.cli.connect import connect
from publisher.cli.log import warn
from publisher.cli.output import Output
from publisher.errors import UsageError

if TYPE_CHECKING:
    from publisher.store.keys import Destination
    from publisher.store.protocol import Store

_LONGEST_LIST_BYTES = 256 << 20


@click.command()
@click.pass_obj
@options.writing
@options.KEEP_DAYS
@options.HOLDING
@options.DRY_PRUNE
def prune(
    output: Output, to: str, endpoint_url: str | None, keep_days: int | None, holding: str | None, dry_run: bool
) -> None:
    """Remove staged files and records that are older than --keep-days, older versions of them included.

    Never the staged files and records of the last three promotions, nor of what is active, whatever their age.

    With --holding instead, remove every staged file that holds one of the ids of a file, whatever its age, and every
    older version of one, or of active, that does. The record has counts and digests, and no id. It is refused while
    active holds one: put them on the suppression list first, build and publish.
    """
    if (keep_days is None) == (holding is None):
        raise UsageError("`publisher prune` takes --keep-days or --holding.", "Give one of them.")
    if holding is not None:
        wanted = _ids_of(holding)
        destination, store = connect(to, endpoint_url, output)
        _prune_holding(output, destination, store, wanted, dry_run=dry_run)
        return
    destination, store = connect(to, endpoint_url, output)
    from publisher.prune.age import prune as run

    done = run(store, destination, keep_days or 0, dry_run=dry_run, warn=warn)
    word = "would be removed" if dry_run else "removed"
    fields = {"status": word, "staged": list(done.staged), "records": list(done.records)}
    listed = "\n".join(f"  {key}" for key in (*done.staged, *done.records)) if dry_run else ""
    text = f"{word}: {len(done.staged):,} staged files (notes included) and {len(done.records):,} records"
    output.answer(fields, f"{text}\n{listed}".rstrip(), is_done=True)


def _prune_holding(
    output: Output, destination: Destination, store: Store, wanted: frozenset[bytes], *, dry_run: bool
) -> None:
    from publisher.prune.holding import prune_holding

    done = prune_holding(store, destination, wanted, dry_run=dry_run, warn=warn)
    word = "would be removed" if dry_run else "removed"
    lines = [holder.to_line() for holder in done.removed]
    unread = [holder.to_line() for holder in done.removed if holder.is_damaged]
    fields = {
        "status": word,
        "wanted_ids": len(wanted),
        "searched": done.searched,
        "removed": lines,
        "damaged": unread,
        "removed_list_sha256": done.list_sha256,
    }
    damaged = f", {len(unread):,} of them because they cannot be read" if unread else ""
    text = f"{word}: {len(lines):,} of {done.searched:,} versions that were searched for {len(wanted):,} ids{damaged}"
    output.answer(fields, "\n".join([text, *(f"  {line}" for line in lines)]), is_done=True)


def _ids_of(path: str) -> frozenset[bytes]:
    from publisher.file.searching import parse_lines

    try:
        if path == "-":
            content = sys.stdin.buffer.read(_LONGEST_LIST_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(_LONGEST_LIST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"The file of --holding cannot be read: {error.strerror}.", "Name a file of ids.") from None
    if len(content) > _LONGEST_LIST_BYTES:
        raise UsageError("The file of --holding is longer than 256 MiB.", "Give the ids in several runs.")
    try:
        return parse_lines(content)
    except ValueError as fault:
        raise UsageError(
            f"The file of --holding cannot be used: {fault}.",
            "Give plain text, one id a line as in the published file.",
        ) from None
