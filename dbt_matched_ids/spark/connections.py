"""Connections to Spark whose errors hold no data: dbt-spark and dbt-glue log what an engine says as it is.

`install` puts itself in the places where both adapters get their connections and their answers. It runs when dbt has
loaded the adapter of the chosen target; of the other, and of an engine, nothing is imported.
"""

from __future__ import annotations

import re
import sys
from functools import wraps
from pathlib import Path
from typing import Any

from dbt_common.exceptions import DbtRuntimeError

from dbt_matched_ids import folder_lock
from dbt_matched_ids.redaction import Statements, with_redacted_errors
from dbt_matched_ids.spark import comet
from dbt_matched_ids.spark.errors import is_derby_in_use, redacted, redacted_text

_DERBY_HOME = re.compile(r"-Dderby\.system\.home=(\S+)")
_MARK = "_matched_ids_redacts"

_statements = Statements()


class RedactingHandle:
    """What dbt-spark talks to: a connection and its cursor in one, for every method of connecting."""

    def __init__(self, handle: Any, folder: Path | None) -> None:
        """Wraps a connection.

        Args:
            handle: The adapter's.
            folder: The folder of the metastore, where this process keeps one.
        """
        self._handle = handle
        self._folder = folder

    def cursor(self) -> RedactingHandle:
        """Returns a cursor, which is this: the adapter's connections are their own cursors."""
        with_redacted_errors(self._handle.cursor, self._redacted)
        return self

    def execute(self, sql: str, bindings: Any = None) -> None:
        """Runs a statement.

        Raises:
            DbtRuntimeError: It failed; dbt-spark logs this, and raises it anew.
        """
        _statements.remember(sql)
        with_redacted_errors(lambda: self._handle.execute(sql, bindings), self._redacted)

    def fetchall(self) -> Any:
        """Returns the rows; a query on `local` runs only now.

        Raises:
            DbtRuntimeError: It failed.
        """
        return with_redacted_errors(self._handle.fetchall, self._redacted)

    @property
    def description(self) -> Any:
        """The columns of the result."""
        return with_redacted_errors(lambda: self._handle.description, self._redacted)

    def __getattr__(self, name: str) -> Any:
        """Returns what else the adapter's connection has."""
        return getattr(self._handle, name)

    def _redacted(self, error: Exception) -> DbtRuntimeError:
        if self._folder is not None and is_derby_in_use(error):
            return DbtRuntimeError(folder_lock.in_use_message(self._folder))
        return DbtRuntimeError(redacted(error, _statements))


def install() -> None:
    """Redacts the errors of the adapter that dbt has loaded; once in a process, however often dbt runs in it."""
    connections = sys.modules.get("dbt.adapters.spark.connections")
    if connections is not None:
        _install_in_spark(connections)
    statements = sys.modules.get("dbt.adapters.glue.gluedbapi.commons")
    if statements is not None:
        _install_in_glue(statements.GlueStatement)


def _install_in_spark(connections: Any) -> None:
    manager = connections.SparkConnectionManager
    if hasattr(manager, _MARK):
        return
    setattr(manager, _MARK, True)
    adapters_open = manager.open.__func__

    def open_(cls: Any, connection: Any) -> Any:
        credentials = connection.credentials
        folder = None
        if credentials.method == connections.SparkConnectionMethod.SESSION:
            folder = _metastore_of(credentials.server_side_parameters)
            if folder is not None and (taken := folder_lock.take(folder / "metastore.lock")):
                raise connections.FailedToConnectError(taken)
            if folder is not None and comet.is_wanted():
                comet.add_to(credentials.server_side_parameters)
        opened = adapters_open(cls, connection)
        if not isinstance(opened.handle, RedactingHandle):
            opened.handle = RedactingHandle(opened.handle, folder)
        return opened

    manager.open = classmethod(open_)
    # The adapter logs a Thrift server's answer, before it raises an error from it.
    if connections.hive is not None:
        cursor = connections.hive.Cursor
        cursor.poll = _redacting_poll(cursor.poll)


def _metastore_of(parameters: dict[str, str]) -> Path | None:
    """Returns the folder in which this process keeps a metastore, from what the JVM is started with."""
    home = _DERBY_HOME.search(parameters.get("spark.driver.extraJavaOptions", ""))
    return Path(home[1]).parent if home else None


def _redacting_poll(poll: Any) -> Any:
    @wraps(poll)
    def redacting_poll(self: Any, *arguments: Any, **options: Any) -> Any:
        answer = poll(self, *arguments, **options)
        if getattr(answer, "errorMessage", None):
            answer.errorMessage = redacted_text(answer.errorMessage, "an error", _statements)
            answer.taskStatus = None
        return answer

    return redacting_poll


def _install_in_glue(statement: Any) -> None:
    if hasattr(statement, _MARK):
        return
    setattr(statement, _MARK, True)
    get_statement = statement._get_statement

    @wraps(get_statement)
    def redacting_get_statement(self: Any) -> Any:
        _statements.remember(self.code.replace("'''", " "))
        answer = get_statement(self)
        output = answer.get("Statement", {}).get("Output") or {}
        if output.get("ErrorValue") or output.get("Traceback"):
            text = "\n".join([str(output.get("ErrorValue")), *map(str, output.get("Traceback") or [])])
            output["ErrorValue"] = redacted_text(text, str(output.get("ErrorName")), _statements, "Spark in Glue")
            output["Traceback"] = []
        return answer

    statement._get_statement = redacting_get_statement
