"""Keeps Spark's embedded metastore and the Data Catalog alike; runs inside the worker.

On AWS, Spark's metastore is the Data Catalog. The client that makes it so is not published, so here Spark has a Hive
metastore of its own: what the Glue API made is made in it before a statement, and what a statement made in it is told
afterwards. Iceberg tables are in neither direction's way: Iceberg's own GlueCatalog asks the API.
"""

from __future__ import annotations

import json
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

Json = dict[str, Any]
_PARTITIONS_PER_STATEMENT = 500


class Mirror:
    """The mirror of one Spark application."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark.newSession()
        # Plain Spark, or every look at a table here would ask the API as Iceberg does.
        for name, _ in self._spark.sparkContext.getConf().getAll():
            if name.startswith("spark.sql.catalog."):
                self._spark.conf.unset(name)
        self._external = self._spark._jsparkSession.sharedState().externalCatalog()
        self._nothing = self._spark._jvm.scala.Option.apply(None)
        # As the API has it; and as Spark told it afterwards, which may be spelled otherwise.
        self._applied: Json = {"databases": {}, "tables": {}}
        self._seen: Json = self._look()

    def apply(self, snapshot: Json) -> None:
        """Makes in Spark what is in the catalog; see `catalog.DataCatalog.snapshot`."""
        for database, location in snapshot["databases"].items():
            if database not in self._applied["databases"]:
                at = f" location {_text(location)}" if location else ""
                self._sql(f"create database if not exists {_name(database)}{at}")
        for table, definition in self._applied["tables"].items():
            if table not in snapshot["tables"]:
                self._drop(table, definition)
        for database in self._applied["databases"]:
            if database not in snapshot["databases"]:
                self._sql(f"drop database if exists {_name(database)} cascade")
        for table, definition in snapshot["tables"].items():
            before = self._applied["tables"].get(table)
            if before != definition:
                self._make(table, before, definition)
        self._applied = snapshot
        self._seen = self._look()

    def changes(self) -> list[Json]:
        """Returns what came, went or changed in Spark since the last look."""
        now = self._look()
        changes: list[Json] = []
        for database in now["databases"]:
            if database not in self._seen["databases"]:
                location = now["databases"][database]
                changes.append({"database": database, "gone": False, "location": location})
                self._applied["databases"][database] = location
        for table in self._seen["tables"]:
            if table not in now["tables"]:
                database, name = table.split(".")
                changes.append({"database": database, "table": name, "gone": True})
                self._applied["tables"].pop(table, None)
        for table, signature in now["tables"].items():
            if self._seen["tables"].get(table) != signature:
                definition = self._read(table)
                database, name = table.split(".")
                changes.append({"database": database, "table": name, "gone": False, "definition": definition})
                self._applied["tables"][table] = definition
        for database in self._seen["databases"]:
            if database not in now["databases"]:
                changes.append({"database": database, "gone": True})
                self._applied["databases"].pop(database, None)
        self._seen = now
        return changes

    def _make(self, table: str, before: Json | None, definition: Json) -> None:
        if definition["kind"] == "view":
            if before is not None and before["kind"] != "view":
                self._drop(table, before)
            self._sql(f"create or replace view {_name(table)} as {definition['text']}")
            return
        others = [key for key in definition if key != "partitions"]
        if before is None or before["kind"] == "view" or any(before[key] != definition[key] for key in others):
            if before is not None:
                self._drop(table, before)
            self._create(table, definition)
            before = {**definition, "partitions": {}}
        self._make_partitions(table, before["partitions"], definition)

    def _create(self, table: str, definition: Json) -> None:
        columns = ", ".join(f"`{column}` {kind}" for column, kind in definition["columns"])
        keys = ", ".join(f"`{key}` {kind}" for key, kind in definition["partition_keys"])
        partitioned = f" partitioned by ({keys})" if keys else ""
        self._sql(
            f"create external table {_name(table)} ({columns}){partitioned} stored as parquet"
            f" location {_text(definition['location'])}"
        )

    def _make_partitions(self, table: str, before: Json, definition: Json) -> None:
        keys = [key for key, _ in definition["partition_keys"]]
        wanted: Json = definition["partitions"]
        gone = [values for values, location in before.items() if wanted.get(values, "") != location]
        come = [values for values, location in wanted.items() if before.get(values, "") != location]
        for first in range(0, len(gone), _PARTITIONS_PER_STATEMENT):
            parts = ", ".join(_partition(keys, values) for values in gone[first : first + _PARTITIONS_PER_STATEMENT])
            self._sql(f"alter table {_name(table)} drop if exists {parts}")
        for first in range(0, len(come), _PARTITIONS_PER_STATEMENT):
            parts = " ".join(
                _partition(keys, values) + (f" location {_text(wanted[values])}" if wanted[values] else "")
                for values in come[first : first + _PARTITIONS_PER_STATEMENT]
            )
            self._sql(f"alter table {_name(table)} add if not exists {parts}")

    def _drop(self, table: str, definition: Json) -> None:
        kind = "view" if definition["kind"] == "view" else "table"
        self._sql(f"drop {kind} if exists {_name(table)}")

    def _look(self) -> Json:
        """Returns the databases with their locations, and a signature of each Parquet table and view."""
        databases = {}
        tables = {}
        for database in _items(self._external.listDatabases()):
            if database != "default":
                databases[database] = self._external.getDatabase(database).locationUri().toString()
            for name in _items(self._external.listTables(database)):
                found = self._external.getTable(database, name)
                partitions = ""
                if found.partitionColumnNames().nonEmpty():
                    partitions = self._external.listPartitionNames(database, name, self._nothing).mkString("\n")
                created = found.createTime()  # a view that was replaced by the same text is another view
                tables[f"{database}.{name}"] = [str(found.viewText()), found.schema().json(), created, partitions]
        return {"databases": databases, "tables": tables}

    def _read(self, table: str) -> Json:
        database, name = table.split(".")
        found = self._external.getTable(database, name)
        fields = StructType.fromJson(json.loads(found.schema().json())).fields
        keys = _items(found.partitionColumnNames())
        columns = [[field.name, field.dataType.simpleString()] for field in fields if field.name not in keys]
        if found.tableType().name() == "VIEW":
            return {"kind": "view", "text": found.viewText().get(), "columns": columns}
        partitions = {}
        if keys:
            listed = self._external.listPartitions(database, name, self._nothing)
            for number in range(listed.size()):
                partition = listed.apply(number)
                values = [partition.spec().apply(key) for key in keys]
                partitions[json.dumps(values)] = partition.location().toString()
        return {
            "kind": "parquet",
            "location": found.location().toString(),
            "columns": columns,
            "partition_keys": [[field.name, field.dataType.simpleString()] for field in fields if field.name in keys],
            "partitions": partitions,
        }

    def _sql(self, text: str) -> None:
        self._spark.sql(text)


def _items(sequence: Any) -> list[str]:
    return [sequence.apply(number) for number in range(sequence.size())]


def _name(name: str) -> str:
    return ".".join(f"`{part}`" for part in name.split("."))


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _partition(keys: list[str], values: str) -> str:
    pairs = zip(keys, json.loads(values), strict=True)
    return "partition (" + ", ".join(f"`{key}`={_text(value)}" for key, value in pairs) + ")"
