"""What one invocation of dbt has looked at: raw tables, and the files that DuckDB will read of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbt_matched_ids import scan_sql
from publisher.errors import UsageError
from publisher.lake.access import LakeAccess
from publisher.lake.files import FileState
from publisher.lake.folder import FolderTable
from publisher.lake.partition_names import Chosen
from publisher.lake.raw_tables import RawTable, open_raw_table
from publisher.lake.scan import Column, Role, Scan

if TYPE_CHECKING:
    from publisher.lake.glue import GlueTable


@dataclass(frozen=True)
class Scanned:
    """A partition that was looked at, and how an engine reads it: each knows file names that the other cannot name."""

    scan: Scan
    wanted: tuple[Column, ...]

    @cached_property
    def sql(self) -> str:
        """What DuckDB reads.

        Raises:
            UsageError: A file has a name that DuckDB would take for a pattern.
        """
        return scan_sql.select_of(self.scan, self.wanted)

    @cached_property
    def spark_sql(self) -> str | None:
        """What Spark reads where one table cannot be all files; None where it can.

        Raises:
            UsageError: A file has a name that Spark would take for a pattern.
        """
        if not scan_sql.has_integers_of_several_widths(self.scan):
            return None
        return scan_sql.spark_select_of(self.scan, self.wanted)


class InvocationCache:
    """Every table is opened once, and every partition looked at once.

    Attributes:
        lake: Reads what macros ask for, with what boto3 finds.
        listed: The files that were looked at, in the versions that are read, by their locations.
    """

    def __init__(self) -> None:
        """Looks at nothing yet."""
        self.lake = LakeAccess()
        self.listed: dict[str, FileState] = {}
        self._tables: dict[str, RawTable] = {}
        self._glue_tables: dict[tuple[str, str], GlueTable] = {}
        self._scans: dict[tuple[object, ...], Scanned] = {}
        self._lock = threading.Lock()
        self._deciding: dict[str, threading.RLock] = {}
        self._decided: dict[str, Any] = {}

    def once(self, question: str, decide: Callable[[], Any]) -> Any:
        """Returns one answer to all who ask: of dbt's threads the first decides, and the others wait for it.

        An error is not kept: who asks next decides.

        Args:
            question: What is asked.
            decide: Finds the answer.
        """
        with self._lock:
            deciding = self._deciding.setdefault(question, threading.RLock())
        with deciding:
            if question not in self._decided:
                self._decided[question] = decide()
            return self._decided[question]

    def table(self, path: str) -> RawTable:
        """Returns a raw table as it was when it was first asked for."""
        if path not in self._tables:
            self._tables[path] = open_raw_table(path, self.lake)
        return self._tables[path]

    def folder(self, path: str) -> FolderTable:
        """Returns a raw table that is a folder.

        Raises:
            UsageError: It is another one.
        """
        table = self.table(path)
        if not isinstance(table, FolderTable):
            raise UsageError(
                f"{path} is no folder of Parquet; only the target duckdb reads such a table by its path.",
                "Here a table of a catalog is named by schema and table (MATCHED_IDS_RECORDS_SCHEMA, "
                "MATCHED_IDS_RECORDS_TABLE).",
            )
        return table

    def scan(self, path: str, chosen: Chosen | None, wanted: Sequence[Column]) -> Scanned:
        """Looks at a partition, or at a table without any.

        Args:
            path: What the setting says.
            chosen: The partition; None for a table without any.
            wanted: The columns. Those of the partition need not be asked for: its values are given, and never a file's.
        """
        if chosen is not None:
            given = chosen.columns
            wanted = [column for column in wanted if column.role is not Role.OTHER or column.name.lower() not in given]
        key = (path, chosen and tuple(chosen.values.items()), tuple(wanted))
        if key not in self._scans:
            scan = self.table(path).scan(chosen, wanted)
            self.listed.update((file.file.path, file.file) for file in scan.files)
            self._scans[key] = Scanned(scan, tuple(wanted))
        return self._scans[key]

    def glue_tables(self, database: str) -> list[GlueTable]:
        """Returns what the Glue Data Catalog has in a database, which is asked each time: models change it."""
        from publisher.lake.glue import GlueCatalog

        return list(GlueCatalog().tables(database))

    def glue_table(self, database: str, name: str) -> GlueTable:
        """Returns what the Glue Data Catalog says of a table, asked as dbt-glue asks."""
        from dbt.adapters.factory import FACTORY

        from publisher.lake.glue import GlueCatalog

        adapter = FACTORY.adapters.get("glue")
        if (database, name) not in self._glue_tables:
            catalog = GlueCatalog(client=adapter.get_connection()[1] if adapter else None)
            self._glue_tables[database, name] = catalog.table(database, name)
        return self._glue_tables[database, name]

    @staticmethod
    def is_here(location: str) -> bool:
        """Whether a location is a folder of this machine that is there."""
        return location.startswith("/") and Path(location).is_dir()
