"""A small Glue over HTTP that is strict where moto is not: it pages, and refuses what it does not know.

What an Expression chooses is moto's word, which refuses as AWS does: a column that is none, an operator that the
column's type does not have, a value that is not of its column's type.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.glue.utils import PartitionFilter

from tests.serving import serving

Json = dict[str, Any]
_KNOWN = {
    "GetTable": {"DatabaseName", "Name"},
    "GetPartitions": {"DatabaseName", "TableName", "ExcludeColumnSchema", "Expression", "NextToken", "MaxResults"},
    "UpdateTable": {"DatabaseName", "TableInput", "VersionId", "SkipArchive"},
}
# https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
_OF_INPUT = {
    "Description", "LastAccessTime", "LastAnalyzedTime", "Name", "Owner", "Parameters", "PartitionKeys", "Retention",
    "StorageDescriptor", "TableType", "TargetTable", "ViewDefinition", "ViewExpandedText", "ViewOriginalText",
}  # fmt: skip
_CREATED = 1_761_000_000.5


@dataclass
class GlueServer:
    """What the catalog holds, and what it was asked.

    Attributes:
        tables: By database and name, as GetTable gives them.
        partitions: The values of a table's partitions.
        created: When a partition was registered, where that is not long ago.
        page_size: The most partitions in one answer.
        asked: Operation and parameters of every request.
        answers: Given instead of the next ones: status and body.
    """

    url: str = ""
    tables: dict[tuple[str, str], Json] = field(default_factory=dict)
    partitions: dict[tuple[str, str], list[tuple[str, ...]]] = field(default_factory=dict)
    created: dict[tuple[str, ...], float] = field(default_factory=dict)
    page_size: int = 700
    asked: list[tuple[str, Json]] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL_GLUE": self.url}

    def add(
        self, *partitions: str | tuple[str, ...], keys: str = "ano_mes_dia string", bucket: str = "lake", **table: Any
    ) -> None:
        """Makes raw.records, partitioned by `keys`."""
        columns = [dict(zip(("Name", "Type"), key.split(), strict=True)) for key in keys.split(", ")]
        self.tables["raw", "records"] = {
            "Name": "records",
            "DatabaseName": "raw",
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": columns,
            "StorageDescriptor": {
                "Location": f"s3://{bucket}/records",
                "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
            },
            **table,
        }
        several = [(values,) if isinstance(values, str) else values for values in partitions]
        self.partitions["raw", "records"] = several

    def answer(self, operation: str, given: Json) -> tuple[int, str]:
        self.asked.append((operation, given))
        if self.answers:
            return self.answers.pop(0)
        if operation not in _KNOWN or set(given) - _KNOWN[operation]:
            return _error("InvalidInputException", f"{operation} does not take {given}")
        if operation == "UpdateTable":
            return self._update(given)
        table = self.tables.get((given["DatabaseName"], given.get("Name") or given["TableName"]))
        if table is None:
            return _error("EntityNotFoundException", "Entity Not Found")
        if operation == "GetTable":
            return 200, json.dumps({"Table": table})
        try:
            return 200, json.dumps(self._page(table, given))
        except JsonRESTError as error:
            return _error(error.error_type, error.message)

    def _update(self, given: Json) -> tuple[int, str]:
        wanted = given["TableInput"]
        table = self.tables[given["DatabaseName"], wanted["Name"]]
        if set(wanted) - _OF_INPUT:
            return _error("InvalidInputException", f"TableInput does not take {set(wanted) - _OF_INPUT}")
        if given["VersionId"] != table["VersionId"]:
            return _error("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
        kept = {name: value for name, value in table.items() if name not in _OF_INPUT}
        version = str(int(table["VersionId"]) + 1)
        self.tables[given["DatabaseName"], wanted["Name"]] = {**kept, **wanted, "VersionId": version}
        return 200, "{}"

    def _page(self, table: Json, given: Json) -> Json:
        # A token is of one listing: what it was made for must be asked again.
        listing = json.dumps([given["TableName"], given.get("Expression"), given.get("ExcludeColumnSchema")])
        begin = 0
        if "NextToken" in given:
            begin, of = json.loads(given["NextToken"])
            if of != listing:
                raise JsonRESTError("InvalidInputException", "The token is of another listing")
        chosen = PartitionFilter(
            given.get("Expression"), SimpleNamespace(versions={"1": {"PartitionKeys": table["PartitionKeys"]}})
        )
        size = min(given.get("MaxResults", 100), self.page_size)
        if not 1 <= given.get("MaxResults", 1) <= 1000:
            raise JsonRESTError("InvalidInputException", "MaxResults is out of range")
        # Glue looks through so many partitions and gives what fits: a page can be empty and not the last.
        everything = self.partitions[table["DatabaseName"], table["Name"]]
        found = [
            self._partition(table, values, bare=given.get("ExcludeColumnSchema", False))
            for values in everything[begin : begin + size]
            if chosen(SimpleNamespace(partition_input={"Values": values}))
        ]
        more = {"NextToken": json.dumps([begin + size, listing])} if begin + size < len(everything) else {}
        return {"Partitions": found, **more}

    def _partition(self, table: Json, values: tuple[str, ...], *, bare: bool) -> Json:
        keys = [key["Name"] for key in table["PartitionKeys"]]
        folder = "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
        storage = table["StorageDescriptor"]
        columns = {} if bare else {"Columns": [{"Name": "id", "Type": "string"}]}
        return {
            "Values": list(values),
            "CreationTime": self.created.get(values, _CREATED),
            "StorageDescriptor": {**storage, **columns, "Location": f"{storage['Location']}/{folder}"},
        }


def _error(code: str, message: str) -> tuple[int, str]:
    return 400, json.dumps({"__type": code, "Message": message})


@contextmanager
def running() -> Iterator[GlueServer]:
    """Serves until the block is left."""
    glue = GlueServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service, _, operation = self.headers["X-Amz-Target"].partition(".")
            assert service == "AWSGlue"
            assert "/us-east-1/glue/aws4_request" in self.headers["Authorization"]
            status, text = glue.answer(operation, json.loads(body))
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as at:
        glue.url = f"http://{at}"
        yield glue
