"""A raw table that is an Iceberg table: its partitions from the manifests, its columns by field id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import pyarrow as pa
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, EqualTo
from pyiceberg.manifest import DataFile as IcebergFile
from pyiceberg.manifest import FileFormat, ManifestContent, ManifestFile
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BinaryType,
    DateType,
    DecimalType,
    IcebergType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    UUIDType,
)

from publisher.errors import SourceNotReady, UsageError
from publisher.lake.data_files import require_no_partition_column
from publisher.lake.files import Files, normal_location
from publisher.lake.footers import parquet_file, require_own_name, side_by_side
from publisher.lake.iceberg.file_system import metadata_file
from publisher.lake.iceberg.metadata import Columns, read_snapshot, static_table
from publisher.lake.iceberg.plan import PlannedFile, Reader, plan, told
from publisher.lake.kinds import Kind, kind_of
from publisher.lake.partition_names import Chosen, partition_name, require_partitioned_by
from publisher.lake.scan import Column, DataFile, FileColumn, Scan, require_kind, scan_of

_EPOCH = date(1970, 1, 1)
_COMPACT = "Compact the table (rewrite_data_files), or read it with a target of Spark."
_GONE = "Were its snapshots expired? Run dbt again, when what rewrites the table is over."
_TEXTS = (BinaryType, StringType, UUIDType)  # as Spark gives them
_INTEGERS = (IntegerType, LongType)


class IcebergTable:
    """The snapshot that was current when the table was looked at."""

    def __init__(self, location: str, files: Files) -> None:
        """Reads the metadata file.

        Args:
            location: A metadata file, or the folder of a file-system table.
            files: Reads the files there.

        Raises:
            SourceNotReady: It is missing or damaged, or the table was never written to.
            StoreFailed: The store failed.
        """
        self._location = location
        self._files = files
        self._snapshot = read_snapshot(files, metadata_file(files, location))
        if self._snapshot.snapshot_id is None:
            raise SourceNotReady(f"{self} has no snapshot: it was never written to.", "")
        self._metadata = self._snapshot.metadata
        self._schema = self._metadata.schema()
        self._reader = Reader("the target duckdb", str(self), _GONE, _COMPACT)

    def __str__(self) -> str:
        return f"the Iceberg table at {self._location}"

    def partition_names(self, columns: Sequence[str]) -> list[str]:
        """Returns the names of its partitions, from the manifests.

        Raises:
            SourceNotReady: It is not partitioned so, or its metadata is missing or damaged.
            UsageError: A column has a type without a text, or some files were written under another partitioning.
            StoreFailed: The store failed.
        """
        require_partitioned_by(columns, self._described(self._metadata.spec()), str(self))
        table = static_table(self._files, self._snapshot)
        with told(self._reader):
            manifests = self._metadata.current_snapshot().manifests(table.io)  # type: ignore[union-attr]  # there is one

            def names(manifest: ManifestFile) -> set[str]:
                entries = manifest.fetch_manifest_entry(table.io)
                return {partition_name(self._texts(entry.data_file, columns)) for entry in entries}

            of_data = [manifest for manifest in manifests if manifest.content == ManifestContent.DATA]
            return sorted(set[str]().union(*side_by_side(names, of_data)))

    def has_file(self, chosen: Chosen, name: str) -> bool:  # noqa: ARG002 -- the answer is the same for all
        """Refuses: a snapshot is whole or is not there.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"The setting ready_file is {name}, but {self} has no folder for it: what is committed is whole.",
            "Unset ready_file for this table.",
        )

    def scan(self, chosen: Chosen | None, wanted: Sequence[Column]) -> Scan:
        """Looks at the footers of one partition's files, or of all files.

        Raises:
            SourceNotReady: There are none, one cannot be read, or a column is missing or of a type that is not read.
            UsageError: Rows are deleted in a way that is not applied, or a file is no Parquet.
            StoreFailed: The store failed.
        """
        columns = chosen.columns if chosen else []
        require_partitioned_by(columns, self._described(self._metadata.spec()), str(self))
        fields = {column.name: self._field(column) for column in wanted}
        # Of the older specs too: a file may lack such a column, because its partition tells the value of all rows.
        require_no_partition_column([name for levels in self._levels.values() for name in levels], wanted, str(self))
        values = dict(chosen.values) if chosen else {}
        condition = self._condition(values)
        planned = (
            []
            if condition is None
            else plan(
                self._files,
                self._snapshot,
                self._reader,
                condition,
                lambda file: self._texts(file, list(values)) == values,
            )
        )
        if not planned:
            where = f"no partition {chosen.name} in" if chosen else "no data in"
            hint = (
                "Pin one that is there with the setting pinned_partition, or unset it."
                if chosen
                else "Check that the load ran to its end."
            )
            raise SourceNotReady(f"There is {where} {self}.", hint)
        for file in planned:
            for deletes in file.deletes:
                if deletes.file_format != FileFormat.PARQUET:
                    raise UsageError(
                        f"{self} has rows that are deleted by files of the format {deletes.file_format.value}, "
                        "which the target duckdb does not apply.",
                        _COMPACT,
                    )
        found = side_by_side(lambda file: self._data_file(file, fields), planned)
        delete_files = {
            deletes.file_path: normal_location(deletes.file_path) for file in planned for deletes in file.deletes
        }
        return scan_of(str(self), found, values, wanted, delete_files)

    # Columns.

    def _field(self, column: Column) -> NestedField:
        """Returns a column of the table, whose type its metadata tells.

        Raises:
            SourceNotReady: There is none, there are two that differ in case, or it is of a type that is not read.
        """
        same = [field for field in self._schema.fields if field.name.lower() == column.name.lower()]
        if not same:
            names = ", ".join(field.name for field in self._schema.fields)
            raise SourceNotReady(
                f"{self} has no column {column.name}; it has {names}.", "Set the column's name to one that it has."
            )
        if len(same) > 1:
            names = " and ".join(field.name for field in same)
            raise SourceNotReady(
                f"{self} has {len(same)} columns called {column.name} where case does not matter: {names}.",
                "Rename one, or set the column's name to another: engines do not agree on which they read.",
            )
        (field,) = same
        kind = Kind.TEXT if isinstance(field.field_type, _TEXTS) else Kind.OTHER
        if isinstance(field.field_type, _INTEGERS) or (
            isinstance(field.field_type, DecimalType) and field.field_type.scale == 0
        ):
            kind = Kind.INTEGER
        require_kind(str(self), column, kind, str(field.field_type), "its metadata")
        return field

    def _data_file(self, planned: PlannedFile, fields: Mapping[str, NestedField]) -> DataFile:
        with parquet_file(self._files, planned.state) as parquet:
            schema, rows = parquet.schema_arrow, parquet.metadata.num_rows
        ids = {int((field.metadata or {}).get(b"PARQUET:field_id", b"-1")) for field in schema}
        if any(number >= 0 for number in ids):
            columns = Columns({field.name: field.field_id for field in fields.values()}, {})
        else:
            columns = self._columns_by_name(planned, list(fields.values()))
        return DataFile(
            file=planned.state,
            rows=rows,
            columns={name: _column(planned, columns, field, schema) for name, field in fields.items()},
            named=planned.named,
            deletes=tuple(deletes.file_path for deletes in planned.deletes),
        )

    def _columns_by_name(self, file: PlannedFile, fields: Sequence[NestedField]) -> Columns:
        """Returns how columns are found in files without field ids: by the table's name mapping.

        Without one, by name, if no column ever had another name, and none of another column's.

        Raises:
            UsageError: One did.
        """
        mapped = dict(self._snapshot.columns.mapped_names)
        if not self._metadata.name_mapping():
            known = {(field.field_id, field.name) for schema in self._metadata.schemas for field in schema.fields}
            for field in fields:
                same = [pair for pair in known if field.field_id == pair[0] or field.name == pair[1]]
                if len(same) > 1:
                    raise UsageError(
                        f"The file {file.state.path} has no field ids, and the column {field.name} was renamed.",
                        "Set the table property schema.name-mapping.default, or rewrite the table's files.",
                    )
                mapped[field.field_id] = frozenset({field.name})
        return Columns({field.name: field.field_id for field in fields}, mapped)

    # Partitions.

    def _condition(self, wanted: Mapping[str, str]) -> BooleanExpression | None:
        """Returns what the manifests are chosen by; None when no partition can have these values."""
        condition: BooleanExpression = AlwaysTrue()
        for column, text in wanted.items():
            _, field = self._levels[self._metadata.default_spec_id][column]
            value: str | int = text
            if isinstance(field.field_type, _INTEGERS):
                if not text.isascii() or not text.removeprefix("-").isdigit():
                    return None
                value = int(text)
            elif isinstance(field.field_type, DateType):
                try:
                    date.fromisoformat(text)
                except ValueError:
                    return None
            # mypy takes pydantic's __init__ for pyiceberg's.
            condition = And(condition, EqualTo(field.name, value))  # type: ignore[arg-type, call-arg]
        return condition

    def _texts(self, file: IcebergFile, columns: Sequence[str]) -> dict[str, str | None]:
        """Returns a file's partition values as the texts that Spark gives them."""
        found: dict[str, str | None] = {}
        levels = self._levels[file.spec_id]
        for column in columns:
            if column not in levels:
                raise UsageError(
                    f"{self} was partitioned otherwise before: some of its files do not tell their {column}.",
                    "Rewrite them (rewrite_data_files), or read it with a target of Spark.",
                )
            position, field = levels[column]
            found[column] = _partition_text(file.partition[position], field.field_type, column, str(self))
        return found

    @cached_property
    def _levels(self) -> dict[int, dict[str, tuple[int, NestedField]]]:
        """By spec and by column in lower case: where a partition has the value of a column, and the column."""
        fields = {field.field_id: field for field in self._schema.fields}
        return {
            spec.spec_id: {
                fields[level.source_id].name.lower(): (position, fields[level.source_id])
                for position, level in enumerate(spec.fields)
                if isinstance(level.transform, IdentityTransform) and level.source_id in fields
            }
            for spec in self._metadata.partition_specs
        }

    def _described(self, spec: PartitionSpec) -> list[str]:
        """Returns what a table is partitioned by, computed levels included, in lower case."""
        described = []
        for level in spec.fields:
            name = (self._schema.find_column_name(level.source_id) or "a dropped column").lower()
            described.append(name if isinstance(level.transform, IdentityTransform) else f"{level.transform}({name})")
        return described


