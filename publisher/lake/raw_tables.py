"""Opens a raw table by its setting: a folder, `iceberg:…` or `glue:database.table`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from publisher.errors import SourceNotReady, UsageError
from publisher.lake.access import LakeAccess
from publisher.lake.files import normal_location, parse_glue_table
from publisher.lake.folder import FolderTable
from publisher.lake.partition_names import Chosen
from publisher.lake.scan import Column, Scan


class RawTable(Protocol):
    """A table as it was when it was looked at, whatever is written to it meanwhile."""

    def partition_names(self, columns: Sequence[str]) -> list[str]:
        """Returns the names of its partitions, as `column=value/column=value`, escaped as in Hive.

        Args:
            columns: The partition columns that count, in lower case.

        Raises:
            SourceNotReady: It is missing, or not partitioned so.
            UsageError: It is of a kind that is not read.
            StoreFailed: The store or the catalog failed.
        """

    def has_file(self, chosen: Chosen, name: str) -> bool:
        """Whether each folder of a partition directly holds a file of this name, whatever is in it."""

    def scan(self, chosen: Chosen | None, wanted: Sequence[Column]) -> Scan:
        """Returns what is read of a partition, or of the whole table where it has none, from footers and metadata.

        Raises:
            SourceNotReady: There is nothing, or something is wrong with it.
            UsageError: It is of a kind that is not read.
            StoreFailed: The store or the catalog failed.
        """


def open_raw_table(setting: str, lake: LakeAccess) -> RawTable:
    """Returns the table that a setting names.

    Args:
        setting: A folder of this machine or in S3, `iceberg:` and a metadata file or folder, `glue:database.table`.
        lake: What reads it.

    Raises:
        SourceNotReady: It is missing.
        UsageError: It is of a kind that is not read, or something to read it with is not installed.
        StoreFailed: The store or the catalog failed.
    """
    if setting.startswith("iceberg:"):
        return _iceberg(setting.removeprefix("iceberg:"), lake)
    if not setting.startswith("glue:"):
        location = normal_location(setting)
        return FolderTable(location, lake.files(location))
    from publisher.lake.hive import HiveTable

    table = lake.glue.table(*parse_glue_table(setting))
    if table.kind == "iceberg":
        if not table.metadata_location:
            raise SourceNotReady(
                f"The Iceberg table {table.database}.{table.name} has no metadata_location in the Glue catalog.",
                "Register it with its metadata file, or name that file: iceberg:….metadata.json.",
            )
        return _iceberg(table.metadata_location, lake)
    if table.kind == "parquet":
        return HiveTable(table, lake)
    behind = {"view": "Name the table behind it.", "link": "Name the table that it links to."}
    raise UsageError(
        f"The table {table.database}.{table.name} of the Glue catalog is of the kind {table.kind}: the target duckdb "
        "reads Iceberg and Parquet.",
        behind.get(table.kind, "Use the target glue, or name a table in one of these formats."),
    )


def _iceberg(location: str, lake: LakeAccess) -> RawTable:
    try:
        from publisher.lake.iceberg.table import IcebergTable
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Reading an Iceberg table takes the Python package {str(error.name).partition('.')[0]}, which is not "
            "installed.",
            "Install the extra: pip install 'matched-ids[duckdb,iceberg]'.",
        ) from error
    location = normal_location(location)
    try:
        return IcebergTable(location, lake.files(location))
    except SourceNotReady as error:  # its hint is about a table that dbt built
        raise SourceNotReady(
            error.message,
            "Check the name and that the load ran; a table is named by its current metadata file "
            "(iceberg:….metadata.json), by its folder where that has a version-hint.text, or by glue:database.table.",
        ) from error
