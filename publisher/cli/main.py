"""The group of commands, and how a process ends: exit codes, one line of what happened, one of what to do."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, NoReturn

import click

from publisher import __version__
from publisher.cli import log
from publisher.cli.diff import diff
from publisher.cli.doctor import doctor
from publisher.cli.failing import failure_fields, say_failed, unexpected
from publisher.cli.history import history
from publisher.cli.hold import hold, release
from publisher.cli.latest_partition import latest_partition
from publisher.cli.output import Output
from publisher.cli.project_dir import project_dir
from publisher.cli.prune import prune
from publisher.cli.publish import publish
from publisher.cli.pull import pull
from publisher.cli.report import report
from publisher.cli.rollback import rollback
from publisher.cli.status import status
from publisher.cli.streams import print_json
from publisher.cli.tag import tag
from publisher.cli.telling import Telling, tell
from publisher.cli.trace import trace
from publisher.cli.verify import verify
from publisher.errors import PublisherError, UsageError

_INTERRUPTED = 130  # what a shell reports for Ctrl-C
_TERMINATED = 143
# An orchestrator kills what did not end 30 s after SIGTERM (Kubernetes, ECS). A request that is being answered may take
# a minute, and a thread that waits for it is waited for.
_GRACE_SECONDS = 8


class _Commands(click.Group):
    """The commands. Of an interrupt, click itself prints an empty line, which a log of JSON has no room for."""

    def invoke(self, context: click.Context) -> Any:
        """Runs a command."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            if log.is_json():
                raise click.Abort from None
            raise


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="publisher")
def cli() -> None:
    """Publish a table of ids as one file that other systems can trust.

    Exit codes: 0 done, 2 usage or configuration, 3 a guard refused, 4 bytes read back differ, 5 the source is not
    ready, 6 somebody else promoted, 7 the store failed, 8 nothing is new, 1 a bug.
    """


for command in (
    publish, status, verify, history, diff, trace, rollback, pull, hold, release, prune, report, latest_partition,
    tag, doctor, project_dir,
):  # fmt: skip
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs a command and ends the process with the command's exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    output = _output(given)
    signal.signal(signal.SIGTERM, partial(_terminate, output))
    # Python's own handler, or what `publisher.__main__` put in its place; a background job's may be ignored.
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_DFL):
        signal.signal(signal.SIGINT, partial(_interrupt, output))
    sys.exit(_run(given, output).exit_code)


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
    return _run(arguments, _output(arguments))


def tell_of(arguments: list[str], error: PublisherError) -> None:
    """Tells others what kept a publish from beginning, as that publish would have told it; for who runs it in a row.

    Args:
        arguments: Of the publish, as for `run`.
        error: Why it does not begin.
    """
    log.begin(arguments)
    tell(_whom_to_tell(arguments), error.exit_code, error, as_json="--json" in arguments)


def _output(arguments: list[str]) -> Output:
    # Overwritten by the options' own values, unless the arguments cannot even be parsed.
    return Output(as_json="--json" in arguments, debug="--debug" in arguments)


def _run(arguments: list[str], output: Output) -> Ended:
    """Runs a command, and tells others how it ended."""
    log.begin(arguments)
    try:
        ended = _ended(arguments, output)
    except SystemExit as end:  # a signal
        tell(output.telling, end.code if isinstance(end.code, int) else 1, None, as_json=output.as_json)
        raise
    telling = output.telling
    if not telling.is_begun and ended.error is not None:
        telling = _whom_to_tell(arguments)
    tell(telling, ended.exit_code, ended.error, as_json=output.as_json)
    return ended


def _ended(arguments: list[str], output: Output) -> Ended:
    try:
        # What click returns is what a command exited with, or nothing.
        code = cli.main(arguments, prog_name="publisher", standalone_mode=False, obj=output) or 0
        return Ended(code, output.worst if code else None)
    except PublisherError as error:
        return _failed(error, output)
    except click.ClickException as error:
        context = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "publisher"
        return _failed(UsageError(error.format_message(), f"See `{context} --help`."), output)
    except click.Abort:
        return Ended(_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 -- the last resort: whatever it is, it ends with a code and one line
        return _failed(unexpected(error), output)


def _whom_to_tell(arguments: list[str]) -> Telling:
    """Reads whom to tell from the arguments of a publish that could not begin, because others of them are wrong."""
    output = Output()
    if arguments[:1] == [publish.name]:
        leniently: dict[str, Any] = {
            "resilient_parsing": True,
            "ignore_unknown_options": True,
            "allow_extra_args": True,
        }
        with suppress(Exception):  # the command has ended already; this is for others only
            given = publish.make_context(publish.name, arguments[1:], obj=output, **leniently).params
            output.telling.begin(given.get("to"), is_dry_run=bool(given.get("dry_run")))
    return output.telling


def _terminate(output: Output, _signal: int, _frame: FrameType | None) -> NoReturn:
    log.warn("terminated; active is the old file or the new one, whole")
    _end_in_time(_TERMINATED, output)
    sys.exit(_TERMINATED)


def _interrupt(output: Output, _signal: int, _frame: FrameType | None) -> NoReturn:
    log.warn("interrupted; active is the old file or the new one, whole")
    _end_in_time(_INTERRUPTED, output)
    raise KeyboardInterrupt


def _end_in_time(code: int, output: Output) -> None:
    """Ends the process when it has not ended by itself after the grace, whatever is still waited for.

    Who is to be told of it is told before: in half of the grace, where the other half was not enough to come to that.
    """

    def tell_in_time() -> None:
        tell(output.telling, code, None, as_json=output.as_json)

    for seconds, call in ((_GRACE_SECONDS, partial(os._exit, code)), (_GRACE_SECONDS / 2, tell_in_time)):
        timer = threading.Timer(seconds, call)
        timer.daemon = True
        timer.start()


def _failed(error: PublisherError, output: Output) -> Ended:
    say_failed(error, output)
    if output.as_json:
        print_json(failure_fields(error))
    return Ended(error.exit_code, error)
