"""The Spark of Glue sessions: a process that runs statements, one after another, for any number of sessions.

It is told what to do in lines of JSON on stdin, and answers each with a line on what was stdout when it began.
SIGINT ends the statement that runs, as CancelStatement does.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import signal
import sys
import threading
import time
import traceback
import types
from typing import Any

from pyspark import SparkConf
from pyspark.sql import SparkSession

from tests.glue.mirror import Mirror

Json = dict[str, Any]
# Other statements cannot change the metastore, and looking it through takes longer than most of them.
_MAY_CHANGE = re.compile(r"\b(create|drop|alter|msck|recover|insert|truncate|write|saveAsTable|cache)\b", re.I)


class Worker:
    """One Spark application and the namespaces of its sessions."""

    def __init__(self, settings: dict[str, str]) -> None:
        conf = SparkConf()
        for name, value in settings.items():
            conf.set(name, value)
        self._spark = SparkSession.builder.config(conf=conf).enableHiveSupport().getOrCreate()
        self._mirror = Mirror(self._spark)
        self._namespaces: dict[str, Json] = {}
        self._is_interrupted = threading.Event()
        signal.signal(signal.SIGINT, self._interrupt)

    def _interrupt(self, _number: int, frame: types.FrameType | None) -> None:
        """Ends what runs. PySpark's own handler calls the JVM amid a call to the JVM, which breaks both."""
        self._is_interrupted.set()
        threading.Thread(target=self._cancel_jobs, daemon=True).start()
        while frame is not None:
            if "py4j" in frame.f_code.co_filename:
                return  # the call fails by itself when its jobs are cancelled
            frame = frame.f_back
        raise KeyboardInterrupt

    def _cancel_jobs(self) -> None:
        while self._is_interrupted.is_set():  # a query may have several, one after another
            self._spark.sparkContext.cancelAllJobs()
            time.sleep(0.2)

    def answer(self, asked: Json) -> Json:
        if asked["do"] == "forget":
            self._namespaces.pop(asked["session"], None)
            return {}
        if asked.get("snapshot") is not None:
            self._mirror.apply(asked["snapshot"])
        answer = self._run(asked["session"], asked["code"])
        self._is_interrupted.clear()
        answer["changes"] = self._mirror.changes() if _MAY_CHANGE.search(asked["code"]) else []
        return answer

    def _namespace(self, session: str) -> Json:
        if session not in self._namespaces:
            spark = self._spark.newSession()
            self._namespaces[session] = {"__name__": "__main__", "spark": spark, "sc": spark.sparkContext}
        return self._namespaces[session]

    def _run(self, session: str, code: str) -> Json:
        self._is_interrupted.clear()
        namespace = self._namespace(session)
        printed = io.StringIO()
        # SparkSession.builder.getOrCreate() inside a statement is to give this session's.
        spark = namespace["spark"]
        SparkSession._instantiatedSession = spark
        spark._jvm.SparkSession.setActiveSession(spark._jsparkSession)
        try:
            with contextlib.redirect_stdout(printed):
                _execute(code, namespace)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the client is told
            name = "Cancelled" if isinstance(error, KeyboardInterrupt) else type(error).__name__
            return {
                "stdout": printed.getvalue(),
                "error_name": name,
                "error_value": str(error),
                "traceback": traceback.format_exception(error),
            }
        return {"stdout": printed.getvalue()}


def _execute(code: str, namespace: Json) -> None:
    """Runs a statement; as in a notebook, the value of a last line that is an expression is shown."""
    tree = ast.parse(code)
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body.pop()
    exec(compile(tree, "<statement>", "exec"), namespace)  # noqa: S102 - it is what a session is for
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), "<statement>", "eval"), namespace)  # noqa: S307
        if value is not None:
            print(repr(value))  # noqa: T201 - it is the statement's output


def _provide_awsglue() -> None:
    """Puts the part of AWS's own library in place that dbt-glue imports."""

    def resolved_options(argv: list[str], options: list[str]) -> dict[str, str]:
        return {option: argv[argv.index(f"--{option}") + 1] for option in options}

    utils = types.ModuleType("awsglue.utils")
    utils.getResolvedOptions = resolved_options  # type: ignore[attr-defined]
    sys.modules.update({"awsglue": types.ModuleType("awsglue"), "awsglue.utils": utils})


def main() -> None:
    # What Spark or a library writes to stdout must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _provide_awsglue()
    worker = Worker(json.loads(sys.stdin.readline()))
    _send(answers, {"ready": True})
    while True:
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:  # it came after the end of what it was to end
            continue
        if not line:
            return
        try:
            answer = worker.answer(json.loads(line))
        except BaseException as error:  # noqa: BLE001 - the process goes on for the other sessions
            answer = {
                "stdout": "",
                "error_name": type(error).__name__,
                "error_value": f"the stand-in's worker failed: {error}",
                "traceback": traceback.format_exception(error),
                "changes": [],
            }
        _send(answers, answer)


def _send(answers: Any, answer: Json) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
