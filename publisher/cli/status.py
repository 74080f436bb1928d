"""`publisher status`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from publisher.cli import options, telling
from publisher.cli.connect import connect
from publisher.cli.output import Output, ago_text, fields_text, stored_fields
from publisher.errors import IntegrityError, SourceNotReady
from publisher.guards.active import hold_text
from publisher.redaction import shown
from publisher.settings import parse_duration

if TYPE_CHECKING:
    from publisher.records.record import Record
    from publisher.status import Status
    from publisher.store.keys import Destination
    from publisher.values import StoredObject


@click.command()
@click.pass_obj
@options.destination
@options.MAX_AGE
@options.METRICS
@options.measuring
def status(output: Output, to: str, endpoint_url: str | None, max_age: str | None, metrics: bool) -> None:
    """Show what is active, since when, whether it is held or stale, and what the last run said.

    Ends with 4 when active is not what was promoted last, and with 5 when nothing is active. With --max-age, the exit
    code is a monitor's. With --metrics, run by a schedule, it is a dead man's switch: where nothing is active, or what
    is was not promoted last, no age is sent, and an alarm that takes missing data for a breach rings.
    """
    if metrics:
        telling.require_namespace(output.telling)
    limit = parse_duration(max_age) if max_age else None
    destination, store = connect(to, endpoint_url, output)
    from publisher.guards import require_fresh
    from publisher.status import status as run

    found = run(store, destination)
    now = datetime.now(timezone.utc)
    active = found.active
    is_stale = active is not None and limit is not None and now - active.last_modified > limit
    fields = {"status": _word(found, is_stale=is_stale), **_fields(found, now)}
    output.answer(fields, _text(found, fields, destination, now))
    if metrics:
        trusted = None if found.doubts else active
        telling.tell_age(output.telling, destination, trusted, now, as_json=output.as_json)
    output.as_json = False  # the one object is printed; what may follow is a refusal's two lines and its exit code
    if active is None:
        raise SourceNotReady(f"Nothing is active at {destination.url(destination.active_key)}.", _hint(found))
    if found.doubts:
        raise IntegrityError(
            f"Active is not what was promoted last: {'; '.join(found.doubts)}.",
            "Tell the consumers. `publisher rollback --to-last` puts back what was promoted last; see the runbook.",
        )
    if limit is not None:
        require_fresh(active, limit, now)


def _hint(found: Status) -> str:
    if found.promoted_last is not None:
        return f"What was promoted last can be put back, {found.promoted_last}: `publisher rollback --to-last`."
    return "Run `dbt build && publisher publish`, or correct --to."


def _word(found: Status, *, is_stale: bool) -> str:
    if found.active is None:
        return "nothing active"
    if found.doubts:
        return "not as promoted"
    return "stale" if is_stale else "active"


def _fields(found: Status, now: datetime) -> dict[str, Any]:
    run = found.last_run
    return {
        **(_active_fields(found.active, now) if found.active else {}),
        "hold": vars(found.hold) if found.hold else None,
        "doubts": list(found.doubts),
        "promoted_last": found.promoted_last,
        "last_run": {
            name: getattr(run, name)
            for name in ("recorded_at", "command", "outcome", "guard", "error", "message", "user_name", "host_name")
        }
        if run
        else None,
    }


def _active_fields(active: StoredObject, now: datetime) -> dict[str, Any]:
    said = active.metadata
    return {
        **stored_fields(active),
        "ids_added": said.ids_added,
        "ids_removed": said.ids_removed,
        "suppression_entries": said.suppression_entries,
        "withheld_ids": said.withheld_ids,
        "sha256": said.sha256,
        "content_bytes": said.content_bytes,
        "dbt_invocation_id": said.dbt_invocation_id,
        "snapshot_id": said.snapshot_id,
        "tagged_table": said.tagged_table,
        "publisher_version": said.publisher_version,
        "promoted_by": said.promoted_by,
        "last_modified": active.last_modified.isoformat(),
        "age_seconds": max(int((now - active.last_modified).total_seconds()), 0),
        "overruled": said.overruled,
    }


def _text(found: Status, fields: dict[str, Any], destination: Destination, now: datetime) -> str:
    """Returns the answer in words first, digests and the like after them."""
    hold, active = found.hold, found.active
    held = "Publishing is not held." if hold is None else f"PUBLISHING IS HELD{hold_text(hold)}."
    words = [_active_text(active, now) if active else f"Nothing is active at {destination.prefix or '/'}.", held]
    if not found.sees_records:
        words.append("The records of runs may not be seen by this role.")
    if found.last_run is not None:
        words.append(_run_text(found.last_run, now))
    details = {name: value for name, value in fields.items() if name not in ("status", "doubts", "last_run", "hold")}
    return fields_text(
        "\n".join(map(shown, words)), {**details, "hold": fields["hold"], "at": destination.url(destination.active_key)}
    )


def _active_text(active: StoredObject, now: datetime) -> str:
    said = active.metadata
    ids = "An unknown number of" if said.total_ids is None else f"{said.total_ids:,}"
    changes = ""
    if said.ids_added is not None and said.ids_removed is not None:
        changes = f" (+{said.ids_added:,} added, -{said.ids_removed:,} removed)"
    withheld = "" if said.withheld_ids is None else f", {said.withheld_ids:,} withheld by the suppression list"
    by = " by a rollback" if said.promoted_by == "rollback" else ""
    since = ago_text(active.last_modified, now)
    partition = said.source_partition or "unknown"
    return f"{ids} ids of partition {partition} are active{changes}{withheld}, promoted {since}{by}."


def _run_text(run: Record, now: datetime) -> str:
    since = f" {ago_text(run.moment, now)}" if run.moment else ""
    outcome = f"{run.outcome.replace('_', ' ')}{f' by {run.guard}' if run.guard else ''}"
    said = f": {run.message}" if run.message else "."
    by = f" by {run.user_name}" if run.user_name else ""
    return f"The last run, {run.command}{since}{by}, was {outcome}{said}"
