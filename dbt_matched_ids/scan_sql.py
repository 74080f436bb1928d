"""SQL that reads what a scan of a raw table found, file by file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from publisher.errors import UsageError
from publisher.lake.kinds import Kind
from publisher.lake.scan import Column, DataFile, Role, Scan

_UNREADABLE = re.compile(r"[*?\[\'\x00-\x1f\ud800-\udfff]")  # the last: bytes of a name that are no UTF-8
_UNREADABLE_BY_SPARK = re.compile(r"[*?\[\]{},\\^`\'\x00-\x1f]")


def text(value: str) -> str:
    """Returns a literal."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Returns a name of a column."""
    return '"' + name.replace('"', '""') + '"'


def has_integers_of_several_widths(scan: Scan) -> bool:
    """Whether a column of integers is of one type in one file and of another in the next.

    A text may have several forms, which are one to an engine.
    """
    integers = [name for name, kind in scan.kinds.items() if kind is Kind.INTEGER]
    return any(len({file.columns[name].type for file in scan.files}) > 1 for name in integers)


def spark_select_of(scan: Scan, wanted: Sequence[Column]) -> str:
    """Returns the same for Spark, whose tables have one type in all files: those of a type are read by their names.

    Args:
        scan: The files, without deleted rows.
        wanted: Columns, those that the scan was made with.

    Raises:
        UsageError: A file has a name that Spark would take for a pattern.
    """
    constants = [f"{text(value)} as `{name}`" for name, value in scan.constants.items()]
    queries = []
    for files in _alike(scan, wanted):
        physical = {column: f"`{files[0].columns[column.name].physical}`" for column in wanted}
        selected = [
            f"{name if column.role is Role.OTHER else f'cast({name} as string)'} as `{column.name}`"
            for column, name in physical.items()
        ]
        for file in files:
            if _UNREADABLE_BY_SPARK.search(file.file.path):
                raise UsageError(
                    f"The file {file.file.path!a} has a sign of a pattern in its name, and other integers in it than "
                    "the files beside it have.",
                    "Spark cannot name it: write it anew under another name, or with the type of the others.",
                )
        # The root before the alternatives: what begins with them is no path from the root to Spark.
        paths = ",".join(sorted(file.file.path.removeprefix("/") for file in files))
        queries.append(f"select {', '.join([*selected, *constants])} from parquet.`/{{{paths}}}`")
    return " union all ".join(queries)


def select_of(scan: Scan, wanted: Sequence[Column]) -> str:
    """Returns a query of DuckDB that reads a scan: the columns that were asked for, as texts, and the partition's.

    Files whose columns have one type are read together: DuckDB would take the first file's type for all, and change the
    values of the others.

    Args:
        scan: The files.
        wanted: Columns, those that the scan was made with.

    Raises:
        UsageError: A file has a name that DuckDB would take for a pattern.
    """
    constants = [f"{text(value)} as {identifier(name)}" for name, value in scan.constants.items()]
    queries = []
    for files in _alike(scan, wanted):
        selected = [_column(files[0], column) for column in wanted]
        queries.append(f"select {', '.join([*selected, *constants]) or '1 as one'} from {_reader(scan, files)}")
    if not queries:
        empty = [f"cast(null as varchar) as {identifier(column.name)}" for column in wanted]
        return f"select {', '.join([*empty, *constants]) or '1 as one'} where false"
    return " union all ".join(queries)


def _alike(scan: Scan, wanted: Sequence[Column]) -> list[list[DataFile]]:
    """Returns files by what one query can read together: equal names and types, and rows deleted in all or in none."""
    alike: dict[tuple[object, ...], list[DataFile]] = {}
    for file in scan.files:
        columns = [file.columns[column.name] for column in wanted]
        key = (bool(file.deletes), *((found.physical, found.type, found.default) for found in columns))
        alike.setdefault(key, []).append(file)
    return list(alike.values())


def _column(file: DataFile, column: Column) -> str:
    found = file.columns[column.name]
    name = identifier(column.name)
    if found.physical is None and column.role is Role.OTHER:  # of the type that it has in the other files
        return f"null as {name}"
    if found.physical is None:
        return f"cast({'null' if found.default is None else text(found.default)} as varchar) as {name}"
    if column.role is Role.OTHER:
        return f"{identifier(found.physical)} as {name}"
    return f"cast({identifier(found.physical)} as varchar) as {name}"


def _reader(scan: Scan, files: Sequence[DataFile]) -> str:
    """Returns what reads files that are all with deleted rows or all without, without those."""
    paths = [file.file.path for file in files]
    if not files[0].deletes:
        return _read_parquet(paths)
    other = [(file.named, file.file.path) for file in files if file.named != file.file.path]
    whens = "".join(f" when {text(named)} then {text(path)}" for named, path in other)
    path = f"case file_path{whens} else file_path end" if other else "file_path"
    delete_files = {scan.delete_files[deletes] for file in files for deletes in file.deletes}
    return (
        f"{_read_parquet(paths, 'filename=true', 'file_row_number=true')} as data anti join"
        f" (select {path} as path, pos from {_read_parquet(delete_files)}) as deleted"
        " on deleted.path = data.filename and deleted.pos = data.file_row_number"
    )


def _read_parquet(paths: Iterable[str], *options: str) -> str:
    """Returns a reader of files. Nothing is taken from their paths, and a text without its annotation is one.

    Raises:
        UsageError: DuckDB would read something else than the file of such a name: it knows no escape for wildcards.
    """
    paths = sorted(paths)
    for path in paths:
        if _UNREADABLE.search(path):
            raise UsageError(
                f"The file {path!a} has a wildcard (*, ? or [), a quote, a control character or no UTF-8 in its name.",
                "DuckDB cannot name it: write it anew under another name.",
            )
    listed = ", ".join(map(text, paths))
    return f"read_parquet({', '.join([f'[{listed}]', 'hive_partitioning=false', 'binary_as_string=true', *options])})"
