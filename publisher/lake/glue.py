"""The Glue Data Catalog, as far as it is asked: tables, the names of their partitions, Iceberg's current metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from publisher.aws import clients, failures
from publisher.aws.clients import Deadline
from publisher.errors import SourceNotReady

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

_PARTITIONS_PER_PAGE = 1000  # the most that GetPartitions allows
_MISSING = "EntityNotFoundException"
# An expression that Glue does not take, or that meets a value which is not of its column's type.
_EXPRESSION_REFUSED = frozenset({"InvalidInputException", "InvalidStateException"})
# Somebody else wrote to the table's entry since it was read.
_OVERTAKEN = "ConcurrentModificationException"
# What an entry is replaced by: https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
_OF_INPUT = frozenset(
    {
        "Name", "Description", "Owner", "LastAccessTime", "LastAnalyzedTime", "Retention", "StorageDescriptor",
        "PartitionKeys", "TableType", "Parameters",
    }
)  # fmt: skip
_SERVICE = failures.Service(
    name="Glue",
    of="AWS Glue",
    rights={
        "GetTable": "glue:GetTable on the catalog, the database and the table",
        "GetTables": "glue:GetTables on the catalog, the database and its tables",
        "GetPartitions": "glue:GetPartitions on the catalog, the database and the table",
        "UpdateTable": "glue:UpdateTable on the catalog, the database and the table "
        "(deploy/policies/optional-tag-snapshot.json)",
    },
    grant="Where Lake Formation governs it, also lakeformation:GetDataAccess, and DESCRIBE and SELECT on the table.",
    checks="Check the region, AWS_ENDPOINT_URL_GLUE and the network, then run again.",
    hints=dict.fromkeys(
        ("ValidationException", "InvalidInputException"), "Check the names of the database and the table."
    ),
)


class ExpressionRefused(Exception):
    """Glue does not take the expression; without one it would answer."""


@dataclass(frozen=True)
class GlueTable:
    """A table of the catalog.

    Attributes:
        kind: `iceberg`, `parquet`, `view`, `link` (to a table of another account or database), or what else the table
            says it is, in lower case: `delta`, `hudi`, `symlink`, `orc`, `csv`, `lazysimpleserde`.
        location: The folder of its data, None when it has none.
        metadata_location: An Iceberg table's current metadata file.
        partition_columns: Name and type of each, in the order of the partitions' values.
        columns: Name and type of each other column.
        is_projected: Whether its partitions are computed from its properties (Athena's partition projection) and not
            listed: what is registered besides is not all there is.
        catalog: The catalog, as `arn:aws:glue:region:account`; None where the answer does not tell the account.
    """

    database: str
    name: str
    kind: str
    location: str | None
    metadata_location: str | None
    partition_columns: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...] = ()
    is_projected: bool = False
    catalog: str | None = None


@dataclass(frozen=True)
class GluePartition:
    """A partition of a table.

    Attributes:
        values: One for each partition column; as they are, not escaped as in a path.
        location: The folder of its data, None when it has none.
        created: When it was registered.
    """

    values: tuple[str, ...]
    location: str | None
    created: datetime | None


class GlueCatalog:
    """The catalog of the account and region that boto3 finds. Retries are botocore's, bounded.

    Attributes:
        requests: How many answers were read so far.
    """

    def __init__(
        self,
        *,
        client: GlueClient | None = None,
        endpoint_url: str | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        """Prepares a client; nothing is sent yet.

        Args:
            client: A client to use instead.
            endpoint_url: Where Glue is; None for what boto3 finds, AWS_ENDPOINT_URL_GLUE included.
            deadline: Ends all requests; None for no end.

        Raises:
            UsageError: The endpoint is not a URL, or no region is set.
            StoreFailed: boto3's own configuration cannot be used.
        """
        self.requests = 0
        self._client: GlueClient = client or clients.client("glue", endpoint_url)
        self._deadline = deadline or Deadline(None)

    def table(self, database: str, name: str) -> GlueTable:
        """Returns what the catalog says of a table.

        Raises:
            SourceNotReady: The table, or its database, is missing.
            StoreFailed: Glue refused, cannot be reached, or kept failing.
        """
        doing = f"looking at the table {database}.{name}"
        self._deadline.require_time(doing)
        try:
            entry = self._entry(database, name)
            return replace(_table(database, name, entry), catalog=self._catalog(entry))
        except failures.FAILURES as error:
            self._raise(error, doing, database, name)

    def tables(self, database: str) -> Iterator[GlueTable]:
        """Lists a database's tables; none where there is no such database.

        Raises:
            StoreFailed: Glue refused, cannot be reached, or kept failing.
        """
        doing = f"listing the tables of {database}"
        self._deadline.require_time(doing)
        try:
            for page in self._client.get_paginator("get_tables").paginate(DatabaseName=database):
                self.requests += 1
                yield from [_table(database, said["Name"], said) for said in page["TableList"]]
                self._deadline.require_time(doing)
        except failures.FAILURES as error:
            if failures.code(error) == _MISSING:
                return
            raise failures.failure(error, _SERVICE, doing, self._where()) from error

    def partitions(self, database: str, name: str, expression: str | None = None) -> Iterator[GluePartition]:
        """Lists a table's partitions, page by page and without their columns, in the order that Glue gives.

        Args:
            database: The database.
            name: The table.
            expression: Glue's filter on partition columns; None for all.

        Raises:
            SourceNotReady: The table, or its database, is missing.
            ExpressionRefused: Glue does not take the expression.
            StoreFailed: Glue refused, cannot be reached, or kept failing.
        """
        doing = f"listing the partitions of {database}.{name}"
        chosen: Any = {} if expression is None else {"Expression": expression}
        self._deadline.require_time(doing)
        try:
            pages = self._client.get_paginator("get_partitions").paginate(
                DatabaseName=database,
                TableName=name,
                # A column list for each partition is most of an answer; with tens of thousands it takes minutes.
                ExcludeColumnSchema=True,
                PaginationConfig={"PageSize": _PARTITIONS_PER_PAGE},
                **chosen,
            )
            for page in pages:
                self.requests += 1
                found = [
                    GluePartition(
                        tuple(partition["Values"]),
                        partition.get("StorageDescriptor", {}).get("Location") or None,
                        partition.get("CreationTime"),
                    )
                    for partition in page["Partitions"]
                ]
                yield from found
                if "NextToken" in page:
                    self._deadline.require_time(doing)
        except failures.FAILURES as error:
            if expression is not None and failures.code(error) in _EXPRESSION_REFUSED:
                raise ExpressionRefused(expression) from error
            self._raise(error, doing, database, name)

    def replace_metadata(self, database: str, name: str, seen: str, new: str) -> bool:
        """Makes another metadata file an Iceberg table's current one; of its entry all else stays.

        https://iceberg.apache.org/docs/latest/aws/#optimistic-locking

        Args:
            database: The database.
            name: The table.
            seen: The metadata file that it replaces.
            new: The other one.

        Returns:
            Whether it did; not where another than the one that was seen is current, or became so meanwhile.

        Raises:
            SourceNotReady: The table, or its database, is missing.
            StoreFailed: Glue refused, cannot be reached, or kept failing.
        """
        doing = f"committing to the table {database}.{name}"
        self._deadline.require_time(doing)
        try:
            entry = self._entry(database, name)
            parameters = entry.get("Parameters", {})
            if parameters.get("metadata_location") != seen:
                return False
            told = {**parameters, "metadata_location": new, "previous_metadata_location": seen}
            table: Any = {**{key: value for key, value in entry.items() if key in _OF_INPUT}, "Parameters": told}
            self._client.update_table(
                DatabaseName=database, TableInput=table, VersionId=entry["VersionId"], SkipArchive=True
            )
        except failures.FAILURES as error:
            if failures.code(error) == _OVERTAKEN:
                return False
            self._raise(error, doing, database, name)
        return True

    def _entry(self, database: str, name: str) -> Any:
        answer = self._client.get_table(DatabaseName=database, Name=name)
        self.requests += 1
        return answer["Table"]

    def _raise(self, error: Exception, doing: str, database: str, name: str) -> NoReturn:
        """Raises what a person can act on."""
        if failures.code(error) == _MISSING:
            raise SourceNotReady(
                f"The table {database}.{name}, or its database, is not in the Glue catalog{self._where()}.",
                "Check its name, the region (AWS_REGION) and the account; a crawler or a load may still have to run.",
            ) from error
        raise failures.failure(error, _SERVICE, doing, self._where()) from error

    def _catalog(self, said: Mapping[str, Any]) -> str | None:
        account, meta = said.get("CatalogId"), self._client.meta
        return f"arn:{meta.partition}:glue:{meta.region_name}:{account}" if account else None

    def _where(self) -> str:
        region = self._client.meta.region_name
        return f" in {region}" if region else ""


def require_registered(table: GlueTable) -> None:
    """Returns when a table's partitions are those that the catalog lists.

    Raises:
        SourceNotReady: They are computed by Athena, which registers none.
    """
    if table.is_projected:
        raise SourceNotReady(
            f"The table {table.database}.{table.name} has partition projection (projection.enabled): Athena computes "
            "its partitions, and the catalog does not list them.",
            "Register them (a crawler, or MSCK REPAIR TABLE on a table of the same folder without projection), or on "
            "the target duckdb name the folder itself.",
        )


def _table(database: str, name: str, said: Mapping[str, Any]) -> GlueTable:
    storage = said.get("StorageDescriptor", {})
    return GlueTable(
        database=database,
        name=name,
        kind=_kind(said),
        location=storage.get("Location") or None,
        metadata_location=said.get("Parameters", {}).get("metadata_location") or None,
        partition_columns=_named(said.get("PartitionKeys", [])),
        columns=_named(storage.get("Columns", [])),
        is_projected=said.get("Parameters", {}).get("projection.enabled", "").strip().lower() == "true",
    )


def _named(columns: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    return tuple((column["Name"], column.get("Type", "")) for column in columns)


def _kind(said: Mapping[str, Any]) -> str:
    parameters, storage = said.get("Parameters", {}), said.get("StorageDescriptor", {})
    # Iceberg says so here, and so does Athena's Delta; a Hive table has its TableType here, or nothing.
    table_format = parameters.get("table_type", "").lower()
    if table_format in ("iceberg", "delta", "hudi"):
        return table_format
    if said.get("TableType") == "VIRTUAL_VIEW":
        return "view"
    if "TargetTable" in said:
        return "link"
    input_format = _short(storage.get("InputFormat", ""))
    serde = _short(storage.get("SerdeInfo", {}).get("SerializationLibrary", ""))
    # Delta, Hudi and lists of links to files use Parquet's SerDe too, but not every file in their folder is theirs.
    provider = parameters.get("spark.sql.sources.provider", "").lower()
    if provider not in ("", "parquet"):
        return provider
    for other in ("hoodie", "symlink"):
        if input_format.startswith(other):
            return {"hoodie": "hudi"}.get(other, other)
    if "parquet" in input_format or "parquet" in serde or provider == "parquet":
        return "parquet"
    of_format = (name for name in ("orc", "avro", "json", "csv") if name in serde or name in input_format)
    return next(of_format, serde or input_format or "unknown")


def _short(class_name: str) -> str:
    return class_name.rpartition(".")[2].lower()
