"""Starts the Spark of this process while dbt still reads the project: each takes some seconds, of another processor.

dbt opens its first connection when the whole project is read. By then a Spark that was begun with the command has its
JVM, its session and its metastore, or nearly; the first statement waits for what is left of that.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

# Those that need the engine whatever is selected. Others may get by without one.
_COMMANDS = frozenset({"build", "run", "run-operation", "test"})


def begin(command: str, credentials: Any) -> threading.Thread | None:
    """Opens the connection that dbt will open, in the same way, and asks for what makes Spark open its metastore.

    What goes wrong here is of no interest: the first statement meets it too, and says so.

    Args:
        command: dbt's, such as `build`.
        credentials: The target's, as dbt gives them to its adapter.

    Returns:
        The thread that does so; None where no Spark is to run in this process, or one runs already: in a job its JVM
        does, and there is nothing to be gained.
    """
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        return None
    adapter = sys.modules.get("dbt.adapters.spark.connections")
    if command not in _COMMANDS or credentials.type != "spark" or credentials.method != "session" or adapter is None:
        return None
    pyspark = sys.modules.get("pyspark")
    if pyspark is not None and pyspark.SparkContext._active_spark_context is not None:
        return None
    # A daemon, so that a project that cannot be read ends dbt at once; its JVM ends with it.
    thread = threading.Thread(target=_open, args=(adapter.SparkConnectionManager, credentials), daemon=True)
    thread.start()
    return thread


def _open(manager: Any, credentials: Any) -> None:
    from dbt.adapters.contracts.connection import Connection

    try:
        connection = manager.open(Connection(type="spark", name="early", credentials=credentials))
        connection.handle.cursor().execute("show databases")
    except Exception:  # noqa: BLE001 -- whatever it is
        return
