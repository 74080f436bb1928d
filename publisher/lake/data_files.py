"""Which files of a folder belong to a raw table, and what their footers say.

The rule is that of docs/raw-data.md:

* A name that begins with a dot, or with `_` unless it is `key=value`, is hidden; so are files without a byte.
* Files stand directly in the folder, or all of them in folders `key=value` of the same keys. Links are followed.
* Anything else visible that holds data is refused: engines do not agree on whether they read it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from publisher.errors import SourceNotReady
from publisher.lake.files import Files, is_hidden
from publisher.lake.footers import columns_by_name, parquet_file, side_by_side
from publisher.lake.other_formats import require_no_hudi_partition
from publisher.lake.partition_names import partition_level
from publisher.lake.scan import Column, DataFile, Role
from publisher.values import FileState

_REMOTE_READS = 16
_LOCAL_READS = 2


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
        require_no_hudi_partition(folder, name)
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


def footers(files: Files, found: Sequence[FileState], wanted: Sequence[Column]) -> list[DataFile]:
    """Reads the footers of files, side by side, and finds the columns by their names.

    Raises:
        SourceNotReady: One cannot be read, or lacks a column.
        StoreFailed: The store failed.
    """

    def footer(file: FileState) -> DataFile:
        with parquet_file(files, file) as parquet:
            rows = parquet.metadata.num_rows
            return DataFile(file, rows, columns_by_name(file, parquet, wanted) if rows else {})

    # Of S3 many wait at once; of this machine's files each is parsed at once, which more threads only slow down.
    is_remote = any(file.path.startswith("s3://") for file in found)
    return side_by_side(footer, found, _REMOTE_READS if is_remote else _LOCAL_READS)


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
