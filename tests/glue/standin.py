"""A stand-in for AWS Glue: the unmodified dbt-glue, boto3 and Iceberg's GlueCatalog talk to it, and Spark is real.

Its HTTP server speaks Glue's JSON 1.1 API (interactive sessions and the Data Catalog), and of STS, Lake Formation,
CloudWatch and SNS what dbt-glue and the publisher call. S3 is not its business: give clients a store's address as
AWS_ENDPOINT_URL_S3.

What it does not prove: IAM and Lake Formation (nothing is refused that a test did not ask it to refuse), quotas,
prices, the idle timeout, Glue's own build of Spark and its Hive metastore client, and how AWS words its errors.
"""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from demo.seaweedfs import Endpoint
from tests.glue.catalog import ACCOUNT, REGION, DataCatalog, Refusal
from tests.glue.faults import Faults
from tests.glue.sessions import PATIENCE_SECONDS, Sessions, Statement
from tests.glue.spark import Surroundings, Worker
from tests.serving import serving

Json = dict[str, Any]
# Not of AWS: where the Spark of a job tells what it changed in its metastore, and asks what others did.
MIRROR = "/stand-in/mirror"
# Of the answers of those that speak XML.
_NAMESPACES = {
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "sns": "http://sns.amazonaws.com/doc/2010-03-31/",
    # In the botocore of AWS Glue; newer ones speak another language to it.
    "monitoring": "http://monitoring.amazonaws.com/doc/2010-08-01/",
}


@dataclass
class Call:
    """One request that came, or one that AWS's own metastore client would have sent.

    Attributes:
        caller: The name of the access key's owner.
        error: The code of the error it was answered with, if any.
        is_mirrored: Whether it was not sent: Spark changed its own metastore, where on AWS it calls the API.
    """

    caller: str
    service: str
    operation: str
    database: str | None = None
    table: str | None = None
    session: str | None = None
    error: str | None = None
    is_mirrored: bool = False
    given: Json = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, caller: str, service: str, operation: str, given: Json, **others: Any) -> Call:
        database = given.get("DatabaseName") or (given.get("DatabaseInput") or {}).get("Name")
        table = given.get("TableName") or (given.get("TableInput") or {}).get("Name")
        if "Database" in operation:
            database = database or given.get("Name")
        elif "Table" in operation:
            table = table or given.get("Name")
        session = given.get("SessionId") or (given.get("Id") if "Session" in operation else None)
        return cls(caller, service, operation, database, table, session, given=given, **others)

    @property
    def resource(self) -> str | None:
        """`database.table`, `database`, or none."""
        return f"{self.database}.{self.table}" if self.database and self.table else self.database


