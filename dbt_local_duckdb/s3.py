"""S3 as DuckDB reads it on the target `duckdb`: through boto3, as the publisher does, and not by its extension httpfs.

So credentials, region and endpoint are found as boto3 finds them, single sign-on and roles included, and temporary
credentials are renewed while a long query runs. The extension is a binary that DuckDB downloads, or that a wheel brings
for the DuckDB of some versions ago; and it lists every object of a table where the names of its folders are asked for.
"""

from __future__ import annotations

import fnmatch
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fsspec import AbstractFileSystem

from dbt_matched_ids.discreet import OwnWords
from publisher.errors import PublisherError
from publisher.files import FileMissing

if TYPE_CHECKING:
    from publisher.artifacts import FileState
    from publisher.s3_files import S3Files

_WILDCARDS = re.compile(r"[*?\[]")


class S3Failed(OwnWords):
    """S3 cannot be read; the text says why and what to do. DuckDB passes it on below a traceback."""


class S3FileSystem(AbstractFileSystem):
    """What DuckDB asks of a file system when it lists and reads, and nothing else: it writes nothing."""

    protocol = "s3"
    cachable = False

    def __init__(self, files: S3Files | None = None) -> None:
        """Prepares nothing yet.

        Args:
            files: Reads the objects; without it, boto3 with its own configuration, when the first is asked for.
        """
        super().__init__()
        if files is not None:
            self.files = files
        # Sizes and versions that a listing told: no object is asked for them again.
        self._listed: dict[str, FileState] = {}

    @cached_property
    def files(self) -> S3Files:
        """Reads the objects."""
        from publisher.s3_files import S3Files

        return S3Files()

    def remember(self, files: Iterable[FileState]) -> None:
        """Takes what was listed elsewhere: these objects are opened in those versions, and not asked for again."""
        self._listed.update((file.path, file) for file in files if file.path.startswith("s3://"))

    def knows(self, path: str) -> bool:
        """Whether an address is that of an object that was listed or opened."""
        return path in self._listed

    def glob(self, path: str, **_: Any) -> list[str]:
        """Returns what matches a pattern, as addresses.

        One that ends with a slash matches folders, and is looked up folder by folder without a look at the objects in
        them; another one matches objects. Those that hold no data (hidden, or empty) are left out.
        """
        address = _address(path)
        if not _WILDCARDS.search(address):
            return [address]
        folder, wanted = _split(address)
        with _told(path):
            if wanted[-1] == "":
                found = [folder]
                for level in wanted[:-1]:
                    below = [name for parent in found for name in self.files.subfolders(parent)]
                    found = [name for name in below if fnmatch.fnmatchcase(name.rpartition("/")[2], level)]
                return sorted(found)
            try:
                listed = {file.path: file for file in self.files.list(folder)}
            except FileMissing:
                return []
        self._listed.update(listed)
        return sorted(name for name in listed if _matches(name.removeprefix(f"{folder}/").split("/"), wanted))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Returns what DuckDB takes an object's size from."""
        return {"name": path, "type": "file", "size": self._file(path).bytes}

    def modified(self, path: str) -> datetime:  # noqa: ARG002 -- it is called so
        """Returns no time: DuckDB asks for one to see whether what it keeps is still good, and it keeps nothing."""
        return datetime(1970, 1, 1, tzinfo=timezone.utc)

    def open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        """Opens an object for reading, in the version that was listed."""
        if mode != "rb":
            raise PermissionError(f"DuckDB writes nothing to S3 here: {path} was to be opened with {mode!r}.")
        return _Object(self.files, self._file(path))

    def _file(self, path: str) -> FileState:
        address = _address(path)
        if address not in self._listed:
            with _told(address):
                self._listed[address] = self.files.stat(address)
        return self._listed[address]


class _Object:
    """One object as a file. Each thread has a position of its own, because between a seek and a read others run."""

    def __init__(self, files: S3Files, file: FileState) -> None:
        self._files = files
        self._file = file
        self._thread = threading.local()

    def seek(self, offset: int) -> int:
        self._thread.position = offset
        return offset

    def tell(self) -> int:
        return int(getattr(self._thread, "position", 0))

    def read(self, length: int = -1) -> bytes:
        begin = self.tell()
        rest = self._file.bytes - begin
        length = min(rest, length) if length >= 0 else rest
        if length <= 0:
            return b""
        self._thread.position = begin + length
        with _told(self._file.path):
            return self._files.read_range(self._file, begin, length)

    def close(self) -> None:
        """There is nothing to close: every read is a request."""


@contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except FileMissing:
        raise S3Failed(f"{path} is gone. Was it replaced? Run dbt again when the load is over.") from None
    except PublisherError as error:
        raise S3Failed(f"{error} {error.hint}") from None


def _address(path: str) -> str:
    return path if path.startswith("s3://") else f"s3://{path}"


def _split(pattern: str) -> tuple[str, list[str]]:
    """Returns the folder before the first wildcard, and the names from there on."""
    parts = pattern.split("/")
    first = next(number for number, part in enumerate(parts) if _WILDCARDS.search(part))
    return "/".join(parts[:first]), parts[first:]


def _matches(names: list[str], wanted: list[str]) -> bool:
    """Whether the names of a path are those of a pattern, in which `**` stands for any number of folders."""
    if not (names and wanted):
        return names == wanted
    if wanted[0] == "**":
        return any(_matches(names[skipped:], wanted[1:]) for skipped in range(len(names)))
    return fnmatch.fnmatchcase(names[0], wanted[0]) and _matches(names[1:], wanted[1:])
