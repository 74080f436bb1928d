"""The group of commands, and how a process ends: exit codes, one line of what happened, one of what to do."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

import click

from publisher import __version__
from publisher.cli.diff import diff
from publisher.cli.doctor import doctor
from publisher.cli.history import history
from publisher.cli.hold import hold, release
from publisher.cli.latest_partition import latest_partition
from publisher.cli.output import Output, print_json, say, shown, warn
from publisher.cli.project_dir import project_dir
from publisher.cli.prune import prune
from publisher.cli.publish import publish
from publisher.cli.pull import pull
from publisher.cli.rollback import rollback
from publisher.cli.status import status
from publisher.cli.trace import trace
from publisher.cli.verify import verify
from publisher.errors import PublisherError, UsageError

_INTERRUPTED = 130  # what a shell reports for Ctrl-C
_TERMINATED = 143
# An orchestrator kills what did not end 30 s after SIGTERM (Kubernetes, ECS). A request that is being answered may take
# a minute, and a thread that waits for it is waited for.
_GRACE_SECONDS = 8


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="publisher")
def cli() -> None:
    """Publish a table of ids as one file that other systems can trust.

    Exit codes: 0 done, 2 usage or configuration, 3 a guard refused, 4 bytes read back differ, 5 the source is not
    ready, 6 somebody else promoted, 7 the store failed, 8 nothing is new, 1 a bug.
    """


for command in (
    publish, status, verify, history, diff, trace, rollback, pull, hold, release, prune, latest_partition, doctor,
    project_dir,
):  # fmt: skip
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs a command and ends the process with the command's exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    # Python's own handler, or what `publisher.__main__` put in its place; a background job's may be ignored.
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_DFL):
        signal.signal(signal.SIGINT, _interrupt)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments).exit_code)


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        exit_code: As the command line's.
        error: Why it is not 0, where the command itself says why.
    """

    exit_code: int
    error: PublisherError | None = None


def run(arguments: list[str]) -> Ended:
    """Runs a command in a process that goes on afterwards: what happens to signals is the caller's affair."""
    # Overwritten by the options' own values, unless the arguments cannot even be parsed.
    output = Output(as_json="--json" in arguments, debug="--debug" in arguments)
    logging.getLogger("publisher").handlers[:] = [_Warnings()]
    try:
        # What click returns is what a command exited with, or nothing.
        return Ended(cli.main(arguments, prog_name="publisher", standalone_mode=False, obj=output) or 0)
    except PublisherError as error:
        return _failed(error, output)
    except click.ClickException as error:
        context = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "publisher"
        return _failed(UsageError(error.format_message(), f"See `{context} --help`."), output)
    except click.Abort:
        return Ended(_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 -- the last resort: whatever it is, it ends with a code and one line
        return _failed(_unexpected(error), output)


class _Warnings(logging.Handler):
    """Tells what is worth knowing that comes from below the commands, as all else is told."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


def _unexpected(error: Exception) -> PublisherError:
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


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    warn("terminated; active is the old file or the new one, whole")
    _end_in_time(_TERMINATED)
    sys.exit(_TERMINATED)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    warn("interrupted; active is the old file or the new one, whole")
    _end_in_time(_INTERRUPTED)
    raise KeyboardInterrupt


def _end_in_time(code: int) -> None:
    """Ends the process when it has not ended by itself after the grace, whatever is still waited for."""
    timer = threading.Timer(_GRACE_SECONDS, os._exit, [code])
    timer.daemon = True
    timer.start()


def _failed(error: PublisherError, output: Output) -> Ended:
    if output.debug and sys.exc_info()[0] is not None:
        say("\n".join(map(shown, traceback.format_exc().splitlines())), is_error=True)
    warn(error.message)
    warn(error.hint)
    if output.as_json:
        fields = {"status": error.status, "error": type(error).__name__, "exit_code": error.exit_code}
        guard = {"guard": error.guard} if error.guard else {}
        print_json({**fields, **guard, "message": error.message, "hint": error.hint})
    return Ended(error.exit_code, error)
