"""Interactive sessions and their statements, as the Glue API shows them."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.glue.catalog import DataCatalog, Refusal
from tests.glue.faults import Faults
from tests.glue.spark import Surroundings, Worker, WorkerEnded

Json = dict[str, Any]
PATIENCE_SECONDS = 20.0
_OVER = ("AVAILABLE", "ERROR", "CANCELLED", "TIMEOUT")
_SQL = re.compile(r"^SqlWrapper2\.execute\('''(.*?)''', use_arrow=", re.S)


@dataclass
class Statement:
    """One statement of a session.

    Attributes:
        sql: What dbt-glue's wrapper is given; none for other code.
        output: As GetStatement gives it; none before the end.
        seconds: How long it ran.
    """

    session: str
    number: int
    code: str
    state: str = "WAITING"
    output: Json | None = None
    seconds: float = 0.0
    over: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def sql(self) -> str | None:
        found = _SQL.match(self.code)
        return found.group(1) if found else None

    @property
    def text(self) -> str:
        """What it printed, or the error's text."""
        output = self.output or {}
        return str(output.get("ErrorValue") or output.get("Data", {}).get("TextPlain", ""))

    def as_dict(self) -> Json:
        shown: Json = {"Id": self.number, "Code": self.code, "State": self.state, "Progress": 0.0, "StartedOn": 0}
        return {**shown, "Output": self.output} if self.output is not None else shown


@dataclass
class Session:
    """One session. What it was created with is in `given`."""

    given: Json
    worker: Worker
    created: float
    fails: bool
    status: str = "PROVISIONING"
    looks: int = 0
    statements: list[Statement] = field(default_factory=list)

    def as_dict(self) -> Json:
        names = (
            "Id", "Role", "Command", "DefaultArguments", "Connections", "GlueVersion", "NumberOfWorkers", "WorkerType",
            "IdleTimeout", "SecurityConfiguration", "Description",
        )  # fmt: skip
        shown = {name: self.given[name] for name in names if name in self.given}
        error = {"ErrorMessage": "the stand-in was told to let it fail"} if self.status == "FAILED" else {}
        return {**shown, **error, "Status": self.status, "CreatedOn": self.created}


