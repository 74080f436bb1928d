"""`publisher hold` and `publisher release`."""

from __future__ import annotations

import click

from publisher.cli import options
from publisher.cli.connect import connect
from publisher.cli.log import warn
from publisher.cli.output import Output
from publisher.redaction import shown


@click.command()
@click.pass_obj
@options.writing
@options.REASON.but(required=True)
def hold(output: Output, to: str, endpoint_url: str | None, reason: str) -> None:
    """Make every publish refuse, for a reason, until the hold is released."""
    destination, store = connect(to, endpoint_url, output)
    from publisher.holding import hold as run
    from publisher.records.actor import current_user

    held = run(store, destination, reason, current_user(), warn=warn)
    output.answer(
        {"status": "held", **vars(held)},
        f"held: {destination.url(destination.hold_key)}; `publisher release` ends it",
        is_done=True,
    )


@click.command()
@click.pass_obj
@options.writing
def release(output: Output, to: str, endpoint_url: str | None) -> None:
    """End a hold."""
    destination, store = connect(to, endpoint_url, output)
    from publisher.holding import release as run

    held = run(store, destination, warn=warn)
    output.answer(
        {"status": "released", "hold": vars(held) if held else None},
        f"released: {shown(held.reason)}" if held else "nothing was held",
        is_done=True,
    )
