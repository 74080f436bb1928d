"""Recognizes a folder that belongs to a table of another format, whose files are more than its rows."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from contextlib import suppress

from publisher.errors import SourceNotReady, StoreFailed
from publisher.lake.files import Child, FileMissing, Files

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
_OF_PARTITION = ".hoodie_partition_metadata"


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
        with suppress(StoreFailed):  # who may read a table's folder need not have a right to the one above it
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


def require_no_hudi_partition(folder: str, name: str) -> None:
    """Returns when a file is not the one that Hudi puts into each partition.

    Raises:
        SourceNotReady: It is.
    """
    if name == _OF_PARTITION:
        raise SourceNotReady(
            f"{folder} is a partition of a Hudi table, and no plain folder of Parquet. "
            f"{_OTHER_TABLES['.hoodie'][1]}, and would come back.",
            f"To read it, {_INSTEAD['.hoodie']}.",
        )
