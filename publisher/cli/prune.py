"""`publisher prune`."""

from __future__ import annotations

import click

from publisher.cli import options
from publisher.cli.connect import connect
from publisher.cli.log import warn
from publisher.cli.output import Output


@click.command()
@click.pass_obj
@options.writing
@options.KEEP_DAYS
@options.DRY_PRUNE
def prune(output: Output, to: str, endpoint_url: str | None, keep_days: int, dry_run: bool) -> None:
    """Remove staged files and records that are older than --keep-days, older versions of them included.

    Never the staged files and records of the last three promotions, nor of what is active, whatever their age.
    """
    destination, store = connect(to, endpoint_url, output)
    from publisher.prune import prune as run

    done = run(store, destination, keep_days, dry_run=dry_run, warn=warn)
    word = "would be removed" if dry_run else "removed"
    fields = {"status": word, "staged": list(done.staged), "records": list(done.records)}
    listed = "\n".join(f"  {key}" for key in (*done.staged, *done.records)) if dry_run else ""
    text = f"{word}: {len(done.staged):,} staged files (notes included) and {len(done.records):,} records"
    output.answer(fields, f"{text}\n{listed}".rstrip(), is_done=True)