def _column(planned: PlannedFile, columns: Columns, field: NestedField, schema: pa.Schema) -> FileColumn:
    """Returns a column in one file; one that the table got after the file was written has its initial value.

    Raises:
        SourceNotReady: Another column of the file has its name, but for the case.
    """
    physical = columns.physical_name(field.name, schema)
    if physical is None:
        value: Any = field.initial_default
        text = value.decode() if isinstance(value, bytes) else str(value)
        return FileColumn(None, "", Kind.TEXT, None if value is None else text)
    require_own_name(planned.state, physical, schema.names)
    kind = schema.field(physical).type
    # What a file says to be a UUID has one text everywhere; of 16 bytes that are just bytes there is none.
    return FileColumn(physical, str(kind), Kind.TEXT if isinstance(kind, pa.UuidType) else kind_of(kind))


def _partition_text(value: Any, kind: IcebergType, column: str, table: str) -> str | None:
    if value is None:
        return None
    if isinstance(kind, (StringType, IntegerType, LongType)):
        return str(value)
    if isinstance(kind, DateType):
        return (_EPOCH + timedelta(days=value)).isoformat() if isinstance(value, int) else str(value)
    raise UsageError(
        f"{table} is partitioned by {column} of the type {kind}.",
        "On the target duckdb, texts, integers and dates are read. Use a target of Spark.",
    )
