"""What macros may ask: `modules.matched_ids.<function>(…)`. Arguments and answers are texts, lists and dicts.

A table is looked at once in an invocation of dbt: what is written to it between two models is seen by none. What cannot
be read ends the model, or the hook, with one line that says why.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from dbt.adapters.factory import FACTORY
from dbt_common.exceptions import CompilationError
from dbt_common.invocation import get_invocation_id

from dbt_matched_ids.invocation_cache import InvocationCache, Scanned
from publisher.errors import PublisherError, UsageError
from publisher.lake.files import normal_location
from publisher.lake.kinds import kind_in_catalog
from publisher.lake.partition_names import Chosen
from publisher.lake.scan import Column, Role, require_kind

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")

_lock = threading.RLock()
_current: tuple[str, InvocationCache] | None = None


def invocation() -> InvocationCache:
    """Returns what this invocation of dbt has looked at so far."""
    global _current
    with _lock:
        if _current is None or _current[0] != get_invocation_id():
            _current = (get_invocation_id(), InvocationCache())
        return _current[1]


def _told(function: Callable[_Arguments, _Answer]) -> Callable[_Arguments, _Answer]:
    """Lets one macro ask at a time, and makes an error one that dbt shows as a line."""

    @wraps(function)
    def ask(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Answer:
        with _lock:
            try:
                return function(*arguments, **named)
            except PublisherError as error:
                raise CompilationError(f"{error.message} {error.hint}".strip()) from None

    return ask


@_told
def partition_names(path: str, columns: Sequence[str]) -> list[str]:
    """Returns the names of a raw table's partitions down to the last of some columns.

    Args:
        path: What the setting says: a folder, `iceberg:…` or `glue:database.table`.
        columns: Partition columns, in lower case.
    """
    return invocation().table(path).partition_names(columns)


@_told
def partitions(path: str) -> list[str]:
    """Returns the names of a folder's partitions with all their levels."""
    return invocation().folder(path).partitions()


@_told
def has_file(path: str, columns: Sequence[str], partition: Mapping[str, Any], name: str) -> bool:
    """Whether each folder of a partition holds a file of this name."""
    return invocation().table(path).has_file(_chosen(columns, partition), name)


@_told
def scan(
    path: str, columns: Sequence[str], partition: Mapping[str, Any] | None, wanted: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Looks at the footers of a partition, or of a table without one, and refuses what is not read.

    Args:
        path: What the setting says.
        columns: The partition columns that it was chosen by.
        partition: What the macro `partition_struct` gives; None for a table without partitions.
        wanted: The columns that are read, each with what it is read as: `id`, `cpf`, `suppressed`, `document` or
            `other`.

    Returns:
        `rows`; by column `kinds`, `types` (one, or several) and `nulls` (None where a footer does not tell); `files`,
        and of them a `sample`.
    """
    found = _scanned(path, columns, partition, wanted)
    return {
        "rows": found.scan.rows,
        "kinds": {name: kind.name.lower() for name, kind in found.scan.kinds.items()},
        "types": {name: sorted({file.columns[name].type for file in found.scan.files}) for name in found.scan.kinds},
        "nulls": {name: found.scan.nulls(name) for name in found.scan.kinds},
        "sample": found.scan.files[0].file.path if found.scan.files else None,
        "files": [file.file.path for file in found.scan.files],
    }


@_told
def duckdb_sql(
    path: str, columns: Sequence[str], partition: Mapping[str, Any] | None, wanted: Sequence[Sequence[str]]
) -> str:
    """Returns what DuckDB reads of what `scan` looks at."""
    return _scanned(path, columns, partition, wanted).sql


@_told
def spark_sql(
    path: str, columns: Sequence[str], partition: Mapping[str, Any] | None, wanted: Sequence[Sequence[str]]
) -> str | None:
    """Returns what Spark reads of it where its table cannot be all files; None where it can."""
    return _scanned(path, columns, partition, wanted).spark_sql


@_told
def rows(path: str, columns: Sequence[str], partition: Mapping[str, Any]) -> int:
    """Returns how many rows a partition has, by its footers."""
    return invocation().scan(path, _chosen(columns, partition), []).scan.rows


@_told
def kind_of_type(table: str, name: str, role: str, type_name: str) -> str:
    """Returns what a column holds whose type a catalog tells: `text` or `integer`. Other types are refused."""
    kind = kind_in_catalog(type_name)
    require_kind(table, Column(name, _ROLES[role]), kind, type_name, "the catalog")
    return kind.name.lower()


@_told
def glue_table(database: str, name: str) -> dict[str, Any]:
    """Returns what the Glue Data Catalog says of a table, asked as dbt-glue asks."""
    found = invocation().glue_table(database, name)
    return {
        "kind": found.kind,
        "columns": [list(column) for column in found.columns],
        "partitioned_by": [column.lower() for column, _ in found.partition_columns],
        "is_projected": found.is_projected,
    }


@_told
def glue_tables(database: str) -> list[list[str]]:
    """Returns the names and kinds of all that the Glue Data Catalog has in a database, as it is now."""
    return [[found.name, found.kind] for found in invocation().glue_tables(database)]


def once(question: str, macro: Callable[..., Any], *arguments: Any) -> Any:
    """Returns what a macro returns, which is called once in an invocation, also where dbt has several threads.

    Other macros may ask meanwhile, the one that is called too: the lock of those who ask is not held.

    Args:
        question: What is asked; the same question has the same answer.
        macro: Finds it.
        arguments: Its arguments.
    """
    return invocation().once(question, lambda: macro(*arguments))


@_told
def make_folder(path: str) -> None:
    """Makes a folder of this machine that DuckDB writes to.

    Raises:
        UsageError: It cannot be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The folder {path} cannot be made: {error.strerror}.", "Set external_root to another one."
        ) from None


def is_spark_here() -> bool:
    """Whether Spark runs in this process, so that it sees the files that this machine sees."""
    adapter = FACTORY.adapters.get("spark")
    return adapter is not None and adapter.config.credentials.method == "session"


@_told
def is_here(location: str) -> bool:
    """Whether a location is a folder of this machine that is there, so that its files can be looked at."""
    return invocation().is_here(normal_location(location))


_ROLES = {
    "id": Role.ID,
    "cpf": Role.CPF,
    "suppressed": Role.SUPPRESSED,
    "document": Role.DOCUMENT,
    "other": Role.OTHER,
}


def _scanned(
    path: str, columns: Sequence[str], partition: Mapping[str, Any] | None, wanted: Sequence[Sequence[str]]
) -> Scanned:
    asked = [Column(name, _ROLES[role]) for name, role in wanted]
    return invocation().scan(path, _chosen(columns, partition) if partition else None, asked)


def _chosen(columns: Sequence[str], partition: Mapping[str, Any]) -> Chosen:
    return Chosen(partition["name"], dict(zip(columns, partition["level_values"], strict=True)))
