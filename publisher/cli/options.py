"""The options of all commands, each written once: its name, its environment variable, its default, its help."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from publisher.cli import log
from publisher.cli.output import Output
from publisher.cli.telling import CLOUDWATCH, STDOUT
from publisher.guards.limits import Limits
from publisher.guards.names import OVERRULABLE
from publisher.settings import PublishSettings, parse_duration
from publisher.store.s3_options import ACLS, ENCRYPTIONS

_Command = TypeVar("_Command", bound=Callable[..., Any])
_PATH = click.Path(path_type=Path)


@dataclass(frozen=True)
class Option:
    """An option, to be used as a decorator of a command.

    Attributes:
        names: As `click.option` takes them.
        help: One sentence; click adds the variable and the default.
        variables: The environment variables that are looked at, the first that is set wins.
        attributes: What else click is told.
    """

    names: tuple[str, ...]
    help: str
    variables: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, command: _Command) -> _Command:
        """Adds the option to a command."""
        return click.option(
            *self.names,
            help=self.help,
            envvar=list(self.variables) or None,
            show_envvar=bool(self.variables),
            show_default=self.attributes.get("default") is not None,
            **self.attributes,
        )(command)

    def but(self, **attributes: Any) -> Option:
        """Returns the option with other attributes, for a command that needs it so."""
        return replace(self, attributes={**self.attributes, **attributes})


def _option(
    *names: str,
    help: str,  # noqa: A002 -- click's name for it
    variable: str | bool = True,
    also: tuple[str, ...] = (),
    **attributes: Any,
) -> Option:
    """Returns an option whose variable is PUBLISHER_ and its name, unless it has another, or none (False)."""
    own = f"PUBLISHER_{names[0].partition('/')[0].lstrip('-').replace('-', '_').upper()}"
    variables = {True: (own,), False: ()}[variable] if isinstance(variable, bool) else (variable,)
    return Option(names, help, (*variables, *also), attributes)


def _remember(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    setattr(context.find_object(Output), parameter.name or "", value)


def _remember_of_bucket(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value is not None:
        context.ensure_object(Output).of_bucket[parameter.name or ""] = value


def _remember_log_format(_context: click.Context, _parameter: click.Parameter, value: str) -> None:
    log.set_format(value)


def _remember_namespace(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        from publisher.telemetry.channels import require_namespace

        context.ensure_object(Output).telling.namespace = require_namespace(value)


def _remember_metrics_to(context: click.Context, _parameter: click.Parameter, value: str) -> None:
    context.ensure_object(Output).telling.metrics_to = value


def _remember_targets(context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> None:
    for value in values:  # one after the other: those before a wrong one are told of it
        from publisher.telemetry.channels import parse_target

        context.ensure_object(Output).telling.targets += (parse_target(value),)


def _remember_promotion_targets(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> None:
    for value in values:
        from publisher.telemetry.channels import parse_target

        context.ensure_object(Output).telling.promotion_targets += (parse_target(value, parameter.opts[0]),)


def _remember_openlineage_url(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        from publisher.telemetry.channels import require_address

        context.ensure_object(Output).telling.openlineage_url = require_address(value)


def _remember_deadline(context: click.Context, _parameter: click.Parameter, value: str) -> None:
    context.ensure_object(Output).deadline_seconds = parse_duration(value).total_seconds()


# Of every command. They are read first, so that a wrong option is answered as was asked for, too.
_FIRST: dict[str, Any] = {"is_eager": True, "expose_value": False}
DEBUG = _option("--debug", help="Show a traceback on failure.", is_flag=True, callback=_remember, **_FIRST)
JSON = _option("--json", "as_json", help="Print one JSON object on stdout.", is_flag=True, callback=_remember, **_FIRST)
DEADLINE = _option(
    "--deadline", help="Give up when all requests together take longer.", default="1h", metavar="DURATION",
    callback=_remember_deadline, **_FIRST,
)  # fmt: skip
LOG_FORMAT = _option(
    "--log-format", help="What stderr is told in: lines for a person, or one JSON object each.", default="text",
    type=click.Choice(log.FORMATS), callback=_remember_log_format, **_FIRST,
)  # fmt: skip
ENDPOINT_URL = _option(
    "--endpoint-url", help="The store, when it is not AWS.", metavar="URL",
    also=("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
)  # fmt: skip

# Of the bucket, which its owner, or its policy, may demand.
_OF_BUCKET: dict[str, Any] = {"callback": _remember_of_bucket, "expose_value": False}
EXPECTED_BUCKET_OWNER = _option(
    "--expected-bucket-owner", help="Refuse a bucket of another account than this.", metavar="ACCOUNT", **_OF_BUCKET
)
SSE = _option(
    "--sse", help="How the store is to encrypt what is written; without it, as the bucket does by default.",
    type=click.Choice(ENCRYPTIONS), **_OF_BUCKET,
)  # fmt: skip
SSE_KMS_KEY_ID = _option(
    "--sse-kms-key-id", help="With --sse aws:kms: the key, when not the account's own.", metavar="KEY", **_OF_BUCKET
)
BUCKET_KEY = _option(
    "--bucket-key/--no-bucket-key", help="With --sse aws:kms: whether the bucket's key saves requests to KMS.",
    default=None, **_OF_BUCKET,
)  # fmt: skip
ACL = _option("--acl", help="The canned ACL of what is written.", type=click.Choice(ACLS), **_OF_BUCKET)
TAGS = _option("--tags", help="Tags of what is written: name=value,name=value.", metavar="TAGS", **_OF_BUCKET)

# Who else is told. They are read first, too: whoever is to be told is told of a wrong option.
METRICS_NAMESPACE = _option(
    "--metrics-namespace", help="Send metrics, in this namespace of CloudWatch.", metavar="NAME",
    callback=_remember_namespace, **_FIRST,
)  # fmt: skip
METRICS_TO = _option(
    "--metrics-to",
    help="Where metrics go: to CloudWatch itself, or as a line of its embedded metric format to stdout (with --json to "
    "stderr).",
    default=CLOUDWATCH, type=click.Choice([CLOUDWATCH, STDOUT]), callback=_remember_metrics_to, **_FIRST,
)  # fmt: skip
NOTIFY = _option(
    "--notify",
    help="Tell an SNS topic (its ARN) or a webhook (https://…) of refusals, failures, warnings and recoveries. Can be "
    "given several times.",
    metavar="TARGET", multiple=True, callback=_remember_targets, **_FIRST,
)  # fmt: skip
NOTIFY_PROMOTIONS = _option(
    "--notify-promotions",
    help="Tell an SNS topic (its ARN) or a webhook (https://…) of each file that becomes active. Can be given several "
    "times.",
    metavar="TARGET", multiple=True, callback=_remember_promotion_targets, **_FIRST,
)  # fmt: skip
OPENLINEAGE_URL = _option(
    "--openlineage-url", help="Send an event of OpenLineage for each published file.", metavar="URL",
    also=("OPENLINEAGE_URL",), callback=_remember_openlineage_url, **_FIRST,
)  # fmt: skip
METRICS = _option(
    "--metrics", help="Send how old active and its partition are; needs --metrics-namespace.", variable=False,
    is_flag=True,
)  # fmt: skip

# Where to, and from where.
TO = _option("--to", help="The destination, s3://bucket[/prefix].", metavar="S3_URL", required=True)
TO_OR_DECLARED = _option(
    "--to", help="The destination, s3://bucket[/prefix]; without it, the one that a list's exposure names.",
    metavar="S3_URL",
)  # fmt: skip
MODEL = _option("--model", help="The dbt model to publish; <model>_summary is its summary.", default="int_matched_ids")
EXPOSURE = _option(
    "--exposure", help="Of the lists that the dbt project declares, the one of this exposure.", metavar="NAME"
)
TARGET_PATH = _option(
    "--target-path", help="dbt's folder of artifacts.", default="target", type=_PATH, also=("DBT_TARGET_PATH",)
)
TABLE = _option(
    "--table", help="Publish this table instead, without dbt's word for it: parquet:, iceberg: or glue:.",
    metavar="KIND:LOCATION",
)  # fmt: skip
SOURCE_PARTITION = _option("--source-partition", help="With --table: the partition that it comes from.")
ID_COLUMN = _option("--id-column", help="The column of ids.", default="id")

# The file, and how far it may be from the active one.
FINAL_NEWLINE = _option(
    "--final-newline/--no-final-newline", help="End the last line with a line break too.", default=False
)
SPOOL_DIR = _option("--spool-dir", help="Where the compressed file waits for its upload.", type=_PATH)
MAX_IDS = _option("--max-ids", help="Refuse more ids than this.", type=int, default=Limits.max_ids)
MAX_ID_BYTES = _option(
    "--max-id-bytes", help="Refuse an id of more bytes than this.", type=int, default=Limits.max_id_bytes
)
MIN_PERCENT_OF_ACTIVE = _option(
    "--min-percent-of-active", help="Refuse fewer ids than this percentage of active's.", type=float,
    default=Limits.min_percent_of_active,
)  # fmt: skip
MAX_PERCENT_REMOVED = _option(
    "--max-percent-removed", help="Refuse when more of active's ids than this percentage are gone.", type=float,
    default=Limits.max_percent_removed,
)  # fmt: skip
MAX_DEVIATION = _option(
    "--max-deviation", help="Refuse more or fewer ids than the last promotions' median by more than this percentage.",
    type=float, default=Limits.max_deviation, metavar="PERCENT",
)  # fmt: skip
OVERRULE = _option(
    "--overrule",
    help="Let this guard's refusal pass this once; recorded in the metadata. Can be given several times.",
    variable=False, multiple=True, type=click.Choice(OVERRULABLE), metavar="GUARD",
)  # fmt: skip
# Of what analysts see of the Iceberg table.
TAG_SNAPSHOT = _option(
    "--tag-snapshot/--no-tag-snapshot",
    help="Let the tag published of the Iceberg table name the snapshot that is active, and published_<partition> that "
    "of each of the last partitions.",
    default=False,
)  # fmt: skip
KEEP_TAGS = _option(
    "--keep-tags", help="Of how many partitions the tag stays, where snapshots are tagged.", type=click.IntRange(1),
    default=PublishSettings.keep_tags,
)  # fmt: skip

# Of those who look, and of those on call.
MAX_AGE = _option("--max-age", help="End with 3 when active was promoted longer ago: 26h, 90m, 2d.", metavar="DURATION")
LIMIT = _option("--limit", help="How many at most.", variable=False, type=click.IntRange(1), default=20)
CSV = _option("--csv", "as_csv", help="Print the runs as CSV.", variable=False, is_flag=True)
REPORT_OUTPUT = _option(
    "--output", "output_path", help="The page: an HTML file.", variable="PUBLISHER_REPORT_OUTPUT", type=_PATH
)
PUBLISH_REPORT = _option(
    "--publish-report", help="Write the page into the bucket, too: report/report.html below --to.", is_flag=True
)
TO_STAGED = _option(
    "--to-staged", help="The staged file, as a key or s3://…; without it, what was active before.", variable=False,
    metavar="KEY",
)  # fmt: skip
TO_LAST = _option(
    "--to-last", help="Put back what was promoted last, where active is damaged.", variable=False, is_flag=True
)
FORCE = _option(
    "--force", help="Take a file that a guard refused when it was to be promoted; recorded.", variable=False,
    is_flag=True,
)  # fmt: skip
DRY_PRUNE = _option("--dry-run", help="Remove nothing; list what would be removed.", variable=False, is_flag=True)
KEEP_DAYS = _option("--keep-days", help="Keep what is not older than this.", type=click.IntRange(1), metavar="DAYS")
HOLDING = _option(
    "--holding", help="Remove what holds one of the ids of this file, one a line; - reads them from stdin.",
    variable=False, metavar="FILE",
)  # fmt: skip
DRY_RUN = _option(
    "--dry-run", help="Do everything but write: say what would change, or why it would be refused.", variable=False,
    is_flag=True,
)  # fmt: skip
OVERRULE_REASON = _option("--reason", help="With --overrule: why; kept in the record of the run.", variable=False)
REASON = _option("--reason", help="Why; shown by every publish that is refused, and by status.", variable=False)
NO_HOLD = _option(
    "--no-hold", help="Set no hold: the next scheduled publish may replace it.", variable=False, is_flag=True
)
IDS = _option(
    "--ids", help="Print the ids that were added, or removed, one a line; the counts go to stderr.", variable=False,
    type=click.Choice(["added", "removed"]),
)  # fmt: skip
SINCE = _option("--since", help="Only from this day (UTC) on: 2026-10-01 or 20261001.", variable=False, metavar="DATE")
STATE = _option("--state", help="Remembers what was accepted last; default: <target>.state.json.", type=_PATH)
ACCEPT_ROLLBACK = _option(
    "--accept-rollback", help="Accept an older partition where active was set back knowingly.", variable=False,
    is_flag=True,
)  # fmt: skip

# Of the newest partition; what the models read too has the models' variable.
PARTITIONED_TABLE = _option(
    "--table",
    help="The table.  [default: glue:raw.records, by MATCHED_IDS_RECORDS_SCHEMA and MATCHED_IDS_RECORDS_TABLE]",
    variable=False, metavar="glue:DATABASE.TABLE",
)  # fmt: skip
PARTITION_COLUMNS = _option(
    "--partition-columns", help="One column, or several from the coarsest: ano,mes,dia.",
    variable="MATCHED_IDS_PARTITION_COLUMNS", default="ano_mes_dia", metavar="NAMES",
)  # fmt: skip
PARTITION_VALUE_PATTERN = _option(
    "--partition-value-pattern", help="What looks like a partition.  [default: as the models']",
    variable="MATCHED_IDS_PARTITION_VALUE_PATTERN", metavar="REGEX",
)  # fmt: skip
SINCE_DAYS = _option(
    "--since-days", help="Of many partitions, list those of the last days first; 0 lists all.",
    type=click.IntRange(0, 36500), default=35,
)  # fmt: skip
MAX_PARTITION_AGE_DAYS = _option(
    "--max-partition-age-days", help="End with 5 when it is older.", variable="MATCHED_IDS_MAX_PARTITION_AGE_DAYS",
    type=click.IntRange(0),
)  # fmt: skip
MAX_PARTITION_DAYS_AHEAD = _option(
    "--max-partition-days-ahead", help="End with 5 when its date is later.",
    variable="MATCHED_IDS_MAX_PARTITION_DAYS_AHEAD", type=click.IntRange(0), default=1,
)  # fmt: skip
NEWER_THAN_ACTIVE = _option(
    "--newer-than-active", help="End with 8 when active comes from it already; needs --to.", variable=False,
    is_flag=True,
)  # fmt: skip
READY_FILE = _option(
    "--ready-file", help="Take only a partition whose folder holds such an object: _SUCCESS.", metavar="NAME"
)
READY_AFTER = _option(
    "--ready-after", help="Take only a partition that was registered so long ago: 30m.", metavar="DURATION"
)

SHELL = _option(
    "--shell", help="Print what a shell has to export, so that dbt takes that project and writes here.", variable=False,
    is_flag=True,
)  # fmt: skip


def answering(command: _Command) -> _Command:
    """Adds the options that every command has."""
    for option in (DEBUG, LOG_FORMAT, JSON, ENDPOINT_URL, DEADLINE):
        command = option(command)
    return command


def destination(command: _Command, to: Option = TO) -> _Command:
    """Adds the options that every command about a destination has."""
    return to(EXPECTED_BUCKET_OWNER(answering(command)))


def writing(command: _Command, to: Option = TO) -> _Command:
    """Adds the options that every command has that writes to a destination."""
    for option in (TAGS, ACL, BUCKET_KEY, SSE_KMS_KEY_ID, SSE):
        command = option(command)
    return destination(command, to)


def publishing(command: _Command) -> _Command:
    """Adds the options of a command that writes to destinations which the dbt project may name, too."""
    return writing(command, TO_OR_DECLARED)


def reading(command: _Command) -> _Command:
    """Adds the options of a command about a destination which the dbt project may name, too."""
    return destination(command, TO_OR_DECLARED)


def measuring(command: _Command) -> _Command:
    """Adds the options that every command has that sends metrics."""
    return METRICS_NAMESPACE(METRICS_TO(command))


def telling(command: _Command) -> _Command:
    """Adds the options of a command that tells others how it ended."""
    return measuring(NOTIFY(NOTIFY_PROMOTIONS(OPENLINEAGE_URL(command))))


def dbt(command: _Command) -> _Command:
    """Adds the options that say where dbt's word is to be found."""
    return TARGET_PATH(EXPOSURE(MODEL(command)))
