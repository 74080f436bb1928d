"""The two streams: whatever is printed goes through here, and a stream that is full or closed stops nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click

from publisher.redaction import without_passwords


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


def lead_nowhere(descriptor: int) -> None:
    """Lets what is still in a stream's buffer be written without a failure, when it is closed or the process ends.

    Args:
        descriptor: Of a stream that is full, or that nobody reads any more.
    """
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)


def print_json(fields: Mapping[str, Any], *, is_error: bool = False) -> bool:
    """Prints one object on one line, and returns whether that was possible."""
    text = json.dumps(fields, ensure_ascii=False)
    # JSON itself lets some pass that a terminal obeys, or that cannot be encoded.
    return say("".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text), is_error=is_error)