class Sessions:
    """Answers the operations on sessions and statements.

    Attributes:
        statements: All statements of all sessions so far, in the order they came.
        patience_seconds: How long GetSession and GetStatement wait for what is about to happen. AWS answers at once,
            and dbt-glue asks again after a second or three; a test does not want to wait that long.
        error_state: The state of a statement whose code failed.
    """

    def __init__(self, catalog: DataCatalog, faults: Faults, surroundings: Surroundings) -> None:
        self.statements: list[Statement] = []
        self.patience_seconds = PATIENCE_SECONDS
        self.error_state = "AVAILABLE"
        self.sessions: dict[str, Session] = {}
        self.on_mirrored: Callable[[str, Json], None] = lambda _operation, _given: None
        self._catalog = catalog
        self._faults = faults
        self._surroundings = surroundings
        self._workers: dict[str, Worker] = {}
        self._queues: dict[Worker, ThreadPoolExecutor] = {}
        self._running: dict[Worker, Statement] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._operations: dict[str, Callable[[Json], Json]] = {
            "CreateSession": self._create_session,
            "GetSession": self._get_session,
            "ListSessions": self._list_sessions,
            "StopSession": self._stop_session,
            "DeleteSession": self._delete_session,
            "RunStatement": self._run_statement,
            "GetStatement": self._get_statement,
            "ListStatements": self._list_statements,
            "CancelStatement": self._cancel_statement,
        }

    def answers(self, operation: str) -> bool:
        return operation in self._operations

    def answer(self, operation: str, given: Json) -> Json:
        """Answers one operation.

        Raises:
            Refusal: As Glue refuses it.
        """
        return self._operations[operation](given)

    def worker(self, conf: str = "") -> Worker:
        """Returns the worker with these settings, started when there is none."""
        with self._lock:
            if conf not in self._workers:
                self._workers[conf] = Worker(self._surroundings, conf, next(self._numbers))
                self._queues[self._workers[conf]] = ThreadPoolExecutor(1)
            return self._workers[conf]

    def run(self, code: str, worker: Worker, session: str) -> Json:
        """Runs code in a worker, with the catalog and Spark's metastore made alike before and after."""
        return self._queues[worker].submit(self._ask, worker, session, code).result()

    def stop(self) -> None:
        for worker, queue in self._queues.items():
            if worker in self._running:
                worker.interrupt()
            queue.shutdown()
            worker.stop()

    def _ask(self, worker: Worker, session: str, code: str) -> Json:
        message: Json = {"do": "statement", "session": session, "code": code}
        version = self._catalog.version
        if worker.mirrored != version:
            message["snapshot"] = self._catalog.snapshot()
        answer = worker.ask(message)
        worker.mirrored = version
        for operation, given in self._catalog.take_over(answer["changes"]):
            self.on_mirrored(operation, given)
        return answer

    def _session(self, name: str) -> Session:
        if name not in self.sessions:
            raise Refusal("EntityNotFoundException", f"Session {name} not found.")
        return self.sessions[name]

    def _create_session(self, given: Json) -> Json:
        with self._lock:
            if given["Id"] in self.sessions:
                raise Refusal("AlreadyExistsException", f"Session {given['Id']} already exists.")
            worker = self.worker(given.get("DefaultArguments", {}).get("--conf", ""))
            session = Session(given, worker, time.time(), self._faults.for_session())
            self.sessions[given["Id"]] = session
            return {"Session": session.as_dict()}

    def _get_session(self, given: Json) -> Json:
        session = self._session(given["Id"])
        # The first look finds it PROVISIONING, as on AWS.
        if session.status == "PROVISIONING" and session.looks:
            if session.fails:
                session.status = "FAILED"
            elif session.worker.ready.wait(self.patience_seconds):
                session.status = "READY"
        session.looks += 1
        return {"Session": session.as_dict()}

    def _list_sessions(self, _given: Json) -> Json:
        return {"Ids": list(self.sessions), "Sessions": [session.as_dict() for session in self.sessions.values()]}

    def _stop_session(self, given: Json) -> Json:
        session = self._session(given["Id"])
        if session.status != "READY":
            raise Refusal("IllegalSessionStateException", f"Session is in {session.status} status.")
        self._end(session, "STOPPED")
        return {"Id": given["Id"]}

    def _delete_session(self, given: Json) -> Json:
        session = self._session(given["Id"])
        self._end(session, "STOPPED")
        del self.sessions[given["Id"]]
        return {"Id": given["Id"]}

    def _end(self, session: Session, status: str) -> None:
        session.status = status
        for statement in session.statements:
            self._cancel(session, statement)
        if session.worker.ready.is_set():
            forget = {"do": "forget", "session": session.given["Id"]}
            self._queues[session.worker].submit(session.worker.ask, forget)

    def _require_ready(self, given: Json) -> Session:
        session = self._session(given["SessionId"])
        if session.status != "READY":
            raise Refusal("IllegalSessionStateException", f"Session is in {session.status} status.")
        return session

    def _run_statement(self, given: Json) -> Json:
        session = self._require_ready(given)
        with self._lock:
            statement = Statement(given["SessionId"], len(session.statements) + 1, given["Code"])
            session.statements.append(statement)
            self.statements.append(statement)
        effect = self._faults.for_statement(statement.sql or statement.code)
        if effect == "TIMEOUT":
            self._finish(statement, "TIMEOUT", None)
        elif effect == "DIES":
            statement.state = "RUNNING"
            session.status = "FAILED"
        else:
            self._queues[session.worker].submit(self._execute, session, statement)
        return {"Id": statement.number}

    def _execute(self, session: Session, statement: Statement) -> None:
        with self._lock:
            if statement.state != "WAITING":
                self._finish(statement, "CANCELLED", None)
                return
            statement.state = "RUNNING"
            self._running[session.worker] = statement
        begun = time.monotonic()
        try:
            answer = self._ask(session.worker, statement.session, statement.code)
        except WorkerEnded as error:
            session.status = "FAILED"
            answer = {"error_name": "WorkerEnded", "error_value": str(error), "traceback": []}
        finally:
            statement.seconds = time.monotonic() - begun
            with self._lock:
                self._running.pop(session.worker, None)
        if statement.state == "CANCELLING":
            self._finish(statement, "CANCELLED", None)
        elif "error_name" in answer:
            output = {
                "Status": "error",
                "ExecutionCount": statement.number,
                "ErrorName": answer["error_name"],
                "ErrorValue": answer["error_value"],
                "Traceback": answer["traceback"],
            }
            self._finish(statement, self.error_state, output)
        else:
            output = {
                "Status": "ok",
                "ExecutionCount": statement.number,
                "Data": {"TextPlain": answer["stdout"].rstrip("\n")},
            }
            self._finish(statement, "AVAILABLE", output)

    def _finish(self, statement: Statement, state: str, output: Json | None) -> None:
        statement.state, statement.output = state, output
        statement.over.set()

    def _statement(self, given: Json) -> Statement:
        session = self._session(given["SessionId"])
        if session.status == "FAILED":
            raise Refusal("IllegalSessionStateException", f"Session is in {session.status} status.")
        for statement in session.statements:
            if statement.number == given["Id"]:
                return statement
        raise Refusal("EntityNotFoundException", f"Statement {given['Id']} not found.")

    def _get_statement(self, given: Json) -> Json:
        statement = self._statement(given)
        statement.over.wait(self.patience_seconds)
        return {"Statement": statement.as_dict()}

    def _list_statements(self, given: Json) -> Json:
        session = self._session(given["SessionId"])
        return {"Statements": [statement.as_dict() for statement in session.statements]}

    def _cancel_statement(self, given: Json) -> Json:
        session = self._require_ready(given)
        self._cancel(session, self._statement(given))
        return {}

    def _cancel(self, session: Session, statement: Statement) -> None:
        with self._lock:
            if statement.state in _OVER or statement.state == "CANCELLING":
                return
            statement.state = "CANCELLING"
            if self._running.get(session.worker) is statement:
                session.worker.interrupt()
