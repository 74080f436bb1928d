"""What a command was asked to do, validated once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from publisher.errors import UsageError
from publisher.guards.limits import Limits
from publisher.lake.files import normal_location, parse_glue_table
from publisher.store.keys import Destination
from publisher.values import TableRef, is_metadata_text

TABLE_KINDS = ("parquet", "iceberg", "glue")


@dataclass(frozen=True)
class PublishSettings:
    """What `publish` needs to know.

    Attributes:
        destination: Where to publish.
        target_path: dbt's folder of artifacts; used unless `table` names one by hand.
        model: The model whose table is published; its summary is `<model>_summary`.
        exposure: The unique id of the exposure that declares the list, where the project declares others beside it:
            what dbt failed to do elsewhere does not keep this one then.
        table: A table named by hand, about which dbt says nothing.
        source_partition: The partition that such a table comes from.
        id_column: The column to publish.
        document_prefix: What table B writes before a document, where no summary row tells it.
        final_newline: Whether the last line ends with a line break too.
        spool_dir: Where the compressed file is kept until it is uploaded; None for the system's temporary folder.
        limits: What the guards on size and change allow.
        overrule: Names of guards whose refusal is overruled this once.
        reason: Why they are, in a person's words.
        dry_run: Whether nothing is written, and all else is done.
        tag_snapshot: Whether the tag `published` of the Iceberg table is to follow.
        keep_tags: How many of the partitions' tags stay.
    """

    destination: Destination
    target_path: Path = Path("target")
    model: str = "int_matched_ids"
    exposure: str | None = None
    table: TableRef | None = None
    source_partition: str | None = None
    id_column: str = "id"
    document_prefix: str = "000"
    final_newline: bool = False
    spool_dir: Path | None = None
    limits: Limits = field(default_factory=Limits)
    overrule: frozenset[str] = frozenset()
    reason: str | None = None
    dry_run: bool = False
    tag_snapshot: bool = False
    keep_tags: int = 7

    def __post_init__(self) -> None:
        """Checks what the types do not.

        Raises:
            UsageError: Two settings do not fit, or one cannot be used.
        """
        if self.source_partition is not None and self.table is None:
            raise UsageError(
                "--source-partition was given without --table.",
                "Leave it out: with dbt's artifacts the partition comes from the summary row.",
            )
        if self.source_partition is not None and not is_metadata_text(self.source_partition):
            raise UsageError(
                "--source-partition is blank, or holds characters that an object's metadata cannot.",
                "Give it as 20251022 or ano=2025/mes=10/dia=22.",
            )
        if self.reason is not None and (not self.reason.strip() or not self.reason.isprintable()):
            raise UsageError("The reason must be one line of text.", 'Say why: --reason "half of A is gone, INC-1".')
        if self.spool_dir is not None and not self.spool_dir.is_dir():
            raise UsageError(
                f"The spool folder {self.spool_dir} does not exist.", "Create it, or leave --spool-dir out."
            )


def parse_duration(text: str) -> timedelta:
    """Reads a duration such as `26h`, `90m`, `2d` or `3600s`.

    Raises:
        UsageError: It is anything else.
    """
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not (number.isascii() and number.isdigit()) or len(number) > 9:
        raise UsageError(
            f"The duration {text!r} cannot be read.", "Give a whole number and a unit: 26h, 90m, 2d, 3600s."
        )
    return timedelta(**{units[unit]: int(number)})


def parse_day(text: str) -> datetime:
    """Reads a day, `2026-10-01` or `20261001`, as its beginning in UTC.

    Raises:
        UsageError: It is anything else.
    """
    for form in ("%Y-%m-%d", "%Y%m%d"):
        try:
            day = datetime.strptime(text, form).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
        if text in (f"{day:%Y-%m-%d}", f"{day:%Y%m%d}"):  # strptime also takes 2026-1-1
            return day
    raise UsageError(f"The day {text!r} cannot be read.", "Give --since as 2026-10-01 or 20261001.")


def parse_table(text: str, id_column: str) -> TableRef:
    """Reads `--table`, `<kind>:<location>`.

    Raises:
        UsageError: The kind is unknown or the location missing.
    """
    kind, colon, location = text.partition(":")
    if not colon or kind not in TABLE_KINDS or not location:
        raise UsageError(
            f"The table {text!r} is not of the form <kind>:<location>.",
            f"Known kinds: {', '.join(TABLE_KINDS)}. Example: --table parquet:/data/ids --source-partition 20251022.",
        )
    if kind == "glue":
        return TableRef(kind, ".".join(parse_glue_table(text)), id_column)
    return TableRef(kind, normal_location(location), id_column)
