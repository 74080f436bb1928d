"""`publisher latest-partition`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from publisher.cli import options
from publisher.cli.connect import open_bucket
from publisher.cli.log import warn
from publisher.cli.output import Output
from publisher.errors import UsageError
from publisher.settings import parse_duration
from publisher.store.keys import Destination

if TYPE_CHECKING:
    from publisher.latest_partition import Latest
    from publisher.store.protocol import Store

_NAMES_SHOWN = 5


@click.command("latest-partition")
@click.pass_obj
@options.answering
@options.PARTITIONED_TABLE
@options.PARTITION_COLUMNS
@options.PARTITION_VALUE_PATTERN
@options.SINCE_DAYS
@options.MAX_PARTITION_AGE_DAYS
@options.MAX_PARTITION_DAYS_AHEAD
@options.NEWER_THAN_ACTIVE
@options.TO.but(required=False)
@options.EXPECTED_BUCKET_OWNER
@options.READY_FILE
@options.READY_AFTER
def latest_partition(
    output: Output,
    endpoint_url: str | None,
    table: str | None,
    partition_columns: str,
    partition_value_pattern: str | None,
    since_days: int,
    max_partition_age_days: int | None,
    max_partition_days_ahead: int,
    newer_than_active: bool,
    to: str | None,
    ready_file: str | None,
    ready_after: str | None,
) -> None:
    """Print the newest partition in the Glue catalog, as dbt's var pinned_partition takes it.

    Without Spark: for catalogs with tens of thousands of partitions, and for schedules that poll. --newer-than-active
    ends with 8 when nothing is new, --ready-file and --ready-after wait for a whole load. It needs glue:GetTable and
    glue:GetPartitions.
    """
    if newer_than_active and not to:
        raise UsageError("--newer-than-active needs --to.", "Give --to (or PUBLISHER_TO), where active is.")
    destination = Destination.parse(to) if newer_than_active and to else None
    wait = parse_duration(ready_after) if ready_after else None
    from publisher.aws.clients import Deadline
    from publisher.lake.glue import GlueCatalog
    from publisher.latest_partition import Wanted, glue_table
    from publisher.latest_partition import latest_partition as run
    from publisher.partitions.rule import PATTERN, column_list

    database, name = glue_table(table, os.environ)
    wanted = Wanted(
        database=database,
        table=name,
        columns=column_list(partition_columns),
        pattern=partition_value_pattern or PATTERN,
        since_days=since_days,
        max_days_ahead=max_partition_days_ahead,
        max_age_days=max_partition_age_days,
        newer_than=destination,
        ready_file=ready_file,
        ready_after=wait,
    )
    deadline = Deadline(output.deadline_seconds)

    def open_store(bucket: str) -> Store:
        # What is said of the destination is not said of the table's bucket.
        said = output if destination is not None and bucket == destination.bucket else Output()
        return open_bucket(bucket, endpoint_url, said, deadline)

    latest = run(wanted, GlueCatalog(deadline=deadline), open_store, datetime.now(timezone.utc))
    for note in _notes(latest):
        warn(note)
    output.answer(_fields(latest), latest.partition)


def _fields(latest: Latest) -> dict[str, Any]:
    return {
        "status": "found",
        "partition": latest.partition,
        "location": latest.location,
        "created": latest.created.isoformat() if latest.created else None,
        "considered": latest.considered,
        "previous": latest.previous,
        "ignored": {
            "count": len(latest.ignored),
            "partitions": [{"partition": name, "why": why} for name, why in latest.ignored[:_NAMES_SHOWN]],
        },
        "not_ready": [{"partition": name, "why": why} for name, why in latest.not_ready],
        "expression": latest.expression,
        "requests": latest.requests,
    }


def _notes(latest: Latest) -> list[str]:
    """Returns what a person might want to know of how a partition was found, one line each."""
    found = [f"{latest.considered} considered"]
    if latest.previous:
        found.append(f"next newest {latest.previous}")
    if latest.ignored:
        found.append(f"{len(latest.ignored)} ignored: {_with_why(latest.ignored)}")
    notes = [*latest.notes, f"the newest partition is {latest.partition} ({', '.join(found)})"]
    if latest.not_ready:
        waiting = _with_why(latest.not_ready)
        notes.append(f"{latest.partition} is the newest that is ready; not ready yet: {waiting}")
    return notes


def _with_why(partitions: Sequence[tuple[str, str]]) -> str:
    shown = [f"{name} ({why})" for name, why in partitions[:_NAMES_SHOWN]]
    return ", ".join(shown) + (", …" if len(partitions) > _NAMES_SHOWN else "")
