"""Where a table's files are, and how they are read: on this machine here, in S3 in `s3_files`."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from publisher.errors import SourceNotReady, UsageError
from publisher.values import FileState as FileState  # dbt's side gets it from here


class FileMissing(Exception):
    """There is no such file."""


@dataclass(frozen=True)
class Child:
    """What stands directly in a folder.

    Attributes:
        name: Without the folder.
        is_folder: Whether it is a folder, or a link to one.
        bytes: A file's size; of a folder 0.
        is_broken: Whether it is neither: a link that leads nowhere, a pipe.
    """

    name: str
    is_folder: bool
    bytes: int
    is_broken: bool = False


class Files(Protocol):
    """Reads files by their whole location: an absolute path, or `s3://bucket/key`."""

    def stat(self, location: str) -> FileState:
        """Returns the file as it is now.

        Raises:
            FileMissing: There is none.
            SourceNotReady: It cannot be looked at.
            StoreFailed: The store failed.
        """

    def children(self, folder: str) -> list[Child]:
        """Returns what stands directly in a folder, by name; nothing is looked at below it. Links are followed.

        Raises:
            FileMissing: There is no folder.
            SourceNotReady: It cannot be listed.
            StoreFailed: The store failed.
        """

    def walk(self, folder: str) -> list[FileState]:
        """Returns every file in a folder, at any depth, by its location. Links are followed.

        What is in a folder that `is_hidden` may be left out. A location that is a file itself is its one file.

        Raises:
            FileMissing: There is neither a file nor a folder.
            SourceNotReady: It cannot be listed, or something visible in it is neither a file nor a folder.
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

    def children(self, folder: str) -> list[Child]:
        """Returns what stands directly in a folder."""
        found = []
        for entry, state in _entries(folder):
            mode, size = (0, 0) if isinstance(state, OSError) else (state.st_mode, state.st_size)
            is_file = stat.S_ISREG(mode)
            found.append(
                Child(entry.name, stat.S_ISDIR(mode), size if is_file else 0, not (stat.S_ISDIR(mode) or is_file))
            )
        return found

    def walk(self, folder: str) -> list[FileState]:
        """Returns every file in a folder."""
        if Path(folder).is_file():
            return [self.stat(folder)]
        found: list[FileState] = []
        self._walk(folder, found, frozenset())
        return found

    def open(self, file: FileState) -> BinaryIO:
        """Opens a file for reading; without a buffer, because who reads has one."""
        try:
            return open(file.path, "rb", buffering=0)  # noqa: PTH123 -- the caller closes it
        except FileNotFoundError:
            raise FileMissing(file.path) from None
        except OSError as error:
            raise _unreadable(file.path, error) from error

    def _walk(self, folder: str, found: list[FileState], above: frozenset[tuple[int, int]]) -> None:
        try:
            state = Path(folder).stat()
        except FileNotFoundError:
            raise FileMissing(folder) from None
        except OSError as error:
            raise _unreadable(folder, error) from error
        if (state.st_dev, state.st_ino) in above:
            raise SourceNotReady(
                f"{folder} is a link to a folder that it is in: following it would never end.", "Remove the link."
            )
        above |= {(state.st_dev, state.st_ino)}
        for entry, entry_state in _entries(folder):
            path = f"{folder.rstrip('/')}/{entry.name}"
            is_folder = isinstance(entry_state, os.stat_result) and stat.S_ISDIR(entry_state.st_mode)
            hidden = is_hidden(entry.name)
            if isinstance(entry_state, OSError):
                if not hidden:
                    raise _broken(entry, entry_state) from entry_state
            elif is_folder:
                if not hidden or "=" in entry.name:
                    self._walk(path, found, above)
            elif stat.S_ISREG(entry_state.st_mode):
                found.append(FileState(path, entry_state.st_size, str(entry_state.st_mtime_ns)))
            elif not hidden:
                raise SourceNotReady(f"{path} is neither a file nor a folder.", "Remove it from the table's folder.")


def _entries(folder: str) -> list[tuple[os.DirEntry[str], os.stat_result | OSError]]:
    """Returns what stands in a folder with what it is, links followed, or why that cannot be told."""
    found: list[tuple[os.DirEntry[str], os.stat_result | OSError]] = []
    try:
        with os.scandir(folder) as entries:
            found += [(entry, _state(entry)) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        raise FileMissing(folder) from None
    except OSError as error:
        raise _unreadable(folder, error) from error
    return sorted(found, key=lambda pair: pair[0].name)


def _state(entry: os.DirEntry[str]) -> os.stat_result | OSError:
    try:
        return entry.stat()
    except OSError as error:
        return error


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is none of a table's data.

    It is when the name begins with a dot, or with `_` unless it is `key=value`, or is that of a copy which Hadoop has
    not ended: Spark's rule (HadoopFSUtils.shouldFilterOutPathName), which Hive and Athena share but for the last.
    """
    return name.startswith(".") or (name.startswith("_") and "=" not in name) or name.endswith("._COPYING_")


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


def parse_glue_table(text: str) -> tuple[str, str]:
    """Reads `glue:database.table`, and returns the two names.

    Raises:
        UsageError: It is anything else.
    """
    found = re.fullmatch(r"glue:([^.\s]+)\.([^.\s]+)", text)
    if found is None:
        raise UsageError(
            f"The table {text!r} is not of the form glue:database.table.", "Name one table of the Glue catalog."
        )
    return found[1], found[2]


def _broken(entry: os.DirEntry[str], error: OSError) -> SourceNotReady:
    if entry.is_symlink() and isinstance(error, FileNotFoundError):
        return SourceNotReady(
            f"{entry.path} is a link that leads nowhere: what it stands for would be missing.",
            "Mount or restore what it names, or remove the link.",
        )
    return _unreadable(entry.path, error)


def _unreadable(location: str, error: OSError) -> SourceNotReady:
    return SourceNotReady(
        f"{location} cannot be read: {error.strerror}.", "Check the permissions there, then run again."
    )
