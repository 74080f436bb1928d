"""What is told beside the answer, on stderr: readable lines, or with --log-format json one object each."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from publisher.cli.streams import print_json, say
from publisher.errors import PublisherError
from publisher.moments import iso
from publisher.redaction import shown

FORMATS = ("text", "json")
VARIABLE = "PUBLISHER_LOG_FORMAT"


class _Log:
    """How this process logs, and what each line of JSON tells of the run that it is about."""

    def __init__(self) -> None:
        self.is_json = False
        self.known: dict[str, Any] = {}


_log = _Log()


def begin(arguments: Sequence[str]) -> None:
    """Begins the log of a command, by its arguments as they are: they may be wrong, and that has to be told, too."""
    asked = [
        after if argument == "--log-format" else argument.partition("=")[2]
        for argument, after in zip(arguments, [*arguments[1:], ""], strict=True)
        if argument.partition("=")[0] == "--log-format"
    ]
    _log.is_json = (asked or [os.environ.get(VARIABLE, "")])[-1] == "json"
    _log.known = {"command": arguments[0]} if arguments and not arguments[0].startswith("-") else {}
    logging.getLogger("publisher").handlers[:] = [_FromBelow()]


def set_format(name: str) -> None:
    """Takes one of `FORMATS`, now that the arguments were read."""
    _log.is_json = name == "json"


def is_json() -> bool:
    """Whether each line is an object."""
    return _log.is_json


def know(**known: Any) -> None:
    """Adds what each line of JSON tells from here on; None takes a name away."""
    _log.known = {name: value for name, value in {**_log.known, **known}.items() if value is not None}


def warn(text: str) -> None:
    """Tells what is worth knowing."""
    if _log.is_json:
        _tell("warning", text)
    else:
        of_list = f"{_log.known['exposure']}: " if "exposure" in _log.known else ""
        say(f"publisher: {shown(f'{of_list}{text}')}", is_error=True)


def note(text: str, *, level: str = "info", **more: Any) -> None:
    """Tells what is printed as it is where a person reads."""
    if _log.is_json:
        _tell(level, text, **more)
    else:
        say(text, is_error=True)


def fail(error: PublisherError) -> None:
    """Tells why a command ends badly, and what to do."""
    if _log.is_json:
        told = {"hint": error.hint, "error": type(error).__name__, "guard": error.guard, "exit_code": error.exit_code}
        _tell("error", error.message, **told)
    else:
        warn(error.message)
        warn(error.hint)


def _tell(level: str, text: str, **more: Any) -> None:
    told = {"time": iso(datetime.now(timezone.utc)), "level": level, "message": text, **_log.known, **more}
    print_json({name: value for name, value in told.items() if value is not None}, is_error=True)


class _FromBelow(logging.Handler):
    """Tells what is worth knowing that comes from below the commands, as all else is told."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())
