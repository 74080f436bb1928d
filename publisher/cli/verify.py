"""`publisher verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from publisher.cli import options
from publisher.cli.connect import connect
from publisher.cli.output import Output, fields_text
from publisher.errors import IntegrityError

if TYPE_CHECKING:
    from publisher.verify import Verification


@click.command()
@click.pass_obj
@options.destination
def verify(output: Output, to: str, endpoint_url: str | None) -> None:
    """Download what is active, recompute everything, and say what differs."""
    destination, store = connect(to, endpoint_url, output)
    from publisher.verify import verify as run

    verification = run(store, destination)
    url = destination.url(destination.active_key)
    if verification.differences:
        raise IntegrityError(
            f"{url} is damaged, or not what was promoted last: {'; '.join(verification.differences)}.",
            "Tell the consumers. `publisher rollback --to-last` puts back what was promoted last; see the runbook.",
        )
    fields = _fields(verification)
    output.answer({"status": "verified", **fields}, fields_text(f"{url} is whole", fields))


def _fields(verification: Verification) -> dict[str, Any]:
    found, said = verification.found, verification.active.metadata
    return {
        "etag": verification.active.etag,
        "total_ids": found.lines,
        "md5_checksum": found.md5,
        "sha256": found.sha256,
        "bytes": found.bytes,
        "content_bytes": found.content_bytes,
        "source_partition": said.source_partition,
        "created_at": said.created_at,
    }
