"""How an answer looks: one JSON object for a program, a title and a small table for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from publisher.cli.log import warn
from publisher.cli.streams import print_json, say
from publisher.cli.telling import Telling
from publisher.errors import PublisherError, UsageError
from publisher.guards.active import readable_duration
from publisher.redaction import shown
from publisher.values import StoredObject


@dataclass
class Output:
    """How a command answers; known before anything can fail.

    Attributes:
        as_json: One JSON object on stdout, also on failure.
        debug: A traceback on failure.
        deadline_seconds: For all requests to the store together.
        of_bucket: What is said with every request to the bucket; the names are those of `S3Options`.
        telling: Who else is to be told, and of what; while several lists are published, of the one that is under way.
        worst: Of several lists, the error whose exit code counts; everything is said of it already.
    """

    as_json: bool = False
    debug: bool = False
    deadline_seconds: float = 3600
    of_bucket: dict[str, Any] = field(default_factory=dict)
    telling: Telling = field(default_factory=Telling)
    worst: PublisherError | None = None

    def answer(self, fields: Mapping[str, Any], text: str, *, is_done: bool = False) -> None:
        """Prints what a command found or did, as it was asked for.

        Args:
            fields: For a program.
            text: For a person.
            is_done: Whether something was changed, which then counts, and not whether it could be told.

        Raises:
            UsageError: It could not be printed, and nothing was changed.
        """
        if print_json(fields) if self.as_json else say(text):
            return
        if not is_done:
            raise UsageError("The answer could not be printed.", "See where stdout leads: it is full, or closed.")
        warn("it is done, but the answer could not be printed: stdout is full, or closed")


def ago_text(moment: datetime, now: datetime) -> str:
    """Returns how long ago something was, as a person says it."""
    return f"{readable_duration(max(now - moment, timedelta(0)))} ago"


def stored_fields(stored: StoredObject) -> dict[str, Any]:
    """Returns what is shown of a published file, wherever one is."""
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


def replaced_text(partition: str | None, total_ids: int | None) -> str:
    """Returns what was replaced, for a person."""
    ids = "an unknown number of" if total_ids is None else f"{total_ids:,}"
    return f"{ids} ids of partition {partition or 'unknown'}"


def fields_text(title: str, fields: Mapping[str, Any]) -> str:
    """Returns a title and a table of names and values; values that are not known are left out."""
    known = {name: value for name, value in fields.items() if value is not None}
    width = max(map(len, known))
    rows = [f"  {name:<{width}}  {readable(value)}" for name, value in known.items()]
    return "\n".join([title, *rows])


def table_text(rows: Sequence[tuple[str, ...]]) -> str:
    """Returns rows as a table whose columns stand below each other."""
    rows = [tuple(map(shown, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def readable(value: Any) -> str:
    """Returns a value as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(str(part))}" for name, part in value.items() if part is not None)
    return f"{value:,}" if isinstance(value, int) else shown(str(value))