class StandIn:
    """A running stand-in.

    Attributes:
        url: Of the API.
        calls: What was asked so far.
        faults: What is to go wrong.
        sessions: The sessions, and how patient the API is.
    """

    def __init__(self, surroundings: Surroundings, callers: dict[str, str], server: _Server, page_size: int) -> None:
        self.url = surroundings.glue_url
        self.calls: list[Call] = []
        self.faults = Faults()
        self.catalog = DataCatalog(page_size)
        self.sessions = Sessions(self.catalog, self.faults, surroundings)
        self._callers = callers
        self._glue_role = callers.get(surroundings.store.access_key, "glue")
        self.sessions.on_mirrored = self._record_mirrored
        server.stand_in = self

    @property
    def statements(self) -> list[Statement]:
        """All statements so far, of all sessions."""
        return self.sessions.statements

    @property
    def sql(self) -> list[str]:
        """The SQL of all statements so far that have one."""
        return [statement.sql for statement in self.statements if statement.sql is not None]

    def reset(self) -> None:
        """Forgets what was recorded, and ends all faults; the catalog and Spark stay as they are."""
        self.faults.clear()
        self.sessions.patience_seconds = PATIENCE_SECONDS
        self.calls.clear()
        self.sessions.statements.clear()

    def environment(self) -> dict[str, str]:
        """Returns the variables by which a client finds the stand-in; S3 and credentials come on top."""
        names = ("GLUE", "STS", "LAKEFORMATION", "CLOUDWATCH", "SNS")
        return {**{f"AWS_ENDPOINT_URL_{name}": self.url for name in names}, "AWS_DEFAULT_REGION": REGION}

    def run_python(self, code: str, conf: str | None = None) -> str:
        """Runs code in Spark, as a statement of a session would, and returns what it printed.

        Args:
            code: Python; the value of a last line that is an expression is printed.
            conf: Like a session's `--conf`; without it, the newest session's.

        Raises:
            RuntimeError: The code failed.
        """
        answer = self.sessions.run(code, self._worker(conf), f"run-{uuid.uuid4()}")
        if "error_name" in answer:
            raise RuntimeError(f"{answer['error_name']}: {answer['error_value']}\n{''.join(answer['traceback'])}")
        return str(answer["stdout"])

    def rows(self, sql: str, conf: str | None = None) -> list[list[Any]]:
        """Runs SQL in Spark, and returns its rows; what JSON lacks comes as text."""
        code = f"import json; print(json.dumps([list(row) for row in spark.sql({sql!r}).collect()], default=str))"
        rows: list[list[Any]] = json.loads(self.run_python(code, conf))
        return rows

    def _worker(self, conf: str | None) -> Worker:
        if conf is None:
            sessions = list(self.sessions.sessions.values())
            if sessions:
                return sessions[-1].worker
        return self.sessions.worker(conf or "")

    def mirror(self, told: Json) -> Json:
        """Takes over what a job's Spark changed in its own metastore, and tells it the catalog, where that is newer.

        Args:
            told: The `changes`, as `mirror.Mirror` gives them, and the catalog's `version` that the Spark knows.
        """
        for operation, given in self.catalog.take_over(told["changes"]):
            self._record_mirrored(operation, given)
        version = self.catalog.version
        return {"version": version, "snapshot": None if version == told["version"] else self.catalog.snapshot()}

    def _record_mirrored(self, operation: str, given: Json) -> None:
        self.calls.append(Call.of(self._glue_role, "glue", operation, given, is_mirrored=True))

    def answer(self, access_key: str, service: str, operation: str, given: Json) -> Json:
        """Answers a request, and records it.

        Raises:
            Refusal: What is asked is refused.
        """
        call = Call.of(self._callers.get(access_key, access_key), service, operation, given)
        self.calls.append(call)
        try:
            return self._answer(call)
        except Refusal as refusal:
            call.error = refusal.code
            raise

    def _answer(self, call: Call) -> Json:
        code = self.faults.for_request(call.caller, call.operation, call.resource if call.table else None)
        if code is not None:
            raise Refusal(code, f"The stand-in was told to refuse {call.operation}.")
        if call.service == "glue" and self.sessions.answers(call.operation):
            return self.sessions.answer(call.operation, call.given)
        if call.service == "glue" and self.catalog.answers(call.operation):
            return self.catalog.answer(call.operation, call.given)
        if call.service == "sts" and call.operation == "GetCallerIdentity":
            return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/{call.caller}", "UserId": call.caller}
        if call.service == "sts" and call.operation == "AssumeRole":
            return self._assume_role(call.given)
        if call.service == "lakeformation" and call.operation in ("BatchGrantPermissions", "AddLFTagsToResource"):
            return {"Failures": []}
        if call.service == "lakeformation" and call.operation == "GetResourceLFTags":
            return {}
        if (call.service, call.operation) == ("cloudwatch", "PutMetricData"):
            return {}
        if (call.service, call.operation) == ("sns", "Publish"):
            return {"MessageId": str(uuid.uuid4())}
        raise Refusal("InvalidAction", f"The stand-in does not know {call.service}'s {call.operation}.")

    def _assume_role(self, given: Json) -> Json:
        key = f"ASIA{uuid.uuid4().hex[:16].upper()}"
        self._callers[key] = given["RoleArn"].rpartition("/")[2]
        return {
            "Credentials": {
                "AccessKeyId": key,
                "SecretAccessKey": "secret",
                "SessionToken": "token",
                "Expiration": "2999-01-01T00:00:00Z",
            }
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    stand_in: StandIn

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing when a client is gone before its answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the kernel holds an answer's body back until its head is acknowledged: 40 ms for each.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        credential = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/", self.headers.get("Authorization") or "")
        access_key, service = credential.groups() if credential else ("anonymous", "unknown")
        target = self.headers.get("X-Amz-Target")
        if self.path == MIRROR:
            self._send(
                200, "application/json", json.dumps(self.server.stand_in.mirror(json.loads(body))).encode(), None
            )
        elif target:
            name = {"monitoring": "cloudwatch"}.get(service, "glue")
            self._answer_json(access_key, name, target.rpartition(".")[2], json.loads(body or b"{}"))
        elif service in _NAMESPACES:
            given = _with_lists({name: values[0] for name, values in parse_qs(body.decode()).items()})
            self._answer_xml(access_key, service, given.pop("Action"), given)
        else:
            self._answer_json(access_key, service, self.path.strip("/"), json.loads(body or b"{}"))

    def _answer_json(self, access_key: str, service: str, operation: str, given: Json) -> None:
        try:
            status, answer = 200, self.server.stand_in.answer(access_key, service, operation, given)
        except Refusal as refusal:
            status, answer = 400, {"__type": refusal.code, "message": str(refusal), "Message": str(refusal)}
        self._send(status, "application/x-amz-json-1.1", json.dumps(answer).encode(), answer.get("__type"))

    def _answer_xml(self, access_key: str, service: str, operation: str, given: Json) -> None:
        try:
            name = {"monitoring": "cloudwatch"}.get(service, service)
            status, answer = 200, self.server.stand_in.answer(access_key, name, operation, given)
            inner = f"<{operation}Result>{_xml(answer)}</{operation}Result>"
            text = f'<{operation}Response xmlns="{_NAMESPACES[service]}">{inner}</{operation}Response>'
        except Refusal as refusal:
            status = 403
            inner = _xml({"Type": "Sender", "Code": refusal.code, "Message": str(refusal)})
            text = f'<ErrorResponse xmlns="{_NAMESPACES[service]}"><Error>{inner}</Error></ErrorResponse>'
        self._send(status, "text/xml", text.encode(), None)

    def _send(self, status: int, content_type: str, body: bytes, error: str | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_args: Any) -> None:
        """Says nothing: what came is in `calls`."""


def _with_lists(given: dict[str, str]) -> Json:
    """Returns what the names of AWS's query protocol stand for: `A.member.1.B` is B in the first of the list A."""
    found: Json = {}
    for name, value in given.items():
        *path, last = name.split(".")
        inside = found
        for part in path:
            inside = inside.setdefault(part, {})
        inside[last] = value

    def listed(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if value.keys() == {"member"}:
            return [listed(one) for _, one in sorted(value["member"].items(), key=lambda pair: int(pair[0]))]
        return {name: listed(one) for name, one in value.items()}

    return {name: listed(value) for name, value in found.items()}


def _xml(value: Json) -> str:
    return "".join(f"<{key}>{_xml(item) if isinstance(item, dict) else item}</{key}>" for key, item in value.items())


@contextlib.contextmanager
def running(
    folder: Path, jars: list[Path], store: Endpoint, callers: dict[str, str], *, page_size: int = 100
) -> Iterator[StandIn]:
    """Runs a stand-in until the block is left.

    Args:
        folder: For its workers' metastores and logs.
        jars: What Spark needs beyond PySpark's own, see `jars.jars`.
        store: S3 as the Glue role sees it: address and credentials.
        callers: A name for each access key.
        page_size: How many items the catalog gives at once, at most.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    with serving(server) as at:
        stand_in = StandIn(Surroundings(tuple(jars), store, f"http://{at}", folder), callers, server, page_size)
        try:
            yield stand_in
        finally:
            stand_in.sessions.stop()
