"""The Data Catalog: moto's models of databases, tables and partitions, with what moto lacks put around them.

The models are used directly, one backend for each stand-in: moto's registry of backends is emptied whenever another
test enters `mock_aws`.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.glue.models import GlueBackend

ACCOUNT = "123456789012"
REGION = "us-east-1"
PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
_PARQUET_INPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_PARQUET_OUTPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

Json = dict[str, Any]


class Refusal(Exception):
    """An error as the AWS API gives it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class DataCatalog:
    """Answers the catalog's operations.

    Attributes:
        version: Grows with every change, so that a mirror knows whether it is behind.
    """

    def __init__(self, page_size: int = 100) -> None:
        self.version = 0
        self._page_size = page_size
        self._backend = GlueBackend(REGION, ACCOUNT)
        self._lock = threading.RLock()
        self._reading: dict[str, Callable[[Json], Json]] = {
            "GetDatabase": lambda given: {"Database": self._backend.get_database(_low(given["Name"])).as_dict()},
            "GetDatabases": self._get_databases,
            "GetTable": lambda given: {"Table": self._table(given, "Name").as_dict()},
            "GetTables": self._get_tables,
            "GetTableVersions": self._get_table_versions,
            "GetPartition": self._get_partition,
            "GetPartitions": self._get_partitions,
            "BatchGetPartition": self._batch_get_partition,
        }
        self._writing: dict[str, Callable[[Json], Json | None]] = {
            "CreateDatabase": self._create_database,
            "UpdateDatabase": self._update_database,
            "DeleteDatabase": lambda given: self._backend.delete_database(_low(given["Name"])),
            "CreateTable": self._create_table,
            "UpdateTable": self._update_table,
            "DeleteTable": lambda given: self._backend.delete_table(_low(given["DatabaseName"]), _low(given["Name"])),
            "CreatePartition": lambda given: self._table(given).create_partition(given["PartitionInput"]),
            "BatchCreatePartition": self._batch_create_partition,
            "UpdatePartition": lambda given: self._table(given).update_partition(
                given["PartitionValueList"], given["PartitionInput"]
            ),
            "DeletePartition": lambda given: self._table(given).delete_partition(given["PartitionValues"]),
            "BatchDeletePartition": self._batch_delete_partition,
        }

    def answers(self, operation: str) -> bool:
        return operation in self._reading or operation in self._writing

    def answer(self, operation: str, given: Json) -> Json:
        """Answers one operation.

        Raises:
            Refusal: As Glue refuses it.
        """
        with self._lock:
            try:
                if operation in self._reading:
                    return _plain(self._reading[operation](given))
                answer = self._writing[operation](given)
            except JsonRESTError as error:
                raise Refusal(error.error_type, error.message) from error
            self.version += 1
            return _plain(answer or {})

    def _table(self, given: Json, key: str = "TableName") -> Any:
        return self._backend.get_table(_low(given["DatabaseName"]), _low(given[key]))

    def _page(self, given: Json, key: str, items: list[Any]) -> Json:
        token = given.get("NextToken")
        start = int(base64.b64decode(token)) if token else 0
        end = start + min(int(given.get("MaxResults") or self._page_size), self._page_size)
        answer: Json = {key: items[start:end]}
        if end < len(items):
            answer["NextToken"] = base64.b64encode(str(end).encode()).decode()
        return answer

    def _get_databases(self, given: Json) -> Json:
        return self._page(given, "DatabaseList", [found.as_dict() for found in self._backend.get_databases()])

    def _create_database(self, given: Json) -> None:
        wanted = given["DatabaseInput"]
        self._backend.create_database(_low(wanted["Name"]), {**wanted, "Name": _low(wanted["Name"])})

    def _update_database(self, given: Json) -> None:
        self._backend.update_database(_low(given["Name"]), given["DatabaseInput"])

    def _get_tables(self, given: Json) -> Json:
        tables = self._backend.get_tables(_low(given["DatabaseName"]), given.get("Expression"))
        return self._page(given, "TableList", [table.as_dict() for table in tables])

    def _get_table_versions(self, given: Json) -> Json:
        versions = self._table(given).versions
        table = self._table(given)
        newest_first = sorted(versions, key=int, reverse=True)
        return self._page(
            given, "TableVersions", [{"Table": table.as_dict(number), "VersionId": number} for number in newest_first]
        )

    def _create_table(self, given: Json) -> None:
        wanted = {**given["TableInput"], "Name": _low(given["TableInput"]["Name"])}
        self._backend.create_table(_low(given["DatabaseName"]), wanted["Name"], wanted)

    def _update_table(self, given: Json) -> None:
        wanted = {**given["TableInput"], "Name": _low(given["TableInput"]["Name"])}
        table = self._backend.get_table(_low(given["DatabaseName"]), wanted["Name"])
        # What Iceberg's commits rely on: of two that saw the same version, one goes through.
        if given.get("VersionId") not in (None, table.as_dict()["VersionId"]):
            raise Refusal("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
        table.update(wanted)

    def _get_partition(self, given: Json) -> Json:
        return {"Partition": self._table(given).get_partition(given["PartitionValues"]).as_dict()}

    def _get_partitions(self, given: Json) -> Json:
        found = [partition.as_dict() for partition in self._table(given).get_partitions(given.get("Expression"))]
        if given.get("ExcludeColumnSchema"):
            for partition in found:
                descriptor = dict(partition.get("StorageDescriptor") or {})
                descriptor.pop("Columns", None)
                partition["StorageDescriptor"] = descriptor
        return self._page(given, "Partitions", found)

    def _batch_get_partition(self, given: Json) -> Json:
        table = self._table(given)
        wanted = [str(one["Values"]) for one in given["PartitionsToGet"]]
        return {"Partitions": [table.partitions[key].as_dict() for key in wanted if key in table.partitions]}

    def _batch_create_partition(self, given: Json) -> Json:
        return self._each(given["PartitionInputList"], self._table(given).create_partition, lambda one: one)

    def _batch_delete_partition(self, given: Json) -> Json:
        return self._each(given["PartitionsToDelete"], self._table(given).delete_partition, lambda one: one["Values"])

    def _each(self, items: list[Json], do: Callable[[Any], None], what: Callable[[Json], Any]) -> Json:
        errors = []
        for item in items:
            try:
                do(what(item))
            except JsonRESTError as error:  # noqa: PERF203 - each has an error of its own
                detail = {"ErrorCode": error.error_type, "ErrorMessage": error.message}
                errors.append({"PartitionValues": item["Values"], "ErrorDetail": detail})
        return {"Errors": errors} if errors else {}

    def snapshot(self) -> Json:
        """Returns what a Hive metastore would hold of the catalog: databases, Parquet tables, and views."""
        with self._lock:
            databases = {}
            tables = {}
            for database in self._backend.get_databases():
                databases[database.name] = database.as_dict().get("LocationUri") or None
                for name, table in database.tables.items():
                    definition = _definition(table)
                    if definition is not None:
                        tables[f"{database.name}.{name}"] = definition
            return {"databases": databases, "tables": tables}

    def take_over(self, changes: list[Json]) -> list[tuple[str, Json]]:
        """Makes the changes that a statement made in Spark's metastore, and returns them as operations.

        Args:
            changes: What the mirror in the worker saw, see `mirror.Mirror.changes`.
        """
        operations: list[tuple[str, Json]] = []
        with self._lock:
            for change in changes:
                operation, given = self._operation(change)
                try:
                    self.answer(operation, given)
                except Refusal as refusal:
                    # A table of another kind took the name meanwhile, or it is gone already: both are what was wanted.
                    if refusal.code not in ("EntityNotFoundException", "AlreadyExistsException"):
                        raise
                    continue
                operations.append((operation, given))
                if "definition" in change:
                    self._take_over_partitions(change)
        return operations

    def _operation(self, change: Json) -> tuple[str, Json]:
        database = change["database"]
        if "table" not in change:
            if change["gone"]:
                return "DeleteDatabase", {"Name": database}
            location = {"LocationUri": change["location"]} if change["location"] else {}
            return "CreateDatabase", {"DatabaseInput": {"Name": database, **location}}
        name = change["table"]
        if change["gone"]:
            return "DeleteTable", {"DatabaseName": database, "Name": name}
        exists = name in self._backend.get_database(database).tables
        return ("UpdateTable" if exists else "CreateTable"), {
            "DatabaseName": database,
            "TableInput": _table_input(name, change["definition"]),
        }

    def _take_over_partitions(self, change: Json) -> None:
        table = self._backend.get_table(change["database"], change["table"])
        wanted: Json = change["definition"].get("partitions", {})
        known = {json.dumps(partition.values): partition.values for partition in table.partitions.values()}
        for key, values in known.items():
            if key not in wanted:
                table.delete_partition(values)
        for key, location in wanted.items():
            if key not in known:
                table.create_partition(
                    {"Values": json.loads(key), "StorageDescriptor": {**_parquet_storage(), "Location": location}}
                )


def _parquet_storage() -> Json:
    return {
        "InputFormat": _PARQUET_INPUT,
        "OutputFormat": _PARQUET_OUTPUT,
        "SerdeInfo": {"SerializationLibrary": PARQUET_SERDE, "Parameters": {"serialization.format": "1"}},
    }


def parquet_table(name: str, definition: Json) -> Json:
    """Returns the TableInput of a Parquet table, as a crawler writes it.

    Args:
        name: The table's name.
        definition: Its `location`, `columns` and `partition_keys`, the latter two as pairs of name and type.
    """
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
        "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in definition["partition_keys"]],
        "StorageDescriptor": {
            **_parquet_storage(),
            "Columns": [{"Name": column, "Type": kind} for column, kind in definition["columns"]],
            "Location": definition["location"],
        },
    }


