"""What is said of a command that ends badly, and which of several ends is the worst."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterable
from typing import Any

from publisher.cli import log
from publisher.cli.output import Output
from publisher.errors import PublisherError, UsageError
from publisher.redaction import shown

# Exit codes of lists that are published by one command. What a person has to look at comes first, what may be over when
# it is tried again after it, so that a scheduler tells somebody, and does not hide it behind another attempt.
WORST_FIRST = (1, 4, 2, 3, 5, 7, 6, 8, 0)


def worst(errors: Iterable[PublisherError | None]) -> PublisherError | None:
    """Returns the one whose exit code counts for all; None where none ended badly."""
    return min(errors, key=lambda error: WORST_FIRST.index(error.exit_code if error else 0), default=None)


def failure_fields(error: PublisherError) -> dict[str, Any]:
    """Returns what a program is told of an error."""
    fields = {"status": error.status, "error": type(error).__name__, "exit_code": error.exit_code}
    guard = {"guard": error.guard} if error.guard else {}
    return {**fields, **guard, "message": error.message, "hint": error.hint}


def say_failed(error: PublisherError, output: Output) -> None:
    """Says on stderr what happened and what to do; to be called while the error is handled, for its traceback."""
    if output.debug and sys.exc_info()[0] is not None:
        log.note("\n".join(map(shown, traceback.format_exc().splitlines())), level="debug")
    log.fail(error)


def unexpected(error: Exception) -> PublisherError:
    """Returns what to say of an error that nobody foresaw. Only its kind: the text may hold data."""
    if isinstance(error, MemoryError):
        return UsageError(
            "There is not enough memory.", "Give the process more: docs/scaling.md tells how much it takes."
        )
    if isinstance(error, OSError) and error.errno is not None:
        name = errno.errorcode.get(error.errno, str(error.errno))
        return UsageError(
            f"This machine refused something: {os.strerror(error.errno)} ({name}).",
            "Look at its disks, limits (ulimit) and rights; with --debug it is shown where.",
        )
    message = f"Unexpected {type(error).__name__}: this is a bug."
    return PublisherError(message, "Run again with --debug, and report what it shows.")
