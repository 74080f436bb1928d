"""A plugin of dbt-duckdb: prepares what DuckDB expects to be there, and keeps personal data out of dbt's log."""

from __future__ import annotations

import re
from functools import wraps
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.environments import local
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from dbt_matched_ids import folder_lock
from dbt_matched_ids.duckdb.errors import DuckDBFailed, redacted, redacted_opening_error
from dbt_matched_ids.duckdb.s3 import S3FileSystem
from dbt_matched_ids.redaction import Statements, with_redacted_errors

# `md:`, `ducklake:`, `s3://`
_NOT_A_FILE = re.compile(r"[A-Za-z0-9]{2,}:")

_statements = Statements()
_open_database = local.LocalEnvironment.handle


class Plugin(BasePlugin):
    """Creates the folders that DuckDB does not create, and lets it read `s3://`."""

    def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:
        """Creates the folders of the database, of the tables and of what spills over; called before connecting.

        The profile may be somebody else's, with a database that is no file, and without our settings.

        Raises:
            DuckDBFailed: Another process works in the folder of the database.
        """
        is_file = creds.path != ":memory:" and not _NOT_A_FILE.match(creds.path)
        folders = [creds.external_root, config.get("temp_directory")]
        for folder in (Path(name) for name in folders if name and not _NOT_A_FILE.match(name)):
            folder.mkdir(parents=True, exist_ok=True)
        # Of S3 it is told that nothing ever changes (`S3FileSystem.modified`), so nothing of it may be kept.
        config.setdefault("enable_external_file_cache", "false")
        if is_file:
            Path(creds.path).parent.mkdir(parents=True, exist_ok=True)
            if taken := folder_lock.take(Path(f"{creds.path}.lock")):
                raise DuckDBFailed(taken)

    def configure_connection(self, conn: Any) -> None:
        """Registers S3; nothing is sent, or looked for, until an address there is read."""
        conn.register_filesystem(S3FileSystem())


class RedactingCursor(local.DuckDBCursorWrapper):
    """A cursor whose errors do not quote the value that DuckDB stumbled over, which may be a document."""

    def execute(self, sql: str, bindings: Any = None) -> Any:
        """Runs a statement, and returns this cursor, from which a result is fetched whose errors are redacted too.

        Raises:
            DuckDBFailed: It failed; dbt-duckdb rolls back, logs this, and raises an error of dbt's with its text.
        """
        _statements.remember(sql)
        with_redacted_errors(lambda: super(RedactingCursor, self).execute(sql, bindings), _redacted)
        return self

    def __getattr__(self, name: str) -> Any:
        """Returns what the cursor itself has; what fetches may fail as what executes does."""
        attribute = super().__getattr__(name)
        if not callable(attribute):
            return attribute

        @wraps(attribute)
        def method(*arguments: Any, **options: Any) -> Any:
            return with_redacted_errors(
                lambda: attribute(*arguments, **options), lambda error: DbtRuntimeError(str(_redacted(error)))
            )

        return method


def _redacted(error: Exception) -> DuckDBFailed:
    from dbt_matched_ids.macro_functions import invocation  # imports pyarrow

    return redacted(error, _statements, lambda path: path in invocation().listed)


def _handle(environment: Any) -> Any:
    """Opens the database, where its own error is a page about locks."""
    return with_redacted_errors(
        lambda: _open_database(environment), lambda error: redacted_opening_error(error, str(environment.creds.path))
    )


# dbt-duckdb has no other place for it: it makes a cursor by this name, and logs its errors as they are.
local.DuckDBCursorWrapper = RedactingCursor
local.LocalEnvironment.handle = _handle
