"""How an answer looks: one JSON object for a program, a title and a small table for a person."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import click

from publisher.errors import UsageError
from publisher.guards.active import readable_duration
from publisher.redaction import without_passwords
from publisher.values import StoredObject


@dataclass
class Output:
    """How a command answers; known before anything can fail.

    Attributes:
        as_json: One JSON object on stdout, also on failure.
        debug: A traceback on failure.
        deadline_seconds: For all requests to the store together.
        of_bucket: What is said with every request to the bucket; the names are those of `S3Options`.
    """

    as_json: bool = False
    debug: bool = False
    deadline_seconds: float = 3600
    of_bucket: dict[str, Any] = field(default_factory=dict)

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


def warn(text: str) -> None:
    """Tells, beside the answer, what is worth knowing."""
    say(f"publisher: {shown(text)}", is_error=True)


def say(text: str, *, is_error: bool = False) -> bool:
    """Prints, and returns whether that was possible: a stream may be closed or full, or lead to nobody any more.

    A sign that the stream's encoding does not have is printed as its escape, and no password of an address at all.
    """
    stream = sys.stderr if is_error else sys.stdout
    if stream is None:  # closed before the program began
        return False
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        click.echo(without_passwords(text).encode(encoding, "backslashreplace").decode(encoding), file=stream)
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            lead_nowhere(stream.fileno())
        return False
    return True


def shown(text: str) -> str:
    """Returns a text as it may stand on a terminal or in a log: one line, control characters as their escapes.

    What comes from the store or a table was written by anybody: a line break would forge a line, an escape sequence
    would clear the screen.
    """
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def lead_nowhere(descriptor: int) -> None:
    """Lets what is still in a stream's buffer be written without a failure, when it is closed or the process ends.

    Args:
        descriptor: Of a stream that is full, or that nobody reads any more.
    """
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)


def ago_text(moment: datetime, now: datetime) -> str:
    """Returns how long ago something was, as a person says it."""
    return f"{readable_duration(max(now - moment, timedelta(0)))} ago"


def print_json(fields: Mapping[str, Any]) -> bool:
    """Prints the one object, and returns whether that was possible."""
    text = json.dumps(fields, ensure_ascii=False)
    # JSON itself lets some pass that a terminal obeys, or that cannot be encoded.
    return say("".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text))


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
