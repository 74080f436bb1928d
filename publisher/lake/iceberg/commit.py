"""Makes other metadata of an Iceberg table current in one step, if what it was made of still is: a commit of tags.

Of a table in Glue that step is the catalog's: an update under the condition that the entry is of the version that was
seen, as Iceberg's own GlueCatalog does it. Of a file-system table on this machine it is the next version's file, which
only one writer creates.
"""

from __future__ import annotations

import gzip
import json
import re
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from publisher.disk.drafts import create_file, write_file
from publisher.errors import Conflict, SourceNotReady, UsageError
from publisher.lake.access import LakeAccess
from publisher.lake.files import FileMissing, Files, normal_location
from publisher.lake.iceberg.file_system import metadata_file
from publisher.lake.iceberg.tags import Wanted, changed, parse
from publisher.values import TableRef

_ATTEMPTS = 4


def require_committable(ref: TableRef) -> None:
    """Lets through only a table of which it is known by what its metadata becomes current.

    Raises:
        UsageError: It is none.
    """
    if ref.kind == "glue" or (ref.kind == "iceberg" and ref.location.startswith("/") and not _is_metadata(ref)):
        return
    why = (
        "is named by a metadata file, and no other becomes current by it"
        if _is_metadata(ref)
        else "is a folder in S3, where the engines that write to such tables heed no other writer"
        if ref.kind == "iceberg"
        else "is Parquet, which has no snapshots"
    )
    raise UsageError(
        f"The table {ref} cannot be tagged: it {why}.",
        "Tags are set on Iceberg tables of the Glue catalog and of the target local. Leave --tag-snapshot out.",
    )


def commit_tags(ref: TableRef, wanted: Wanted, lake: LakeAccess) -> bool:
    """Sets a table's tags; where they are so already, nothing is written.

    Args:
        ref: The table.
        wanted: What the tags are to say.
        lake: What reads and writes it.

    Returns:
        Whether `published` names the snapshot; where the table has none like it (any more), the tag is removed.

    Raises:
        UsageError: The table is none that can be committed to.
        SourceNotReady: It is missing or damaged, or a branch has the tag's name.
        Conflict: Somebody else committed each time.
        StoreFailed: The store or the catalog failed.
    """
    require_committable(ref)
    for _ in range(_ATTEMPTS):
        seen = _seen_in_glue(ref, lake) if ref.kind == "glue" else _seen_in_folder(ref, lake)
        metadata = parse(_content(seen.files, seen.path), seen.path)
        change = changed(metadata, seen.name or _in_table(metadata, seen.path), wanted, int(time.time() * 1000))
        if change.metadata is None:
            return change.is_named
        content = json.dumps(change.metadata, ensure_ascii=False).encode()
        if _commit_in_glue(ref, lake, seen, content) if ref.kind == "glue" else _commit_in_folder(ref, seen, content):
            return change.is_named
    raise Conflict(
        f"Somebody else committed to {ref} each of the {_ATTEMPTS} times that its tags were to be set.",
        "Does a build, or maintenance, run there? `publisher tag` sets the tag when that is over.",
    )


class _Seen(NamedTuple):
    """The metadata that is current: what reads it, its path, and what the catalog calls it, where there is one."""

    files: Files
    path: str
    name: str | None = None


def _is_metadata(ref: TableRef) -> bool:
    return ref.location.endswith((".metadata.json", ".metadata.json.gz"))


def _content(files: Files, path: str) -> bytes:
    try:
        with files.open(files.stat(path)) as file:
            content = file.read()
    except FileMissing:
        return b""  # none that can be read, as `parse` says
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def _in_table(metadata: Mapping[str, Any], path: str) -> str:
    """Returns a metadata file's name as the table writes it: `file:/…`, where that is how its own location begins."""
    return f"{metadata['location'].rstrip('/')}/metadata/{path.rpartition('/')[2]}"


def _seen_in_glue(ref: TableRef, lake: LakeAccess) -> _Seen:
    database, _, table = ref.location.partition(".")
    name = lake.glue.table(database, table).metadata_location
    if name is None:
        raise UsageError(f"The table {ref} is no Iceberg table (any more).", "Leave --tag-snapshot out.")
    path = normal_location(name)
    if not path.startswith("s3://"):
        raise UsageError(f"The table {ref} is not in S3, so that it cannot be tagged.", "Leave --tag-snapshot out.")
    return _Seen(lake.files(path), path, name)


def _commit_in_glue(ref: TableRef, lake: LakeAccess, seen: _Seen, content: bytes) -> bool:
    database, _, table = ref.location.partition(".")
    name = seen.name or ""
    folder, _, file_name = name.rpartition("/")
    version = re.match(r"[0-9]+", file_name)
    new = f"{folder}/{int(version[0]) + 1 if version else 0:05}-{uuid.uuid4()}.metadata.json"
    lake.s3.create(normal_location(new), content)
    return lake.glue.replace_metadata(database, table, name, new)


def _seen_in_folder(ref: TableRef, lake: LakeAccess) -> _Seen:
    files = lake.files(ref.location)
    return _Seen(files, metadata_file(files, ref.location))


def _commit_in_folder(ref: TableRef, seen: _Seen, content: bytes) -> bool:
    number = re.match(r"v([0-9]+)\.", seen.path.rpartition("/")[2])
    assert number is not None  # by such a name it was found
    version, folder = int(number[1]) + 1, Path(ref.location, "metadata")
    try:
        if not create_file(folder / f"v{version}.metadata.json", content):
            return False
        # Only a hint: who reads it looks for later versions. Hadoop's checksum beside it is of what it was.
        with suppress(OSError):
            (folder / ".version-hint.text.crc").unlink()
        write_file(folder / "version-hint.text", str(version).encode())
    except UsageError as error:  # nobody named this file
        raise SourceNotReady(error.message, "Check the permissions there, then run again.") from error
    return True
