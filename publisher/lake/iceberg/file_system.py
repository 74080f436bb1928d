"""File-system tables of Iceberg: a folder whose own files tell which metadata file is current. Without pyiceberg.

https://iceberg.apache.org/spec/#file-system-tables
"""

from __future__ import annotations

import re
from contextlib import suppress

from publisher.errors import SourceNotReady
from publisher.lake.files import FileMissing, Files


def metadata_file(files: Files, location: str) -> str:
    """Returns the current metadata file of a table: `location` itself, or what a file-system table's hint names.

    https://iceberg.apache.org/spec/#file-system-tables

    Args:
        files: Reads both.
        location: A metadata file, or a table's folder.

    Raises:
        SourceNotReady: There is neither.
    """
    if location.endswith((".metadata.json", ".metadata.json.gz")):
        return location
    hint = f"{location}/metadata/version-hint.text"
    try:
        found = files.stat(hint)
        with files.open(found) as hinted:
            text = hinted.read(20).decode("ascii", "replace").strip()
    except FileMissing:
        # A writer removes the hint before it renames the new one into its place, and may be killed in between.
        text = _newest_version(files, location)
    if not (text.isascii() and text.isdigit()):
        raise SourceNotReady(f"{hint} does not hold a version's number.", "Rebuild the table with `dbt build`.")
    # A writer that was killed between its two files leaves the hint behind; the next version is current all the same.
    version, current = int(text), None
    while (candidate := _version_file(files, location, version)) is not None:
        version, current = version + 1, candidate
    if current is None:
        raise SourceNotReady(f"The metadata file that {hint} names is missing.", "Rebuild the table with `dbt build`.")
    return current


def _newest_version(files: Files, location: str) -> str:
    try:
        names = [file.path.rpartition("/")[2] for file in files.walk(f"{location}/metadata")]
    except FileMissing:
        names = []
    versions = [int(match[1]) for name in names if (match := re.fullmatch(r"v([0-9]+)(\.gz)?\.metadata\.json", name))]
    if not versions:
        raise SourceNotReady(
            f"There is no file-system table of Iceberg at {location}: its folder metadata/ names no version.",
            "Run `dbt build`. A table of a catalog is named by its metadata file (--table iceberg:….metadata.json), or "
            "in Glue by --table glue:database.table.",
        )
    return str(max(versions))


def _version_file(files: Files, location: str, version: int) -> str | None:
    for name in (f"v{version}.metadata.json", f"v{version}.gz.metadata.json"):
        with suppress(FileMissing):
            return files.stat(f"{location}/metadata/{name}").path
    return None
