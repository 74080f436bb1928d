"""What is read of a raw table: columns by name, in files whose types were looked at, with what is wrong said first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from publisher.errors import SourceNotReady
from publisher.lake.kinds import Kind
from publisher.values import FileState

_REWRITE = "Have these files written anew with one type in all of them"
_OF_OTHER_TYPE = "Cast the column to a string where it is written: its text is not the same in all engines"


class Role(Enum):
    """What a column is read as, and how it is called in messages. `OTHER` is any column, of whatever type it is."""

    ID = "the id"
    CPF = "the document of table A"
    SUPPRESSED = "the document of the suppression list"
    DOCUMENT = "the document of table B"
    OTHER = "a column"


@dataclass(frozen=True)
class Column:
    """A column that is asked for.

    Attributes:
        name: As a person wrote it; case does not matter.
    """

    name: str
    role: Role


@dataclass(frozen=True)
class FileColumn:
    """A column in one file.

    Attributes:
        physical: What the file calls it; None where it has no such column and `default` stands for it.
        type: The type's name in the file; equal names are equal types.
        default: The one value of all rows, as text, where the file has no such column; None for null.
        nulls: How many rows have no value; None where the footer does not tell.
    """

    physical: str | None
    type: str
    kind: Kind
    default: str | None = None
    nulls: int | None = None


@dataclass(frozen=True)
class DataFile:
    """One file that is read.

    Attributes:
        rows: By its footer, deleted ones included.
        columns: By the names that were asked for.
        named: What the table's metadata calls it, where it has any.
        deletes: Files with positions of its rows that do not count, as the metadata names them.
    """

    file: FileState
    rows: int
    columns: Mapping[str, FileColumn]
    named: str = ""
    deletes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scan:
    """One partition of a table, or the whole of one without partitions.

    Attributes:
        table: How the table is called in messages.
        files: Those with rows.
        constants: The values of the partition columns that it was chosen by, as the texts of their names.
        kinds: What each column that was asked for holds.
        delete_files: The locations of the files that `DataFile.deletes` name.
    """

    table: str
    files: tuple[DataFile, ...]
    constants: Mapping[str, str]
    kinds: Mapping[str, Kind]
    delete_files: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows by the footers."""
        return sum(file.rows for file in self.files)

    def nulls(self, name: str) -> int | None:
        """Returns how many rows have no value in a column, by the footers; None where one of them does not tell."""
        told = [file.columns[name].nulls for file in self.files]
        known = [nulls for nulls in told if nulls is not None]
        return sum(known) if len(known) == len(told) else None


def scan_of(
    table: str,
    files: Sequence[DataFile],
    constants: Mapping[str, str],
    wanted: Sequence[Column],
    delete_files: Mapping[str, str] | None = None,
) -> Scan:
    """Puts together what is read, when nothing is wrong with it.

    Files without a row are left out: nothing of them is read, and what writes them gives their columns any type.

    Raises:
        SourceNotReady: A column is of a type that is not read, or of two kinds in two files.
    """
    held = tuple(file for file in files if file.rows)
    kinds = {column.name: _kind(table, column, held) for column in wanted}
    return Scan(table, held, constants, kinds, delete_files or {})


def _kind(table: str, column: Column, files: Iterable[DataFile]) -> Kind:
    """Returns what a column holds in all files; a text where there is none."""
    first: DataFile | None = None
    for file in files:
        found = file.columns[column.name]
        if found.physical is None:
            _require_no_default(table, column, found, file)
            continue
        require_kind(table, column, found.kind, found.type, file.file.path)
        if first is None:
            first = file
            continue
        of_first = first.columns[column.name]
        if of_first.kind != found.kind:
            raise SourceNotReady(
                f"The column {column.name} of {table} is of two kinds: {of_first.kind.value} ({of_first.type}) in "
                f"{first.file.path}, {found.kind.value} ({found.type}) in {file.file.path}.",
                f"{_REWRITE}: read as one, values would change (0012 into 12).",
            )
        # It is read as it is, and not as a text: every form of text is the same, two numbers or times are not.
        if column.role is Role.OTHER and found.kind is not Kind.TEXT and of_first.type != found.type:
            raise SourceNotReady(
                f"The column {column.name} of {table} is of two types: {of_first.type} in {first.file.path}, "
                f"{found.type} in {file.file.path}.",
                f"{_REWRITE}: engines do not agree on what both are read as.",
            )
    return first.columns[column.name].kind if first else Kind.TEXT


def _require_no_default(table: str, column: Column, found: FileColumn, file: DataFile) -> None:
    if column.role is Role.OTHER and found.default is not None:
        raise SourceNotReady(
            f"The file {file.file.path} of {table} has no column {column.name}, of which the table has a default.",
            "Rewrite the table's files: the default of a column is applied to ids and documents only.",
        )


def require_kind(table: str, column: Column, kind: Kind, type_name: str, place: str) -> None:
    """Returns when a column's type is one that is read.

    Args:
        table: How the table is called in messages.
        column: The column.
        kind: What it holds.
        type_name: Its type's name.
        place: The file, or the catalog, that tells.

    Raises:
        SourceNotReady: It is not.
    """
    if kind is Kind.OTHER and column.role is not Role.OTHER:
        raise SourceNotReady(
            f"The column {column.name} of {table}, {column.role.value}, is {type_name} in {place}: only texts and "
            "integers are read.",
            f"{_OF_OTHER_TYPE}.",
        )
    if kind is Kind.INTEGER and column.role is Role.DOCUMENT:
        raise SourceNotReady(
            f"The column {column.name} of {table}, {column.role.value}, is an integer ({type_name}) in {place}: no "
            "prefix of zeros survives in a number, so nothing would match.",
            "Have it written as a string with its leading zeros, or set records_document_column to a column that is.",
        )
