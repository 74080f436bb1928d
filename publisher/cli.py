"""The command line: the only module that prints or exits. What takes long to import is imported by its command."""

from __future__ import annotations

import getpass
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from publisher import __version__
from publisher.errors import IntegrityError, PublisherError, UsageError
from publisher.guards import OVERRULABLE, require_fresh
from publisher.keys import Destination
from publisher.settings import Limits, PublishSettings, parse_duration, parse_table

if TYPE_CHECKING:
    from publisher.source import Lake
    from publisher.store import Store

_Command = TypeVar("_Command", bound=Callable[..., Any])

_INTERRUPTED = 130  # what a shell reports for Ctrl-C
_TERMINATED = 143


@dataclass
class Output:
    """How a command answers; known before anything can fail.

    Attributes:
        as_json: One JSON object on stdout, also on failure.
        debug: A traceback on failure.
        deadline_seconds: For all requests to the store together.
    """

    as_json: bool = False
    debug: bool = False
    deadline_seconds: float = 3600


def _remember(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    setattr(context.find_object(Output), parameter.name or "", value)


def _remember_deadline(context: click.Context, _parameter: click.Parameter, value: str) -> None:
    context.ensure_object(Output).deadline_seconds = parse_duration(value).total_seconds()


def _answering(command: _Command) -> _Command:
    """Adds the options that every command has."""
    for option in (
        click.option(
            "--debug", is_flag=True, envvar="PUBLISHER_DEBUG", is_eager=True, expose_value=False, callback=_remember,
            help="Show a traceback on failure.  [env: PUBLISHER_DEBUG]",
        ),
        click.option(
            "--json", "as_json", is_flag=True, envvar="PUBLISHER_JSON", is_eager=True, expose_value=False,
            callback=_remember, help="Print one JSON object on stdout.  [env: PUBLISHER_JSON]",
        ),
        click.option(
            "--endpoint-url", envvar=["PUBLISHER_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
            metavar="URL", help="The store, when it is not AWS.  [env: PUBLISHER_ENDPOINT_URL, AWS_ENDPOINT_URL]",
        ),
        click.option(
            "--deadline", envvar="PUBLISHER_DEADLINE", default="1h", show_default=True, metavar="DURATION",
            is_eager=True, expose_value=False, callback=_remember_deadline,
            help="Give up when all requests together take longer.  [env: PUBLISHER_DEADLINE]",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def _common(command: _Command) -> _Command:
    """Adds the options that every command about a destination has."""
    return _to(required=True)(_answering(command))


def _to(*, required: bool) -> Callable[[_Command], _Command]:
    return click.option(
        "--to", "to", envvar="PUBLISHER_TO", required=required, metavar="S3_URL",
        help="The destination, s3://bucket[/prefix].  [env: PUBLISHER_TO]",
    )  # fmt: skip


def _dbt(command: _Command) -> _Command:
    """Adds the options that say where dbt's word is to be found."""
    for option in (
        click.option(
            "--model", envvar="PUBLISHER_MODEL", default="int_matched_ids", show_default=True,
            help="The dbt model to publish; <model>_summary is its summary.  [env: PUBLISHER_MODEL]",
        ),
        click.option(
            "--target-path", envvar=["PUBLISHER_TARGET_PATH", "DBT_TARGET_PATH"], default="target", show_default=True,
            type=click.Path(path_type=Path),
            help="dbt's folder of artifacts.  [env: PUBLISHER_TARGET_PATH, DBT_TARGET_PATH]",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="publisher")
def cli() -> None:
    """Publish a table of ids as one file that other systems can trust.

    Exit codes: 0 done, 2 usage or configuration, 3 a guard refused, 4 bytes read back differ, 5 the source is not
    ready, 6 somebody else promoted, 7 the store failed, 8 nothing is new, 1 a bug.
    """


@cli.command()
@click.pass_obj
@_common
@_dbt
@click.option(
    "--table", envvar="PUBLISHER_TABLE", metavar="KIND:LOCATION",
    help="Publish this table instead, without dbt's word for it: parquet:, iceberg: or glue:.  [env: PUBLISHER_TABLE]",
)  # fmt: skip
@click.option(
    "--source-partition", envvar="PUBLISHER_SOURCE_PARTITION",
    help="With --table: the partition that it comes from.  [env: PUBLISHER_SOURCE_PARTITION]",
)  # fmt: skip
@click.option(
    "--id-column", envvar="PUBLISHER_ID_COLUMN", default="id", show_default=True,
    help="The column of ids.  [env: PUBLISHER_ID_COLUMN]",
)  # fmt: skip
@click.option(
    "--final-newline/--no-final-newline", envvar="PUBLISHER_FINAL_NEWLINE", default=False, show_default=True,
    help="End the last line with a line break too.  [env: PUBLISHER_FINAL_NEWLINE]",
)  # fmt: skip
@click.option(
    "--spool-dir", envvar="PUBLISHER_SPOOL_DIR", type=click.Path(path_type=Path),
    help="Where the compressed file waits for its upload.  [env: PUBLISHER_SPOOL_DIR]",
)  # fmt: skip
@click.option(
    "--max-ids", envvar="PUBLISHER_MAX_IDS", type=int, default=Limits.max_ids, show_default=True,
    help="Refuse more ids than this.  [env: PUBLISHER_MAX_IDS]",
)  # fmt: skip
@click.option(
    "--min-percent-of-active", envvar="PUBLISHER_MIN_PERCENT_OF_ACTIVE", type=float,
    default=Limits.min_percent_of_active, show_default=True,
    help="Refuse fewer ids than this percentage of active's.  [env: PUBLISHER_MIN_PERCENT_OF_ACTIVE]",
)  # fmt: skip
@click.option(
    "--max-percent-removed", envvar="PUBLISHER_MAX_PERCENT_REMOVED", type=float,
    default=Limits.max_percent_removed, show_default=True,
    help="Refuse when more of active's ids than this percentage are gone.  [env: PUBLISHER_MAX_PERCENT_REMOVED]",
)  # fmt: skip
@click.option(
    "--overrule", multiple=True, type=click.Choice(OVERRULABLE), metavar="GUARD",
    help="Let this guard's refusal pass this once; recorded in the metadata. Can be given several times.",
)  # fmt: skip
def publish(
    output: Output,
    to: str,
    endpoint_url: str | None,
    target_path: Path,
    model: str,
    table: str | None,
    source_partition: str | None,
    id_column: str,
    final_newline: bool,
    spool_dir: Path | None,
    max_ids: int,
    min_percent_of_active: float,
    max_percent_removed: float,
    overrule: tuple[str, ...],
) -> None:
    """Publish the table that dbt built, if all guards agree."""
    settings = PublishSettings(
        destination=Destination.parse(to),
        target_path=target_path,
        model=model,
        table=parse_table(table, id_column) if table else None,
        source_partition=source_partition,
        id_column=id_column,
        # A setting of the models, and no option: only what --table names has nobody else to tell it.
        document_prefix=os.environ.get("MATCHED_IDS_DOCUMENT_PREFIX", PublishSettings.document_prefix),
        final_newline=final_newline,
        spool_dir=spool_dir,
        limits=Limits(max_ids, min_percent_of_active, max_percent_removed),
        overrule=frozenset(overrule),
    )
    store, lake = _store_and_lake(settings.destination, endpoint_url, output)
    from publisher import present
    from publisher.publish import publish as run

    with present.progress(sys.stderr) as watcher:
        report = run(settings, store, watcher, lake)
    if output.as_json:
        _print_json(present.report_fields(report))
    else:
        click.echo(present.report_text(report, settings.destination))


@cli.command()
@click.pass_obj
@_common
@click.option(
    "--max-age", envvar="PUBLISHER_MAX_AGE", metavar="DURATION",
    help="End with 3 when active was promoted longer ago: 26h, 90m, 2d.  [env: PUBLISHER_MAX_AGE]",
)  # fmt: skip
def status(output: Output, to: str, endpoint_url: str | None, max_age: str | None) -> None:
    """Show what is active, and whether it is held or stale."""
    limit = parse_duration(max_age) if max_age else None
    destination = Destination.parse(to)
    store = _store(destination, endpoint_url, output)
    from publisher import present
    from publisher.hold import current_hold
    from publisher.inspect_active import require_active

    active = require_active(store, destination)
    hold = current_hold(store, destination)
    now = datetime.now(timezone.utc)
    fields = present.active_fields(active, hold, now)
    is_stale = limit is not None and now - active.last_modified > limit
    if output.as_json:
        _print_json({"status": "stale" if is_stale else "active", **fields})
    else:
        click.echo(present.fields_text(destination.url(destination.active_key), fields))
    if limit is not None:
        output.as_json = False  # the one object is printed; what follows is the refusal's two lines and its exit code
        require_fresh(active, limit, now)


@cli.command()
@click.pass_obj
@_common
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many files.")
def history(output: Output, to: str, endpoint_url: str | None, limit: int) -> None:
    """List the staged files, newest first, and which of them were active."""
    destination = Destination.parse(to)
    store = _store(destination, endpoint_url, output)
    from publisher import present
    from publisher.inspect_active import history as run

    staged = run(store, destination, limit)
    if output.as_json:
        _print_json({"status": "listed", "staged": [present.staged_fields(file) for file in staged]})
    else:
        click.echo(present.history_text(staged))


@cli.command()
@click.pass_obj
@_common
@click.option("--to-staged", metavar="KEY", help="The staged file; without it, what was active before.")
@click.option("--reason", help="Why; becomes the hold's reason.")
@click.option("--no-hold", is_flag=True, help="Set no hold: the next scheduled publish may replace it.")
def rollback(
    output: Output, to: str, endpoint_url: str | None, to_staged: str | None, reason: str | None, no_hold: bool
) -> None:
    """Make an earlier staged file active again, and hold publishing."""
    destination = Destination.parse(to)
    store = _store(destination, endpoint_url, output)
    from publisher import present
    from publisher.rollback import rollback as run

    hold_reason = None if no_hold else reason or "rolled back"
    done = run(store, destination, to_staged, datetime.now(timezone.utc), hold_reason=hold_reason, by=_user())
    if output.as_json:
        _print_json({"status": "rolled back", **present.rollback_fields(done)})
    else:
        click.echo(present.rollback_text(done, destination))


@cli.command()
@click.pass_obj
@_common
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--state", type=click.Path(path_type=Path), envvar="PUBLISHER_STATE",
    help="Remembers what was accepted last; default: <target>.state.json.  [env: PUBLISHER_STATE]",
)  # fmt: skip
@click.option(
    "--max-age", envvar="PUBLISHER_MAX_AGE", metavar="DURATION",
    help="Refuse what was promoted longer ago: 26h, 90m, 2d.  [env: PUBLISHER_MAX_AGE]",
)  # fmt: skip
@click.option("--accept-rollback", is_flag=True, help="Accept an older partition that was rolled back to knowingly.")
def pull(
    output: Output,
    to: str,
    endpoint_url: str | None,
    target: Path,
    state: Path | None,
    max_age: str | None,
    accept_rollback: bool,
) -> None:
    """For consumers: bring TARGET up to what is active, verified, in one atomic step. Reads only."""
    limit = parse_duration(max_age) if max_age else None
    destination = Destination.parse(to)
    store = _store(destination, endpoint_url, output)
    from publisher import present
    from publisher.pull import pull as run

    pulled = run(store, destination, target, state=state, max_age=limit, accept_rollback=accept_rollback)
    if output.as_json:
        _print_json(present.pulled_fields(pulled))
    else:
        click.echo(present.fields_text(f"{pulled.status}: {pulled.path}", present.pulled_fields(pulled)))


@cli.command()
@click.pass_obj
@_common
@_dbt
def doctor(output: Output, to: str, endpoint_url: str | None, target_path: Path, model: str) -> None:
    """Try everything that a publish will need, on scratch keys, and say how to mend what fails."""
    destination = Destination.parse(to)
    store, lake = _store_and_lake(destination, endpoint_url, output)
    from publisher import present
    from publisher.doctor import examine

    checks = []
    for check in examine(store, destination, target_path, model, lambda: datetime.now(timezone.utc), lake):
        checks.append(check)
        if not output.as_json:
            click.echo(present.check_text(check))
    failed = [check for check in checks if not check.passed]
    if output.as_json:
        status = "failed" if failed else "passed"
        _print_json({"status": status, "checks": [present.check_fields(check) for check in checks]})
    if failed:
        sys.exit(max(check.exit_code for check in failed))


@cli.command()
@click.pass_obj
@_common
@click.option("--reason", required=True, help="Why; shown by every publish that is refused, and by status.")
def hold(output: Output, to: str, endpoint_url: str | None, reason: str) -> None:
    """Refuse every publish until the hold is released."""
    destination = Destination.parse(to)
    store = _store(destination, endpoint_url, output)
    from publisher.hold import set_hold

    held = set_hold(store, destination, reason, _user(), datetime.now(timezone.utc))
    if output.as_json:
        _print_json({"status": "held", **vars(held)})
    else:
        click.echo(f"held: {destination.url(destination.hold_key)}; `publisher release` ends it")


@cli.command()
@click.pass_obj
@_common
def release(output: Output, to: str, endpoint_url: str | None) -> None:
    """End a hold."""
    destination = Destination.parse(to)
    store = _store(destination, endpoint_url, output)
    from publisher.hold import release_hold

    held = release_hold(store, destination)
    if output.as_json:
        _print_json({"status": "released", "hold": vars(held) if held else None})
    else:
        click.echo(f"released: {held.reason}" if held else "nothing was held")


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return None


@cli.command()
@click.pass_obj
@_common
def verify(output: Output, to: str, endpoint_url: str | None) -> None:
    """Download what is active, recompute everything, and say what differs."""
    destination = Destination.parse(to)
    store = _store(destination, endpoint_url, output)
    from publisher import present
    from publisher.inspect_active import verify as run

    verification = run(store, destination)
    if verification.differences:
        raise IntegrityError(
            f"{destination.url(destination.active_key)} is damaged: {'; '.join(verification.differences)}.",
            "Publish again; until then, tell the consumers not to read it.",
        )
    fields = present.verification_fields(verification)
    if output.as_json:
        _print_json({"status": "verified", **fields})
    else:
        click.echo(present.fields_text(f"{destination.url(destination.active_key)} is whole", fields))


@cli.command("latest-partition")
@click.pass_obj
@_answering
@click.option(
    "--table", metavar="glue:DATABASE.TABLE",
    help="The table.  [default: glue:raw.records, by MATCHED_IDS_RECORDS_SCHEMA and MATCHED_IDS_RECORDS_TABLE]",
)  # fmt: skip
@click.option(
    "--partition-columns", envvar="MATCHED_IDS_PARTITION_COLUMNS", default="ano_mes_dia", show_default=True,
    metavar="NAMES",
    help="One column, or several from the coarsest: ano,mes,dia.  [env: MATCHED_IDS_PARTITION_COLUMNS]",
)  # fmt: skip
@click.option(
    "--partition-value-pattern", envvar="MATCHED_IDS_PARTITION_VALUE_PATTERN", metavar="REGEX",
    help="What looks like a partition.  [env: MATCHED_IDS_PARTITION_VALUE_PATTERN]  [default: as the models']",
)  # fmt: skip
@click.option(
    "--since-days", envvar="PUBLISHER_SINCE_DAYS", type=click.IntRange(0, 36500), default=35, show_default=True,
    help="Of many partitions, list those of the last days first; 0 lists all.  [env: PUBLISHER_SINCE_DAYS]",
)  # fmt: skip
@click.option(
    "--max-partition-age-days", envvar="MATCHED_IDS_MAX_PARTITION_AGE_DAYS", type=click.IntRange(0),
    help="End with 5 when it is older.  [env: MATCHED_IDS_MAX_PARTITION_AGE_DAYS]",
)  # fmt: skip
@click.option(
    "--max-partition-days-ahead", envvar="MATCHED_IDS_MAX_PARTITION_DAYS_AHEAD", type=click.IntRange(0), default=1,
    show_default=True, help="End with 5 when its date is later.  [env: MATCHED_IDS_MAX_PARTITION_DAYS_AHEAD]",
)  # fmt: skip
@click.option("--newer-than-active", is_flag=True, help="End with 8 when active comes from it already; needs --to.")
@_to(required=False)
@click.option(
    "--ready-file", envvar="PUBLISHER_READY_FILE", metavar="NAME",
    help="Take only a partition whose folder holds such an object: _SUCCESS.  [env: PUBLISHER_READY_FILE]",
)  # fmt: skip
@click.option(
    "--ready-after", envvar="PUBLISHER_READY_AFTER", metavar="DURATION",
    help="Take only a partition that was registered so long ago: 30m.  [env: PUBLISHER_READY_AFTER]",
)  # fmt: skip
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
    """Print the newest partition in the Glue catalog, as dbt's var pinned_partition takes it. Without Spark."""
    if newer_than_active and not to:
        raise UsageError("--newer-than-active needs --to.", "Give --to (or PUBLISHER_TO), where active is.")
    destination = Destination.parse(to) if newer_than_active and to else None
    wait = parse_duration(ready_after) if ready_after else None
    from publisher import present
    from publisher.aws import Deadline
    from publisher.lake.glue import GlueCatalog
    from publisher.latest_partition import Wanted, glue_table
    from publisher.latest_partition import latest_partition as run
    from publisher.partitions.rule import PATTERN, column_list
    from publisher.s3 import S3Store

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
        return S3Store(bucket, endpoint_url=endpoint_url, deadline=deadline)

    latest = run(wanted, GlueCatalog(deadline=deadline), open_store, datetime.now(timezone.utc))
    for note in present.latest_notes(latest):
        click.echo(f"publisher: {note}", err=True)
    if output.as_json:
        _print_json(present.latest_fields(latest))
    else:
        click.echo(latest.partition)


def _store(destination: Destination, endpoint_url: str | None, output: Output) -> Store:
    from publisher.aws import Deadline
    from publisher.s3 import S3Store

    return S3Store(destination.bucket, endpoint_url=endpoint_url, deadline=Deadline(output.deadline_seconds))


def _store_and_lake(destination: Destination, endpoint_url: str | None, output: Output) -> tuple[Store, Lake]:
    """Returns both, with one deadline; Parquet and what reads it are imported for commands that read a table."""
    from publisher.aws import Deadline
    from publisher.s3 import S3Store
    from publisher.source import Lake

    deadline = Deadline(output.deadline_seconds)
    return S3Store(destination.bucket, endpoint_url=endpoint_url, deadline=deadline), Lake(deadline)


def _print_json(fields: dict[str, Any]) -> None:
    click.echo(json.dumps(fields, ensure_ascii=False))


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs a command and ends the process with the command's exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # Overwritten by the options' own values, unless the arguments cannot even be parsed.
    output = Output(as_json="--json" in arguments, debug="--debug" in arguments)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        cli.main(arguments, prog_name="publisher", standalone_mode=False, obj=output)
    except PublisherError as error:
        if output.debug:
            traceback.print_exc()
        _fail(error, output)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        context = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "publisher"
        _fail(UsageError(error.format_message(), f"See `{context} --help`."), output)
    except click.Abort:
        click.echo("publisher: interrupted; active is the old file or the new one, whole", err=True)
        sys.exit(_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 -- the last resort: whatever it is, it ends with a code and one line
        if output.debug:
            traceback.print_exc()
        # Only the kind: the text of an unexpected error may hold data.
        message = f"Unexpected {type(error).__name__}: this is a bug."
        _fail(PublisherError(message, "Run again with --debug, and report what it shows."), output)
    sys.exit(0)


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    click.echo("publisher: terminated; active is the old file or the new one, whole", err=True)
    sys.exit(_TERMINATED)


def _fail(error: PublisherError, output: Output) -> NoReturn:
    click.echo(f"publisher: {error.message}", err=True)
    click.echo(f"publisher: {error.hint}", err=True)
    if output.as_json:
        fields = {"status": error.status, "error": type(error).__name__, "exit_code": error.exit_code}
        guard = {"guard": error.guard} if error.guard else {}
        _print_json({**fields, **guard, "message": error.message, "hint": error.hint})
    sys.exit(error.exit_code)
