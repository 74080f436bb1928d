"""Where a table's files are, and how they are read: on this machine here, in S3 in `s3_files`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Protocol

from publisher.artifacts import FileState
from publisher.errors import SourceNotReady, UsageError


class FileMissing(Exception):
    """There is no such file."""


class Files(Protocol):
    """Reads files by their whole location: an absolute path, or `s3://bucket/key`."""

    def stat(self, location: str) -> FileState:
        """Returns the file as it is now.

        Raises:
            FileMissing: There is none.
            SourceNotReady: It cannot be looked at.
            StoreFailed: The store failed.
        """

    def list(self, folder: str) -> list[FileState]:
        """Returns the files that hold data, at any depth, by their location.

        As in Spark, empty files and hidden ones (a name that begins with `_` or `.`) hold none. A location that is a
        file itself is its one file.

        Raises:
            FileMissing: There is neither a file nor a folder.
            SourceNotReady: It cannot be listed.
            StoreFailed: The store failed.
        """

    def open(self, file: FileState) -> BinaryIO:
        """Opens a file for reading at any position, in the version that `file` names where that can be told.

        Raises:
            FileMissing: It is gone; also while reading.
            SourceNotReady: It is another version now, or cannot be read; also while reading.
            StoreFailed: The store failed; also while reading.
        """


class LocalFiles:
    """Files of this machine, and of what is mounted on it."""

    def stat(self, location: str) -> FileState:
        """Returns the file as it is now."""
        try:
            found = Path(location).stat()
        except FileNotFoundError:
            raise FileMissing(location) from None
        except OSError as error:
            raise _unreadable(location, error) from error
        return FileState(location, found.st_size, str(found.st_mtime_ns))

    def list(self, folder: str) -> list[FileState]:
        """Returns the files that hold data."""
        if Path(folder).is_file():
            return [self.stat(folder)]
        if not Path(folder).is_dir():
            raise FileMissing(folder)
        paths = []
        try:
            for parent, subfolders, names in os.walk(folder, onerror=_raise):
                subfolders[:] = [name for name in subfolders if not is_hidden(name)]
                paths += [os.path.join(parent, name) for name in names if not is_hidden(name)]  # noqa: PTH118 -- a text
        except OSError as error:
            raise _unreadable(folder, error) from error
        return [file for file in map(self.stat, sorted(paths)) if file.bytes]

    def open(self, file: FileState) -> BinaryIO:
        """Opens a file for reading; without a buffer, because who reads has one."""
        try:
            return open(file.path, "rb", buffering=0)  # noqa: PTH123 -- the caller closes it
        except FileNotFoundError:
            raise FileMissing(file.path) from None
        except OSError as error:
            raise _unreadable(file.path, error) from error


def is_hidden(name: str) -> bool:
    """Whether engines take a file or folder of this name for none of a table's data."""
    return name.startswith(("_", "."))


def normal_location(text: str) -> str:
    """Returns an absolute path without `file:`, or an address that begins with `s3://`, without a slash at its end.

    Raises:
        UsageError: It is of another kind.
    """
    scheme, separator, rest = text.partition(":")
    if not separator or "/" in scheme:
        location = text
    elif scheme == "file":
        location = "/" + rest.lstrip("/")
    elif scheme in ("s3", "s3a", "s3n"):
        location = f"s3://{rest.lstrip('/')}"
    else:
        raise UsageError(
            f"The location {text} begins with {scheme}:, which the publisher does not read.",
            "It reads folders of this machine and s3:// addresses.",
        )
    return location.rstrip("/") or "/"


def _raise(error: OSError) -> None:
    raise error


def _unreadable(location: str, error: OSError) -> SourceNotReady:
    return SourceNotReady(
        f"{location} cannot be read: {error.strerror}.", "Check the permissions there, then run again."
    )
