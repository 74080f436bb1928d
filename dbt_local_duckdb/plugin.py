"""A plugin of dbt-duckdb: prepares what DuckDB expects to be there, and keeps personal data out of dbt's log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.environments import local
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from dbt_local_duckdb.s3 import S3FileSystem

# As in: Invalid string encoding found in Parquet file "…": value "00012345678\xFF" is not valid UTF8!
_QUOTED_VALUE = re.compile(r"\b(value|string)\s+([\"']).*\2", re.DOTALL | re.IGNORECASE)


class Plugin(BasePlugin):
    """Creates the folders that DuckDB does not create, and lets it read `s3://`."""

    def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:
        """Creates the folders of the database, of the tables and of what spills over; called before connecting."""
        for folder in (Path(creds.path).parent, Path(creds.external_root), Path(config["temp_directory"])):
            folder.mkdir(parents=True, exist_ok=True)

    def configure_connection(self, conn: Any) -> None:
        """Registers S3; nothing is sent, or looked for, until an address there is read."""
        conn.register_filesystem(S3FileSystem())


class DiscreetCursor(local.DuckDBCursorWrapper):
    """A cursor whose errors do not quote the value that DuckDB stumbled over, which may be a document."""

    def execute(self, sql: str, bindings: Any = None) -> Any:
        """Runs a statement."""
        with _values_left_out():
            return super().execute(sql, bindings)

    def __getattr__(self, name: str) -> Any:
        """Returns what the cursor itself has; what fetches may fail as what executes does."""
        attribute = super().__getattr__(name)
        if not name.startswith("fetch"):
            return attribute

        @wraps(attribute)
        def fetch(*arguments: Any, **options: Any) -> Any:
            with _values_left_out():
                return attribute(*arguments, **options)

        return fetch


# dbt-duckdb has no other place for it: it makes a cursor by this name, and logs its errors as they are.
local.DuckDBCursorWrapper = DiscreetCursor


@contextmanager
def _values_left_out() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        text = str(error)
        discreet = _QUOTED_VALUE.sub(r"\1 (not shown here)", text)
        if discreet == text:
            raise
        raise DbtRuntimeError(discreet) from None
