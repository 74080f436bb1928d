"""`publisher pull`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from publisher.cli import options
from publisher.cli.connect import connect
from publisher.cli.output import Output, fields_text
from publisher.settings import parse_duration

if TYPE_CHECKING:
    from publisher.pull import Pulled


@click.command()
@click.pass_obj
@options.destination
@click.argument("target", type=click.Path(path_type=Path))
@options.STATE
@options.MAX_AGE
@options.ACCEPT_ROLLBACK
def pull(
    output: Output,
    to: str,
    endpoint_url: str | None,
    target: Path,
    state: Path | None,
    max_age: str | None,
    accept_rollback: bool,
) -> None:
    """For consumers: bring TARGET up to what is active, verified, in one atomic step.

    When nothing is new, this is one request. An older partition than the last accepted one is refused, and with
    --max-age a stale file. Several may run at once. A TARGET that is there keeps its mode and owner. It only reads the
    store, with the right s3:GetObject (and s3:ListBucket). In Python: publisher.pull.pull.
    """
    limit = parse_duration(max_age) if max_age else None
    destination, store = connect(to, endpoint_url, output)
    from publisher.pull import pull as run

    pulled = run(store, destination, target, state=state, max_age=limit, accept_rollback=accept_rollback)
    fields = _fields(pulled)
    output.answer(fields, fields_text(f"{pulled.status}: {pulled.path}", fields), is_done=True)


def _fields(pulled: Pulled) -> dict[str, Any]:
    said = pulled.metadata
    return {
        "status": pulled.status,
        "path": str(pulled.path),
        "etag": pulled.etag,
        "bytes": pulled.bytes,
        "total_ids": said.total_ids,
        "md5_checksum": said.md5_checksum,
        "source_partition": said.source_partition,
        "created_at": said.created_at,
        "last_modified": pulled.last_modified.isoformat(),
    }
