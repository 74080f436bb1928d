"""An Iceberg table as DuckDB reads it without its extension: data files by name, columns by field id.

The metadata is read by pyiceberg, through what the publisher reads its tables with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, EqualTo
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestContent, ManifestFile
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.table import FileScanTask
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    TimestampNanoType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

from dbt_local_duckdb import sql
from publisher.artifacts import FileState
from publisher.errors import PublisherError, SourceNotReady, UsageError
from publisher.files import FileMissing, Files, normal_location
from publisher.iceberg import Columns, metadata_file, read_snapshot, static_table

_THREADS = 16
_EPOCH = date(1970, 1, 1)
_COMPACT = "Compact the table (rewrite_data_files), or read it with a target of Spark."
_GONE = "Were its snapshots expired? Run dbt again, when what rewrites the table is over."
# As texts, as Spark gives them. A column of another type, a nested one too, is not offered.
_TYPES: dict[type[IcebergType], str] = {
    BinaryType: "varchar",
    BooleanType: "boolean",
    DateType: "date",
    DoubleType: "double",
    FloatType: "float",
    IntegerType: "integer",
    LongType: "bigint",
    StringType: "varchar",
    TimestampNanoType: "timestamp_ns",
    TimestampType: "timestamp",
    TimestamptzType: "timestamptz",
    TimeType: "time",
    UUIDType: "uuid",
}
_DEFAULTS = (BooleanType, DecimalType, DoubleType, FloatType, IntegerType, LongType, StringType, DateType)


@dataclass(frozen=True)
class _File:
    """A data file that is to be read.

    Attributes:
        named: As the metadata names it.
        field_ids: Those that its columns carry; none where an engine other than Iceberg's wrote it.
        deletes: Files with positions of rows that do not count, as the metadata names them.
    """

    named: str
    state: FileState
    schema: pa.Schema
    field_ids: frozenset[int]
    deletes: tuple[str, ...]


class IcebergTable:
    """The snapshot that was current when the table was looked at."""

    def __init__(self, location: str, files: Files, remember: Callable[[Sequence[FileState]], None]) -> None:
        """Reads the metadata file.

        Args:
            location: A metadata file, or the folder of a file-system table.
            files: Reads the files there.
            remember: Is told the files that DuckDB will read.

        Raises:
            SourceNotReady: It is missing or damaged, or the table was never written to.
            StoreFailed: The store failed.
        """
        self._location = location
        self._files = files
        self._remember = remember
        self._snapshot = read_snapshot(files, metadata_file(files, location))
        if self._snapshot.snapshot_id is None:
            raise SourceNotReady(f"{self} has no snapshot: it was never written to.", "")
        self._metadata = self._snapshot.metadata
        self._schema = self._metadata.schema()

    def partition_names(self, columns: Sequence[str]) -> list[str]:
        """Returns the names of its partitions, from the manifests."""
        sql.require_partitioned_by(columns, self._described(self._metadata.spec()), str(self))
        table = static_table(self._files, self._snapshot)
        with self._told():
            manifests = self._metadata.current_snapshot().manifests(table.io)  # type: ignore[union-attr]  # there is one

            def names(manifest: ManifestFile) -> set[str]:
                entries = manifest.fetch_manifest_entry(table.io)
                return {sql.partition_name(self._texts(entry.data_file, columns)) for entry in entries}

            of_data = [manifest for manifest in manifests if manifest.content == ManifestContent.DATA]
            with ThreadPoolExecutor(_THREADS) as threads:
                return sorted(set[str]().union(*threads.map(names, of_data)))

    def rows(self, chosen: tuple[Sequence[str], tuple[str, ...]] | None) -> str:
        """Returns a query that reads the table."""
        columns, values = chosen or ((), ())
        sql.require_partitioned_by(columns, self._described(self._metadata.spec()), str(self))
        wanted: dict[str, str] = dict(zip(columns, values, strict=True))
        files = self._data_files(wanted)
        if not files:
            where = f"no partition {'/'.join(values)} in" if wanted else "no data in"
            hint = "Pin one that is there with the setting pinned_partition, or unset it." if wanted else ""
            raise SourceNotReady(f"There is {where} {self}.", hint)
        self._remember([file.state for file in files])
        fields = self._fields(files, wanted)
        queries = []
        for number in sorted({_kind(file) for file in files}):
            alike = [file for file in files if _kind(file) == number]
            queries += self._queries(alike, fields, wanted)
        return " union all by name ".join(queries)

    def _queries(self, files: Sequence[_File], fields: Sequence[NestedField], wanted: Mapping[str, str]) -> list[str]:
        """Returns queries over files that are all with field ids or all without, and with deleted rows or without."""
        named = sql.constants(wanted)
        if files[0].field_ids:
            names = [sql.identifier(field.name) for field in fields]
            return [f"select {', '.join([*names, *named])} from {_reader(files, _by_id(fields))}"]
        alike: dict[tuple[str, ...], list[_File]] = {}
        columns = self._columns_by_name(files, fields)
        for file in files:
            selected = []
            for field in fields:
                physical = columns.physical_name(field.name, file.schema)
                value = _default(field) if physical is None else sql.identifier(physical)
                selected.append(f"cast({value} as {_type(field.field_type)}) as {sql.identifier(field.name)}")
            alike.setdefault(tuple(selected), []).append(file)
        return [f"select {', '.join([*of, *named])} from {_reader(some)}" for of, some in alike.items()]

    def _fields(self, files: Sequence[_File], wanted: Mapping[str, str]) -> list[NestedField]:
        """Returns the columns that are read from the files.

        A partition column need not be in them. One that was chosen by is a constant, another is left out where any file
        lacks it: null would be wrong.
        """
        partitioned = {column for levels in self._levels.values() for column in levels}
        return [
            field
            for field in self._schema.fields
            if isinstance(field.field_type, (*_TYPES, DecimalType))
            and field.name.lower() not in wanted
            and (field.name.lower() not in partitioned or all(field.field_id in file.field_ids for file in files))
        ]

    # Which files.

    def _data_files(self, wanted: Mapping[str, str]) -> list[_File]:
        condition = self._condition(wanted)
        if condition is None:
            return []
        table = static_table(self._files, self._snapshot)
        with self._told():
            tasks = [
                task
                for task in table.scan(row_filter=condition).plan_files()
                if self._texts(task.file, list(wanted)) == wanted
            ]
            with ThreadPoolExecutor(_THREADS) as threads:
                return list(threads.map(self._data_file, tasks))

    def _data_file(self, task: FileScanTask) -> _File:
        if task.file.file_format != FileFormat.PARQUET:
            raise UsageError(
                f"{self} has data files of the format {task.file.file_format.value}, not Parquet.",
                "Rewrite them as Parquet, or read it with a target of Spark.",
            )
        for delete_file in task.delete_files:
            if (delete_file.content, delete_file.file_format) != (DataFileContent.POSITION_DELETES, FileFormat.PARQUET):
                raise UsageError(
                    f"{self} has rows that are deleted by files of the format {delete_file.file_format.value}, "
                    "which the target duckdb does not apply.",
                    _COMPACT,
                )
        state = self._files.stat(normal_location(task.file.file_path))
        try:
            with self._files.open(state) as opened:
                schema = pq.read_schema(opened)
        except (pa.ArrowException, OSError) as error:
            raise SourceNotReady(
                f"The file {state.path} cannot be read as Parquet ({type(error).__name__}).", "It is damaged."
            ) from error
        ids = (int((field.metadata or {}).get(b"PARQUET:field_id", b"-1")) for field in schema)
        return _File(
            named=task.file.file_path,
            state=state,
            schema=schema,
            field_ids=frozenset(number for number in ids if number >= 0),
            deletes=tuple(sorted(delete_file.file_path for delete_file in task.delete_files)),
        )

    def _condition(self, wanted: Mapping[str, str]) -> BooleanExpression | None:
        """Returns what the manifests are chosen by; None when no partition can have these values."""
        condition: BooleanExpression = AlwaysTrue()
        fields = {field.name.lower(): field for field in self._schema.fields}
        for column, text in wanted.items():
            field = fields[column]
            value: str | int = text
            if isinstance(field.field_type, (IntegerType, LongType)):
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

    # Partitions.

    def _texts(self, file: DataFile, columns: Sequence[str]) -> dict[str, str | None]:
        """Returns a file's partition values as the texts that Spark gives them."""
        found: dict[str, str | None] = {}
        levels = self._levels[file.spec_id]
        for column in columns:
            if column not in levels:
                raise UsageError(
                    f"{self} was partitioned otherwise before: some of its files do not tell their {column}.",
                    "Rewrite them (rewrite_data_files), or read it with a target of Spark.",
                )
            position, kind = levels[column]
            found[column] = _partition_text(file.partition[position], kind, column, str(self))
        return found

    @cached_property
    def _levels(self) -> dict[int, dict[str, tuple[int, IcebergType]]]:
        """By spec and by column in lower case: where a partition has the value of a column, and its type."""
        fields = {field.field_id: field for field in self._schema.fields}
        return {
            spec.spec_id: {
                fields[level.source_id].name.lower(): (position, fields[level.source_id].field_type)
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

    # Columns.

    def _columns_by_name(self, files: Sequence[_File], fields: Sequence[NestedField]) -> Columns:
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
                        f"The file {files[0].state.path} has no field ids, and the column {field.name} was renamed.",
                        "Set the table property schema.name-mapping.default, or rewrite the table's files.",
                    )
                mapped[field.field_id] = frozenset({field.name})
        return Columns({field.name: field.field_id for field in fields}, mapped)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except PublisherError:
            raise
        except FileMissing as missing:
            raise SourceNotReady(f"The file {missing} of {self} is gone.", _GONE) from None
        except Exception as error:  # damaged Avro raises what its bytes happen to be read as
            if "equality deletes" in str(error):
                raise UsageError(
                    f"{self} has equality deletes, which the target duckdb does not apply.", _COMPACT
                ) from error
            raise SourceNotReady(f"The metadata of {self} cannot be read ({type(error).__name__}).", _GONE) from error

    def __str__(self) -> str:
        return f"the Iceberg table at {self._location}"


def _kind(file: _File) -> tuple[bool, bool]:
    return bool(file.field_ids), bool(file.deletes)


def _reader(files: Sequence[_File], *options: str) -> str:
    """Returns what reads files that are all with deleted rows or all without, without those."""
    paths = [file.state.path for file in files]
    if not files[0].deletes:
        return sql.read_parquet(paths, *options)
    other = [(file.named, file.state.path) for file in files if file.named != file.state.path]
    whens = "".join(f" when {sql.text(named)} then {sql.text(path)}" for named, path in other)
    path = f"case file_path{whens} else file_path end" if other else "file_path"
    delete_files = {normal_location(path) for file in files for path in file.deletes}
    return (
        f"{sql.read_parquet(paths, *options, 'filename=true', 'file_row_number=true')} as data anti join"
        f" (select {path} as path, pos from {sql.read_parquet(delete_files)}) as deleted"
        " on deleted.path = data.filename and deleted.pos = data.file_row_number"
    )


def _by_id(fields: Sequence[NestedField]) -> str:
    """Returns DuckDB's option for columns that are found by their field ids, and have a value where a file has none."""
    entries = (
        f"{field.field_id}: {{name: {sql.text(field.name)}, type: {sql.text(_type(field.field_type))}, "
        f"default_value: {_default(field)}}}"
        for field in fields
    )
    return f"schema=map {{{', '.join(entries)}}}"


def _type(kind: IcebergType) -> str:
    if isinstance(kind, DecimalType):
        return f"decimal({kind.precision}, {kind.scale})"
    return _TYPES[type(kind)]


def _default(field: NestedField) -> str:
    value: Any = field.initial_default
    if value is None:
        return "null"
    if not isinstance(field.field_type, _DEFAULTS):
        raise UsageError(f"The column {field.name} has a default value of the type {field.field_type}.", _COMPACT)
    return sql.text(str(value).lower() if isinstance(value, bool) else str(value))


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
