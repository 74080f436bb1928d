"""Raw tables that are named by their metadata, `iceberg:…` and `glue:database.table`, as the macros ask for them.

A macro can only run SQL, and a function in Python that SQL calls takes numpy. So a question is the address of a file
that is not there, and what DuckDB reads from it is the answer, as JSON (macros/ask_raw_table.sql):

    raw-tables://records/pin/<setting>                looks at the table; what it is now is what the others tell of
    raw-tables://records/partitions/<columns>         its partition names
    raw-tables://records/rows                         SQL that reads it
    raw-tables://records/rows/<columns>/<partition>   SQL that reads one partition
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from fsspec import AbstractFileSystem

from publisher.errors import PublisherError, SourceNotReady, UsageError
from publisher.files import Files, LocalFiles, normal_location
from publisher.settings import parse_glue_table

if TYPE_CHECKING:
    from dbt_local_duckdb.s3 import S3FileSystem

_Chosen = tuple[Sequence[str], tuple[str, ...]]


class RawTable(Protocol):
    """A table as it was when it was looked at, whatever is written to it meanwhile."""

    def partition_names(self, columns: Sequence[str]) -> list[str]:
        """Returns the names of its partitions, as `column=value/column=value`, escaped as in Hive.

        Args:
            columns: The partition columns that count, in lower case.
        """

    def rows(self, chosen: _Chosen | None) -> str:
        """Returns a query that reads the table.

        Args:
            chosen: Columns in lower case, and the values that one partition has there; None for the whole table.
        """


class RawTables(AbstractFileSystem):
    """Answers what is asked of a raw table, as if answers were files."""

    protocol = "raw-tables"
    cachable = False

    def __init__(self, s3: S3FileSystem) -> None:
        """Looks at nothing yet.

        Args:
            s3: What DuckDB reads `s3://` with.
        """
        super().__init__()
        self._s3 = s3
        self._tables: dict[str, RawTable] = {}
        self._answers: dict[str, bytes] = {}

    def glob(self, path: str, **_: Any) -> list[str]:
        """Returns the one address: none of them is a pattern."""
        return [path]

    def open(self, path: str, mode: str = "rb", **_: Any) -> Any:  # noqa: ARG002 -- it is called so
        """Opens the answer to a question."""
        self._answers = {path: json.dumps(self._answer(path)).encode()}
        return io.BytesIO(self._answers[path])

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Returns the size of an answer, for which DuckDB asks once it is open."""
        return {"name": path, "type": "file", "size": len(self._answers[path])}

    def modified(self, path: str) -> datetime:  # noqa: ARG002 -- it is called so
        """Returns no time, as nothing is kept of an answer."""
        return datetime(1970, 1, 1, tzinfo=timezone.utc)

    def _answer(self, path: str) -> dict[str, Any]:
        source, question, *told = path.removeprefix("raw-tables://").split("/", 3)
        try:
            if question == "pin":
                self._tables[source] = self._look_at(unquote("/".join(told)))
                return {}
            table = self._tables[source]
            columns = told[0].split(",") if told else []
            if question == "partitions":
                return {"names": table.partition_names(columns)}
            return {"sql": table.rows((columns, _values(columns, unquote(told[1]))) if told else None)}
        except PublisherError as error:
            return {"error": f"{error.message} {error.hint}".strip()}

    def _look_at(self, setting: str) -> RawTable:
        if setting.startswith("iceberg:"):
            return self._iceberg(setting.removeprefix("iceberg:"))
        from publisher.glue import GlueCatalog

        catalog = GlueCatalog()
        table = catalog.table(*parse_glue_table(setting))
        if table.kind == "iceberg" and table.metadata_location:
            return self._iceberg(table.metadata_location)
        if table.kind == "parquet":
            from dbt_local_duckdb.hive import HiveTable

            return HiveTable(table, catalog, self._files, self._s3.remember)
        raise UsageError(
            f"The table {table.database}.{table.name} of the Glue catalog is of the kind {table.kind}.",
            "On the target duckdb, Iceberg and Parquet are read. Name such a table, or use the target glue.",
        )

    def _iceberg(self, location: str) -> RawTable:
        try:
            from dbt_local_duckdb.iceberg import IcebergTable
        except ModuleNotFoundError as error:
            raise UsageError(
                f"Reading an Iceberg table takes the Python package {str(error.name).partition('.')[0]}, which is not "
                "installed.",
                "Install the extra: pip install 'matched-ids[duckdb,iceberg]'.",
            ) from error
        location = normal_location(location)
        try:
            return IcebergTable(location, self._files(location), self._s3.remember)
        except SourceNotReady as error:  # its hint is about a table that dbt built
            raise SourceNotReady(error.message, "") from error

    def _files(self, location: str) -> Files:
        return self._s3.files if location.startswith("s3://") else LocalFiles()


def _values(columns: Sequence[str], name: str) -> tuple[str, ...]:
    """Returns the values of a partition from the name that the macro `partition_struct` gave it."""
    if len(columns) == 1:
        return (name,)
    found = re.fullmatch("/".join(f"{re.escape(column)}=(.*)" for column in columns), name, re.DOTALL)
    return found.groups() if found else (name,)
