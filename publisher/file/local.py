"""A local file that is replaced in one atomic step, and stays what it was when anything fails."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from publisher.errors import UsageError


def require_writable(path: Path) -> None:
    """Lets through only a path at which a file can be made or replaced, as far as that can be told beforehand.

    Raises:
        UsageError: It cannot.
    """
    with _local(path):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            mode = stat.S_IFREG
        # A link would be replaced, not what it points to, and a device must not be.
        if not stat.S_ISREG(mode):
            raise UsageError(f"{path} is a folder, a link or a device.", "Give the path of a plain file.")
        folder = path.parent
        if not folder.is_dir():
            raise UsageError(f"The folder {folder} does not exist.", "Create it, or name a file elsewhere.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(f"The folder {folder} cannot be written to.", "Mend its permissions, or name another.")


class Draft:
    """A file that is not in its place yet."""

    def __init__(self, file: BinaryIO, path: Path, final_path: Path) -> None:
        self._file = file
        self._path = path
        self._final_path = final_path

    def write(self, content: bytes) -> None:
        """Adds bytes."""
        rest = memoryview(content)
        with _local(self._final_path):
            while rest:  # without a buffer a write may take less than it is given
                rest = rest[self._file.write(rest) :]

    def sync(self) -> None:
        """Returns when the content would outlive a power cut."""
        with _local(self._final_path):
            os.fsync(self._file.fileno())

    def move(self) -> None:
        """Puts the file into its place in one atomic step, also across a power cut."""
        with _local(self._final_path):
            self._path.replace(self._final_path)
            folder = os.open(self._final_path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@contextmanager
def draft(final_path: Path) -> Iterator[Draft]:
    """Opens a file in the folder of `final_path`; what was not moved is removed at the end.

    Not by tempfile: it keeps its files from other users, and these take the permissions that the umask gives.
    """
    path = final_path.with_name(f".pull-{secrets.token_hex(8)}.tmp")
    try:
        with _local(final_path):
            file = path.open("xb", buffering=0)  # a buffer would be written out, and fail once more, on closing
        with file:
            yield Draft(file, path, final_path)
    finally:
        with suppress(OSError):
            path.unlink()


@contextmanager
def _local(path: Path) -> Iterator[None]:
    """Tells a failure of the file system from one of the store."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.",
            "Free some space or mend the permissions there, or name a file elsewhere.",
        ) from error
