"""How values look to a person and to a program. Builds texts; printing them is the command line's part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TextIO

import click

from publisher.artifacts import Hold, Report, StoredObject
from publisher.doctor import Check
from publisher.inspect_active import Staged, Verification
from publisher.keys import Destination
from publisher.latest_partition import Latest
from publisher.publish import Watcher
from publisher.pull import Pulled
from publisher.rollback import RolledBack

_NAMES_SHOWN = 5


def report_fields(report: Report) -> dict[str, Any]:
    """Returns the machine-readable report of a publish."""
    encoded, previous = report.encoded, report.previous
    return {
        "status": "published",
        "total_ids": encoded.total_ids,
        "md5_checksum": encoded.md5,
        "sha256": encoded.sha256,
        "source_partition": report.metadata.source_partition,
        "staged_key": report.staged_key,
        "active_key": report.active_key,
        "etag": report.etag,
        "bytes": encoded.bytes,
        "content_bytes": encoded.content_bytes,
        "created_at": report.metadata.created_at,
        "dbt_invocation_id": report.metadata.dbt_invocation_id,
        "ids_added": report.metadata.ids_added,
        "ids_removed": report.metadata.ids_removed,
        "overruled": report.metadata.overruled.split(",") if report.metadata.overruled else [],
        "previous": _object_fields(previous) if previous else None,
        "seconds": dict(report.seconds),
    }


def _object_fields(stored: StoredObject) -> dict[str, Any]:
    said = stored.metadata
    return {
        "etag": stored.etag,
        "bytes": stored.bytes,
        "total_ids": said.total_ids,
        "md5_checksum": said.md5_checksum,
        "source_partition": said.source_partition,
        "created_at": said.created_at,
        "staged_key": said.staged_key,
    }


def active_fields(active: StoredObject, hold: Hold | None, now: datetime) -> dict[str, Any]:
    """Returns what `status` shows."""
    return {
        **_object_fields(active),
        "sha256": active.metadata.sha256,
        "content_bytes": active.metadata.content_bytes,
        "dbt_invocation_id": active.metadata.dbt_invocation_id,
        "publisher_version": active.metadata.publisher_version,
        "last_modified": active.last_modified.isoformat(),
        "age_seconds": max(int((now - active.last_modified).total_seconds()), 0),
        "overruled": active.metadata.overruled,
        "hold": vars(hold) if hold else None,
    }


def staged_fields(staged: Staged) -> dict[str, Any]:
    """Returns what `history` shows of a staged file."""
    said = staged.stored.metadata
    return {
        "key": staged.stored.key,
        "state": staged.state,
        "total_ids": said.total_ids,
        "source_partition": said.source_partition,
        "bytes": staged.stored.bytes,
        "md5_checksum": said.md5_checksum,
        "created_at": said.created_at,
        "dbt_invocation_id": said.dbt_invocation_id,
        "ids_added": said.ids_added,
        "ids_removed": said.ids_removed,
        "overruled": said.overruled,
        "why": staged.why,
    }


def history_text(staged: Sequence[Staged]) -> str:
    """Returns the staged files as a table for a person."""
    if not staged:
        return "nothing is staged"
    names = ("state", "key", "source_partition", "total_ids", "overruled", "why")
    rows = [names, *(tuple(_readable(fields[name] or "") for name in names) for fields in map(staged_fields, staged))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
    return "\n".join(
        "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def rollback_fields(done: RolledBack) -> dict[str, Any]:
    """Returns what a rollback did."""
    return {
        **_object_fields(done.active),
        "overruled": done.active.metadata.overruled,
        "is_held": done.is_held,
        "previous": _object_fields(done.previous),
    }


def rollback_text(done: RolledBack, destination: Destination) -> str:
    """Returns what a rollback did, for a person."""
    now, before = done.active.metadata, done.previous.metadata
    shown = {
        "source partition": now.source_partition,
        "ids": now.total_ids,
        "staged as": now.staged_key,
        "overruled": now.overruled,
        "replaced": _replaced(before.source_partition, before.total_ids),
        "publishing is held": done.is_held,
    }
    return fields_text(f"rolled back {destination.url(done.active.key)}", shown)


def pulled_fields(pulled: Pulled) -> dict[str, Any]:
    """Returns what a pull did."""
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


def check_fields(check: Check) -> dict[str, Any]:
    """Returns what `doctor` says of one try."""
    return {"name": check.name, "passed": check.passed, "detail": check.detail, "fix": check.fix}


def check_text(check: Check) -> str:
    """Returns what `doctor` says of one try, for a person."""
    fix = "" if check.passed else f"\n{'':<9}{check.fix}"
    return f"{'passed' if check.passed else 'FAILED':<9}{check.name}: {check.detail}{fix}"


def latest_fields(latest: Latest) -> dict[str, Any]:
    """Returns what `latest-partition` found."""
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


def latest_notes(latest: Latest) -> list[str]:
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


def verification_fields(verification: Verification) -> dict[str, Any]:
    """Returns what `verify` shows of a file in which nothing differs."""
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


def report_text(report: Report, destination: Destination) -> str:
    """Returns the summary of a publish for a person."""
    fields = report_fields(report)
    previous = report.previous.metadata if report.previous else None
    shown = {
        "source partition": fields["source_partition"],
        "ids": fields["total_ids"],
        "added": fields["ids_added"],
        "removed": fields["ids_removed"],
        "overruled": report.metadata.overruled,
        "bytes": fields["bytes"],
        "md5 of the content": fields["md5_checksum"],
        "sha256 of the file": fields["sha256"],
        "staged as": destination.url(report.staged_key),
        "replaced": _replaced(previous.source_partition, previous.total_ids)
        if previous
        else "nothing, it is the first",
        "seconds": ", ".join(f"{step} {seconds:.2f}" for step, seconds in report.seconds.items()),
    }
    return fields_text(f"published {destination.url(report.active_key)}", shown)


def _replaced(partition: str | None, total_ids: int | None) -> str:
    ids = "an unknown number of" if total_ids is None else f"{total_ids:,}"
    return f"{ids} ids of partition {partition or 'unknown'}"


def fields_text(title: str, fields: Mapping[str, Any]) -> str:
    """Returns a title and a table of names and values; values that are not known are left out."""
    known = {name: value for name, value in fields.items() if value is not None}
    width = max(map(len, known))
    rows = [f"  {name:<{width}}  {_readable(value)}" for name, value in known.items()]
    return "\n".join([title, *rows])


def _readable(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items() if part is not None)
    return f"{value:,}" if isinstance(value, int) else str(value)


@contextmanager
def progress(stream: TextIO) -> Iterator[Watcher]:
    """Shows progress where a person watches; a pipe gets none."""
    if not stream.isatty():
        yield _Log(stream)
        return
    bar = _Bar(stream)
    try:
        yield bar
    finally:
        bar.close()


class _Log(Watcher):
    """Only what is worth knowing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def warn(self, text: str) -> None:
        click.echo(f"publisher: {text}", file=self._stream)


class _Bar(_Log):
    """A bar while the table is streamed, and the name of every other step."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._bar: Any = None

    def step(self, name: str) -> None:
        self.close()
        if name != "encode":
            click.echo(f"{name.replace('_', ' ')} …", file=self._stream)

    def reading(self, total_rows: int) -> None:
        self._bar = click.progressbar(length=total_rows, label="encode", file=self._stream)
        self._bar.__enter__()

    def read(self, rows: int) -> None:
        self._bar.update(rows)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None
