"""What a command was asked to do, validated once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from publisher.artifacts import TableRef, is_metadata_text
from publisher.errors import UsageError
from publisher.keys import Destination

TABLE_KINDS = ("parquet",)


@dataclass(frozen=True)
class PublishSettings:
    """What `publish` needs to know.

    Attributes:
        destination: Where to publish.
        target_path: dbt's folder of artifacts; used unless `table` names one by hand.
        model: The model whose table is published; its summary is `<model>_summary`.
        table: A table named by hand, about which dbt says nothing.
        source_partition: The partition that such a table comes from.
        id_column: The column to publish.
        final_newline: Whether the last line ends with a line break too.
        spool_dir: Where the compressed file is kept until it is uploaded; None for the system's temporary folder.
    """

    destination: Destination
    target_path: Path = Path("target")
    model: str = "int_matched_ids"
    table: TableRef | None = None
    source_partition: str | None = None
    id_column: str = "id"
    final_newline: bool = False
    spool_dir: Path | None = None

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
        if self.spool_dir is not None and not self.spool_dir.is_dir():
            raise UsageError(
                f"The spool folder {self.spool_dir} does not exist.", "Create it, or leave --spool-dir out."
            )


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
    return TableRef(kind, location, id_column)
