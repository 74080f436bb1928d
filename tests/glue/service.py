"""Plays AWS Glue around a job: spark-submit starts this, and it starts the job's own script, once for each run.

It runs where the job runs, in an environment that has nothing of this project but the job's package, so it imports
nothing of ours but `mirror`, which lies beside it. On AWS, Spark's metastore is the catalog; here each statement is put
between two looks at the stand-in. It is told by a file what to run, and writes what came of it into another.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import runpy
import sys
import urllib.request
from pathlib import Path
from typing import Any

from pyspark import SparkContext
from pyspark.sql import SparkSession

sys.path.insert(0, str(Path(__file__).parent))
from mirror import Mirror  # type: ignore[import-not-found] # beside this file

Json = dict[str, Any]
_MAY_CHANGE = re.compile(r"\b(create|drop|alter|msck|recover|insert|truncate|cache)\b", re.I)


class Metastore:
    """Keeps Spark's metastore and the stand-in's catalog alike, around every statement."""

    def __init__(self, url: str) -> None:
        self.statements: list[str] = []
        self._url = url
        self._version = -1
        self._mirror: Any = None
        self._is_busy = False
        self._sql = SparkSession.sql

    def install(self) -> None:
        def sql(session: SparkSession, query: str, *arguments: Any, **named: Any) -> Any:
            if self._is_busy:
                return self._sql(session, query, *arguments, **named)
            self.statements.append(query)
            self._exchange(session, [])
            try:
                return self._sql(session, query, *arguments, **named)
            finally:
                if _MAY_CHANGE.search(query):
                    with self._as_mirror():
                        changes = self._mirror.changes()
                    self._exchange(session, changes)

        SparkSession.sql = sql  # every caller's statements pass here

    def _exchange(self, session: SparkSession, changes: list[Json]) -> None:
        body = json.dumps({"changes": changes, "version": self._version}).encode()
        with urllib.request.urlopen(urllib.request.Request(self._url, body)) as answer:  # noqa: S310 -- the stand-in
            told = json.load(answer)
        with self._as_mirror():
            self._mirror = self._mirror or Mirror(session)
            if told["snapshot"] is not None:
                self._mirror.apply(told["snapshot"])
        self._version = told["version"]

    @contextlib.contextmanager
    def _as_mirror(self) -> Any:
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False


def run(script: str, arguments: list[str], metastore: Metastore, log: Path) -> Json:
    """Runs the job's script, and returns how that ended."""
    environment = dict(os.environ)
    metastore.statements.clear()
    ended: Json = {"error": None}
    sys.argv = [script, *arguments]
    with log.open("w") as out, contextlib.redirect_stdout(out):
        try:
            runpy.run_path(script, run_name="__main__")
        except BaseException as error:  # noqa: BLE001 -- Glue fails a run on any of them, SystemExit(0) too
            ended["error"] = type(error).__name__
            ended["text"] = str(error)
            ended["chained"] = error.__context__ is not None and not error.__suppress_context__
    os.environ.clear()
    os.environ.update(environment)
    ended["has_begun_spark"] = SparkContext._active_spark_context is not None
    ended["statements"] = list(metastore.statements)
    return ended


def main() -> None:
    told = json.loads(Path(sys.argv[1]).read_text())
    metastore = Metastore(told["mirror"])
    metastore.install()
    ended = []
    for number, arguments in enumerate(told["runs"]):
        ended.append(run(told["script"], arguments, metastore, Path(told["folder"]) / f"run-{number}.log"))
        (Path(told["folder"]) / "ended.json").write_text(json.dumps(ended))


if __name__ == "__main__":
    main()
