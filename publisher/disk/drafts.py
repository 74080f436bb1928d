"""A local file that is replaced in one atomic step, and stays what it was when anything fails."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from publisher.disk import locks
from publisher.errors import UsageError

# How file systems answer that cannot sync a file, or a folder: VirtualBox, CIFS, some FUSE ones.
_NO_SYNC_OF_FILES = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
# The last three: a folder may be written to and not be read, or not be opened at all.
_NO_SYNC_OF_FOLDERS = _NO_SYNC_OF_FILES | {errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR}
# Where a file system knows no locks: longer than any download.
_ABANDONED_SECONDS = 24 * 3600


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

    def __init__(self, file: BinaryIO, path: Path, final_path: Path, replaced: os.stat_result | None) -> None:
        """Takes over an open, empty file.

        Args:
            file: The file, without a buffer.
            path: Where it is.
            final_path: Its place.
            replaced: What stands there.
        """
        self._file = file
        self._path = path
        self._final_path = final_path
        self._replaced = replaced

    def write(self, content: bytes) -> None:
        """Adds bytes."""
        rest = memoryview(content)
        with _local(self._final_path):
            while rest:  # without a buffer a write may take less than it is given
                rest = rest[self._file.write(rest) :]

    def sync(self) -> None:
        """Gives the file the permissions of the one that it replaces; returns when it would outlive a power cut."""
        with _local(self._final_path):
            if replaced := _stat(self._final_path) or self._replaced:
                _take_over(self._file.fileno(), replaced)
            with _tolerating(_NO_SYNC_OF_FILES):
                os.fsync(self._file.fileno())

    def move(self) -> None:
        """Puts the file into its place in one atomic step."""
        with _local(self._final_path):
            self._path.replace(self._final_path)

    def create(self) -> bool:
        """Puts the file into its place where nothing is: of several who try, one does. Returns whether this one did."""
        with _local(self._final_path):
            try:
                os.link(self._path, self._final_path)
            except FileExistsError:
                return False
            return True

    def sync_folder(self) -> None:
        """Returns when that it was moved would outlive a power cut, where the file system can tell."""
        with _local(self._final_path), _tolerating(_NO_SYNC_OF_FOLDERS):
            folder = os.open(self._final_path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@contextmanager
def draft(final_path: Path) -> Iterator[Draft]:
    """Opens a file in the folder of `final_path`; what was not moved is removed at the end.

    The file is locked, by which `sweep` tells it from one whose process was killed. Not by tempfile: it keeps its files
    from other users, and these take the permissions of what they replace, or else those that the umask gives.
    """
    with _local(final_path):
        replaced = _stat(final_path)
        file, path = _created(final_path, 0o666 if replaced is None else 0o600)
    try:
        with file:
            yield Draft(file, path, final_path, replaced)
    finally:
        with suppress(OSError):
            path.unlink()


def write_file(final_path: Path, content: bytes) -> None:
    """Writes a file, in the place of an older one in one atomic step.

    Raises:
        UsageError: The file system failed; what was there stays.
    """
    with draft(final_path) as file:
        file.write(content)
        file.sync()
        file.move()


def create_file(final_path: Path, content: bytes) -> bool:
    """Creates a file, whole; of several who try, one does.

    Returns:
        Whether it did; not where one is there already.

    Raises:
        UsageError: The file system failed.
    """
    with draft(final_path) as file:
        file.write(content)
        file.sync()
        return file.create()


def sweep(final_path: Path) -> None:
    """Removes what killed processes left of their drafts of this file; best effort."""
    with suppress(OSError):
        for path in final_path.parent.glob(f"{_prefix(final_path)}-*.tmp"):
            with suppress(OSError):
                _remove_abandoned(path)


@contextmanager
def alone(*final_paths: Path) -> Iterator[None]:
    """Keeps other processes out of their own `alone` with one of these files until the block is left.

    Where the file system knows no locks, it keeps nobody out.

    Raises:
        Conflict: One of the others does not come to an end.
        UsageError: The file system failed.
    """
    with ExitStack() as held:
        for path in sorted(path.parent.resolve() / path.name for path in final_paths):
            with _local(path):
                held.enter_context(locks.locked(path.with_name(f"{_prefix(path)}.lock")))
        yield


def stamp(path: Path) -> tuple[int, int] | None:
    """Returns what is another when a file was replaced; None when there is none."""
    with _local(path):
        found = _stat(path)
    return (found.st_size, found.st_mtime_ns) if found else None


def _created(final_path: Path, mode: int) -> tuple[BinaryIO, Path]:
    while True:
        path = final_path.with_name(f"{_prefix(final_path)}-{secrets.token_hex(8)}.tmp")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        # Without a buffer, which would be written out, and fail once more, on closing.
        file = os.fdopen(descriptor, "wb", buffering=0)
        if locks.take(descriptor) is not False and path.exists():
            return file, path
        file.close()  # somebody swept it before it was locked
        with suppress(OSError):
            path.unlink()


def _remove_abandoned(path: Path) -> None:
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, os.O_RDWR | flags)
    except PermissionError:
        descriptor = os.open(path, os.O_RDONLY | flags)
    try:
        is_free = locks.take(descriptor)
        if is_free is None:
            is_free = time.time() - os.fstat(descriptor).st_mtime > _ABANDONED_SECONDS
        if is_free:
            path.unlink()
    finally:
        os.close(descriptor)


def _prefix(final_path: Path) -> str:
    """Returns what the names beside a file begin with that belong to it; short, however long its own name is."""
    return f".pull-{hashlib.sha256(os.fsencode(final_path.name)).hexdigest()[:16]}"


def _take_over(descriptor: int, replaced: os.stat_result) -> None:
    """Gives a file the owner, the group and the permissions of another, as far as this process may."""
    found = os.fstat(descriptor)
    if (found.st_uid, found.st_gid) != (replaced.st_uid, replaced.st_gid):
        for owner in (replaced.st_uid, -1):  # only root gives files away; a group may be one of the process's own
            try:
                os.fchown(descriptor, owner, replaced.st_gid)
                break
            except OSError:
                continue
    with suppress(OSError):
        os.fchmod(descriptor, stat.S_IMODE(replaced.st_mode) & 0o777)


@contextmanager
def _tolerating(codes: frozenset[int]) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in codes:
            raise


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


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
