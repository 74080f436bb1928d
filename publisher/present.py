"""How values look to a person and to a program. Builds texts; printing them is the command line's part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TextIO

import click

from publisher.artifacts import Report, StoredObject
from publisher.inspect_active import Verification
from publisher.keys import Destination
from publisher.publish import Watcher


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


def active_fields(active: StoredObject, now: datetime) -> dict[str, Any]:
    """Returns what `status` shows."""
    return {
        **_object_fields(active),
        "sha256": active.metadata.sha256,
        "content_bytes": active.metadata.content_bytes,
        "dbt_invocation_id": active.metadata.dbt_invocation_id,
        "publisher_version": active.metadata.publisher_version,
        "last_modified": active.last_modified.isoformat(),
        "age_seconds": max(int((now - active.last_modified).total_seconds()), 0),
    }


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
    return f"{value:,}" if isinstance(value, int) else str(value)


@contextmanager
def progress(stream: TextIO) -> Iterator[Watcher]:
    """Shows progress where a person watches; a pipe gets none."""
    if not stream.isatty():
        yield Watcher()
        return
    bar = _Bar(stream)
    try:
        yield bar
    finally:
        bar.close()


class _Bar(Watcher):
    """A bar while the table is streamed, and the name of every other step."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
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
