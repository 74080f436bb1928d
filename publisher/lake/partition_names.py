"""Names of partitions as Hive writes them: `column=value/column=value`, with special characters as %XX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from publisher.errors import SourceNotReady

NULL = "__HIVE_DEFAULT_PARTITION__"
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_ESCAPED = re.compile(r'[\x00-\x1f\x7f"#%\'*/:=?\\{\[\]^]')  # Hive's FileUtils.charToEscape


@dataclass(frozen=True)
class Chosen:
    """The partition that is read.

    Attributes:
        name: As people call it: 20251022, or ano=2025/mes=10/dia=22.
        values: By column in lower case, from the coarsest.
    """

    name: str
    values: Mapping[str, str]

    @property
    def columns(self) -> Sequence[str]:
        """The columns that it was chosen by."""
        return list(self.values)


def partition_level(folder: str) -> tuple[str, str]:
    """Returns the column of a folder `column=value`, in lower case, and its value, decoded once."""
    column, _, value = folder.partition("=")
    return column.lower(), _ESCAPE.sub(lambda found: chr(int(found[1], 16)), value)


def levels_of(name: str) -> dict[str, str]:
    """Returns the values of a partition name by their columns, which are in lower case."""
    return dict(partition_level(level) for level in name.split("/") if "=" in level)


def partition_name(values: Mapping[str, str | None]) -> str:
    """Returns the name of a partition, which the macro `partition_levels` reads."""

    def escaped(value: str | None) -> str:
        return NULL if value is None else _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", value)

    return "/".join(f"{column}={escaped(value)}" for column, value in values.items())


def require_partitioned_by(columns: Iterable[str], partitioned_by: Sequence[str], table: str) -> None:
    """Returns if columns are among a table's partition columns.

    Raises:
        SourceNotReady: One is not.
    """
    for column in columns:
        if column not in partitioned_by:
            raise SourceNotReady(
                f"{table} is not partitioned by {column}; its partition columns are "
                f"{', '.join(partitioned_by) or 'none'}.",
                "Set partition_columns to them." if partitioned_by else "Read a table that has one for each load.",
            )
