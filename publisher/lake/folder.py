"""A raw table that is a folder of Parquet files: which files belong to it, and what its partitions are called.

The rule is that of docs/raw-data.md, for table A, for one partition of table B, and for a table named by hand:

* A name that begins with a dot, or with `_` unless it is `key=value`, is hidden; so are files without a byte.
* Files stand directly in the folder, or all of them in folders `key=value` of the same keys. Links are followed.
* Anything else visible that holds data is refused: engines do not agree on whether they read it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

from publisher.artifacts import FileState
from publisher.errors import SourceNotReady, UsageError
from publisher.lake.files import Child, FileMissing, Files, is_hidden
from publisher.lake.footers import columns_by_name, parquet_file, side_by_side
from publisher.lake.partition_names import (
    Chosen,
    levels_of,
    partition_level,
    require_partitioned_by,
)
from publisher.lake.scan import Column, DataFile, Role, Scan, scan_of

_NAMES_SHOWN = 3
# By what stands in a table's folder: what it is, and what reads it.
_OTHER_TABLES = {
    "_delta_log": ("a Delta table", "Files of rows that were deleted or replaced stay in it"),
    ".hoodie": ("a Hudi table", "Older versions of its rows stay in it"),
    "metadata": ("an Iceberg table", "Files of rows that were deleted or replaced stay in it"),
}
_INSTEAD = {
    "metadata": "name it as what it is, iceberg:<folder or metadata file> (target duckdb, publisher --table), or by "
    "the catalog",
    "_delta_log": "read it with a target of Spark that has Delta, or have it exported as plain Parquet",
    ".hoodie": "read it with a target of Spark that has Hudi, or have it exported as plain Parquet",
}


class FolderTable:
    """A folder. What was listed once is not listed again: a table is looked at once in a run."""

    def __init__(self, location: str, files: Files) -> None:
        """Looks at nothing yet.

        Args:
            location: An absolute path, or `s3://bucket/folder`, as `normal_location` gives it.
            files: Reads the files there.
        """
        self.location = location
        self._files = files
        self._levels: dict[str, list[Child]] = {}
        self._is_plain = False

    def __str__(self) -> str:
        return self.location

    def partition_names(self, columns: Sequence[str]) -> list[str]:
        """Returns the names of its partitions down to the last of some columns.

        Args:
            columns: Partition columns, in lower case.

        Raises:
            SourceNotReady: The folder is missing, is another kind of table, has no partitions, or is not partitioned by
                one of the columns; some partitions have more or fewer levels than others.
            StoreFailed: The store failed.
        """
        self._require_plain()
        folders, keys = [""], tuple[str, ...]()
        while not set(columns) <= set(keys):
            below = self._next_level(folders)
            if not below:
                break
            folders, keys = below, self._require_equal_keys(below)
        if not keys and not self._children(""):
            raise SourceNotReady(
                f"{self} is missing or empty.", "Check that the load ran, and the setting that names the folder."
            )
        if not keys:
            raise SourceNotReady(
                f"{self} has no partitions: no folder in it is named as {columns[0]}=….",
                "Check the setting that names the folder, and that the load ran.",
            )
        require_partitioned_by(columns, keys, str(self))
        self._require_different_values(folders)
        return folders

    def partitions(self) -> list[str]:
        """Returns the names of its partitions with all their levels, as a metastore registers them.

        Raises:
            SourceNotReady: Likewise.
            StoreFailed: The store failed.
        """
        self._require_plain()
        folders = [""]
        while below := self._next_level(folders):
            folders = below
            self._require_equal_keys(folders)
        self._require_different_values(folders)
        return [folder for folder in folders if folder]

    def has_file(self, chosen: Chosen, name: str) -> bool:
        """Whether each folder of a partition directly holds a file of this name, whatever is in it.

        Raises:
            SourceNotReady: As `partition_names`.
            StoreFailed: The store failed.
        """
        folders = self._folders(chosen)
        return bool(folders) and all(
            any(child.name == name and not child.is_folder for child in self._children(folder)) for folder in folders
        )

    def scan(self, chosen: Chosen | None, wanted: Sequence[Column]) -> Scan:
        """Looks at the footers of one partition's files, or of all files of a table without partitions.

        Raises:
            SourceNotReady: There are none, one cannot be read, or one is not what the others are.
            StoreFailed: The store failed.
        """
        self._require_plain()
        columns = chosen.columns if chosen else ()
        require_no_partition_column(columns, wanted, str(self))
        folders = [""] if chosen is None else self._folders(chosen)
        if chosen is not None and not folders:
            raise SourceNotReady(
                f"There is no partition {chosen.name} in {self}.",
                "Pin one that is there with the setting pinned_partition, or unset it.",
            )
        found = []
        for folder in folders:
            with suppress(FileMissing):
                found += data_files(self._files, self._path(folder), [*columns, *(column.name for column in wanted)])
        if not found:
            raise SourceNotReady(
                f"There is no data in {', '.join(map(self._path, folders[:_NAMES_SHOWN]))}: all files are empty or "
                "hidden (a name that begins with _ or a dot), or there is none.",
                "Check that the load ran to its end, and the path.",
            )
        files = footers(self._files, found, wanted)
        return scan_of(str(self), files, chosen.values if chosen else {}, wanted)

    def _folders(self, chosen: Chosen) -> list[str]:
        return [
            name for name in self.partition_names(chosen.columns) if chosen.values.items() <= levels_of(name).items()
        ]

    def _path(self, folder: str) -> str:
        return f"{self.location.rstrip('/')}/{folder}" if folder else self.location

    def _children(self, folder: str) -> list[Child]:
        if folder not in self._levels:
            try:
                self._levels[folder] = self._files.children(self._path(folder))
            except FileMissing:
                self._levels[folder] = []
        return self._levels[folder]

    def _require_plain(self) -> None:
        if not self._is_plain:
            # A location that is a file has no children either; reading it tells whether there is one.
            require_plain(self._files, self.location, self._children(""))
            self._is_plain = True

    def _next_level(self, folders: Sequence[str]) -> list[str]:
        """Returns the folders `key=value` in folders, when either all that hold something have some, or none has.

        Files directly in the table's folder are in no partition: they may describe the table, and no engine reads them.
        """
        below, shallow = [], []
        for folder in folders:
            names = []
            is_stray = False
            for child in self._children(folder):
                if "=" in child.name and child.name[0] != "." and (child.is_folder or child.is_broken):
                    if child.is_broken:
                        raise SourceNotReady(
                            f"The partition {self._path(folder)}/{child.name} is a link that leads nowhere.",
                            "Mount or restore what it names, or remove the link.",
                        )
                    names.append(f"{folder}/{child.name}" if folder else child.name)
                elif not is_hidden(child.name) and (child.bytes or child.is_folder):
                    is_stray = True
            below += names
            if folder and is_stray:
                shallow.append(folder)
        if below and shallow:
            raise SourceNotReady(
                f"The partitions of {self} are not of one depth: {shallow[0]} holds data itself, {below[0]} is a level "
                "more.",
                "Move the data to where that of the others is: which of them is the newest cannot be told.",
            )
        return below

    def _require_equal_keys(self, folders: Sequence[str]) -> tuple[str, ...]:
        keys: dict[tuple[str, ...], str] = {}
        for folder in folders:
            keys.setdefault(tuple(levels_of(folder)), folder)
        if len(keys) > 1:
            one, other = list(keys.values())[:2]
            raise SourceNotReady(
                f"The partitions of {self} do not have the same columns: {one} and {other}.",
                "Move one kind out of the folder: which of them is the newest cannot be told.",
            )
        return next(iter(keys))

    def _require_different_values(self, folders: Sequence[str]) -> None:
        seen: dict[tuple[str, ...], str] = {}
        for folder in folders:
            other = seen.setdefault(tuple(levels_of(folder).values()), folder)
            if other != folder:
                raise SourceNotReady(
                    f"Two folders of {self} are the same partition: {other} and {folder}.",
                    "Join them into one: a catalog has one folder for a partition, and would read half of it.",
                )


def require_no_partition_column(columns: Sequence[str], wanted: Sequence[Column], table: str) -> None:
    """Returns when no column that is read is one of the partition's: a folder's name never stands for an id.

    Raises:
        SourceNotReady: One is.
    """
    for column in wanted:
        if column.role is not Role.OTHER and column.name.lower() in columns:
            raise SourceNotReady(
                f"The column {column.name} of {table}, {column.role.value}, is a partition column.",
                "Set its name to a column of the files.",
            )


def data_files(files: Files, folder: str, read: Collection[str] = ()) -> list[FileState]:
    """Returns the files of a folder that hold data, by the rule above.

    Args:
        files: Reads the files there.
        folder: A folder; or a file, which is its one file.
        read: Columns that are read from the files, which no folder may name.

    Raises:
        FileMissing: There is neither a folder nor a file.
        SourceNotReady: Something visible holds data, and engines do not agree on whether they read it.
        StoreFailed: The store failed.
    """
    listed = files.walk(folder)
    if [file.path for file in listed] == [folder]:
        return listed
    found = []
    keys: dict[tuple[str, ...], str] = {}
    lower = {name.lower() for name in read}
    for file in listed:
        *folders, name = file.path[len(folder) :].lstrip("/").split("/")
        if name == ".hoodie_partition_metadata":
            raise SourceNotReady(
                f"{folder} is a partition of a Hudi table, and no plain folder of Parquet. "
                f"{_OTHER_TABLES['.hoodie'][1]}, and would come back.",
                f"To read it, {_INSTEAD['.hoodie']}.",
            )
        if not file.bytes or is_hidden(name) or any(is_hidden(level) and "=" not in level for level in folders):
            continue
        plain = next((level for level in folders if "=" not in level or level.startswith(".")), None)
        if plain is not None:
            where = "/".join([folder, *folders[: folders.index(plain) + 1]])
            raise SourceNotReady(
                f"{where} is a folder with data among the files of a table: some engines read it, others do not.",
                "Move its files up; or hide it, by a name that begins with _, if they do not belong to the table.",
            )
        levels = tuple(partition_level(level)[0] for level in folders)
        for level in levels:
            if level in lower:
                raise SourceNotReady(
                    f"{'/'.join([folder, *folders])} names the column {level}, which is read from the files: engines "
                    "would put the folder's value in its place.",
                    "Name the folder otherwise, or read another column.",
                )
        keys.setdefault(levels, file.path)
        found.append(file)
    if len(keys) > 1:
        one, other = sorted(keys.values())[:2]
        raise SourceNotReady(
            f"The files of {folder} do not stand at one depth, in folders of the same keys: {one} and {other}.",
            "Move the files of one kind: engines read one of them, or none.",
        )
    return sorted(found, key=lambda file: file.path)


def require_plain(files: Files, folder: str, children: Sequence[Child]) -> None:
    """Returns when a folder is not that of a table of another format, or a part of one.

    Args:
        files: Reads the files there.
        folder: The folder.
        children: What stands in it.

    Raises:
        SourceNotReady: It is.
    """
    names = {child.name for child in children if child.is_folder}
    require_no_other_table(files, folder, [name for name in _OTHER_TABLES if name in names])
    for above in _above(folder):
        require_no_other_table(files, above, part=folder)


def require_no_other_table(
    files: Files, folder: str, names: Sequence[str] = tuple(_OTHER_TABLES), part: str | None = None
) -> None:
    """Returns when in a folder stands nothing of another format's table.

    Args:
        files: Reads the files there.
        folder: The folder.
        names: What is looked for.
        part: The folder in it that was meant to be read; None for itself.

    Raises:
        SourceNotReady: It does.
    """
    for name in names:
        if _is_of_table(files, folder, name):
            what, why = _OTHER_TABLES[name]
            begin = f"{part} is a part of {what}, {folder}" if part else f"{folder} is {what}"
            raise SourceNotReady(
                f"{begin} ({name} stands in it), and no plain folder of Parquet. {why}, and would come back.",
                f"To read it, {_INSTEAD[name]}.",
            )


def _above(folder: str) -> Iterator[str]:
    """Yields the folders in which a table could be that this one is a part of.

    Those of this machine up to its root cost nothing. In S3 each is a request for which a role may have no right: only
    where the name tells of a part, as Iceberg's `data/` and a partition do.
    """
    if folder.startswith("s3://"):
        name = folder.rpartition("/")[2]
        if (name == "data" or "=" in name) and folder.count("/") > 3:
            yield folder.rpartition("/")[0]
        return
    while folder not in ("/", ""):
        folder = posixpath.dirname(folder)
        if folder not in ("/", ""):
            yield folder


def _is_of_table(files: Files, folder: str, name: str) -> bool:
    try:
        inside = [child.name for child in files.children(f"{folder.rstrip('/')}/{name}")]
    except (FileMissing, SourceNotReady):
        return False
    return name != "metadata" or any(
        name.endswith((".metadata.json", ".metadata.json.gz")) or name == "version-hint.text" for name in inside
    )


def footers(files: Files, found: Sequence[FileState], wanted: Sequence[Column]) -> list[DataFile]:
    """Reads the footers of files, side by side, and finds the columns by their names.

    Raises:
        SourceNotReady: One cannot be read, or lacks a column.
        StoreFailed: The store failed.
    """

    def footer(file: FileState) -> DataFile:
        with parquet_file(files, file) as parquet:
            rows = parquet.metadata.num_rows
            return DataFile(file, rows, columns_by_name(file, parquet.schema_arrow, wanted) if rows else {})

    return side_by_side(footer, found)


def require_folder(setting: str) -> None:
    """Returns when a setting names no metadata.

    Raises:
        UsageError: It does.
    """
    if setting.startswith(("iceberg:", "glue:")):
        raise UsageError(
            f"{setting} is no folder of Parquet; only the target duckdb reads such a table by its path.",
            "Here a table of a catalog is named by schema and table (MATCHED_IDS_RECORDS_SCHEMA, "
            "MATCHED_IDS_RECORDS_TABLE).",
        )
