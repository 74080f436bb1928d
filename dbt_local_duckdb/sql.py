"""Texts of SQL for DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from publisher.errors import SourceNotReady, UsageError

_UNREADABLE = re.compile(r"[*?\[\'\x00-\x1f]")
_ESCAPES = {"%": "%25", "/": "%2F", "=": "%3D"}  # the sign of the escapes first


def text(value: str) -> str:
    """Returns a literal."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Returns a name of a column."""
    return '"' + name.replace('"', '""') + '"'


def texts(values: Iterable[str]) -> str:
    """Returns a list of literals."""
    return f"[{', '.join(map(text, values))}]"


def constants(values: Mapping[str, str]) -> list[str]:
    """Returns columns that have one value in all rows."""
    return [f"{text(value)} as {identifier(name)}" for name, value in values.items()]


def read_parquet(paths: Iterable[str], *options: str) -> str:
    """Returns a reader of files. Nothing is taken from their paths, and a text without its annotation is one.

    Raises:
        UsageError: DuckDB would read something else than the file of such a name: it knows no escape for wildcards.
    """
    paths = sorted(paths)
    for path in paths:
        if _UNREADABLE.search(path):
            raise UsageError(
                f"The file {path!a} has a wildcard (*, ? or [), a quote or a control character in its name.",
                "DuckDB cannot name it: write it anew under another name.",
            )
    return f"read_parquet({', '.join([texts(paths), 'hive_partitioning=false', 'binary_as_string=true', *options])})"


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


def partition_name(values: Mapping[str, str | None]) -> str:
    """Returns the name of a partition as Hive writes it, which the macro `partition_levels` reads."""
    return "/".join(f"{column}={_escaped(value)}" for column, value in values.items())


def _escaped(value: str | None) -> str:
    if value is None:
        return "__HIVE_DEFAULT_PARTITION__"
    for sign, escaped in _ESCAPES.items():
        value = value.replace(sign, escaped)
    return value
