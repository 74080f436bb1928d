"""`publisher status`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from publisher.cli import options
from publisher.cli.connect import connect
from publisher.cli.output import Output, fields_text, stored_fields
from publisher.settings import parse_duration

if TYPE_CHECKING:
    from publisher.status import Status


@click.command()
@click.pass_obj
@options.destination
@options.MAX_AGE
def status(output: Output, to: str, endpoint_url: str | None, max_age: str | None) -> None:
    """Show what is active, since when, and whether it is held or stale.

    With --max-age, the exit code is a monitor's.
    """
    limit = parse_duration(max_age) if max_age else None
    destination, store = connect(to, endpoint_url, output)
    from publisher.guards import require_fresh
    from publisher.status import status as run

    found = run(store, destination)
    now = datetime.now(timezone.utc)
    fields = _fields(found, now)
    is_stale = limit is not None and now - found.active.last_modified > limit
    output.answer(
        {"status": "stale" if is_stale else "active", **fields},
        fields_text(destination.url(destination.active_key), fields),
    )
    if limit is not None:
        output.as_json = False  # the one object is printed; what follows is the refusal's two lines and its exit code
        require_fresh(found.active, limit, now)


def _fields(found: Status, now: datetime) -> dict[str, Any]:
    active = found.active
    return {
        **stored_fields(active),
        "sha256": active.metadata.sha256,
        "content_bytes": active.metadata.content_bytes,
        "dbt_invocation_id": active.metadata.dbt_invocation_id,
        "publisher_version": active.metadata.publisher_version,
        "last_modified": active.last_modified.isoformat(),
        "age_seconds": max(int((now - active.last_modified).total_seconds()), 0),
        "overruled": active.metadata.overruled,
        "hold": vars(found.hold) if found.hold else None,
    }