def _table_input(name: str, definition: Json) -> Json:
    if definition["kind"] == "parquet":
        return parquet_table(name, definition)
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {},
        "ViewOriginalText": definition["text"],
        "ViewExpandedText": definition["text"],
        "PartitionKeys": [],
        "StorageDescriptor": {"Columns": [{"Name": column, "Type": kind} for column, kind in definition["columns"]]},
    }


def _definition(table: Any) -> Json | None:
    """Returns a Parquet table or a view as the mirror knows them; nothing else is in Spark's metastore."""
    given = table.as_dict()
    parameters = given.get("Parameters") or {}
    storage = given.get("StorageDescriptor") or {}
    columns = [[column["Name"], column["Type"]] for column in storage.get("Columns") or []]
    if str(parameters.get("table_type", "")).upper() == "ICEBERG":
        return None
    if given.get("TableType") == "VIRTUAL_VIEW":
        return {"kind": "view", "text": given.get("ViewOriginalText", ""), "columns": columns}
    format_told = json.dumps([storage.get("SerdeInfo"), storage.get("InputFormat"), parameters.get("classification")])
    if "parquet" not in format_told.lower():
        return None
    partitions = {
        json.dumps(partition.values): (partition.as_dict().get("StorageDescriptor") or {}).get("Location")
        for partition in table.partitions.values()
    }
    return {
        "kind": "parquet",
        "location": storage.get("Location"),
        "columns": columns,
        "partition_keys": [[key["Name"], key["Type"]] for key in given.get("PartitionKeys") or []],
        "partitions": partitions,
    }


def _low(name: str) -> str:
    return name.lower()  # Glue folds names, whoever gives them


def _plain(value: Any) -> Any:
    """Returns a value without nulls, and with times as JSON 1.1 has them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.timestamp() if hasattr(value, "timestamp") else value
