"""Locks that end with the process that holds them, however it ends. Where a file system knows none, nothing is locked.

Between two machines they hold where the file system carries them across, as NFS does.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from publisher.errors import Conflict

# A lock is held for milliseconds. Longer only by a process that was stopped, or by a disk that stalls.
_PATIENCE_SECONDS = 10.0
_LOOK_EVERY_SECONDS = 0.005


def take(descriptor: int) -> bool | None:
    """Locks an open file until it is closed, without waiting.

    Returns:
        True; False when another has it; None when the file system knows no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextmanager
def locked(lock_file: Path) -> Iterator[None]:
    """Has a lock file for itself until the block is left; then it is removed.

    Raises:
        Conflict: Another process did not let go of it.
        OSError: It cannot be made.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while (descriptor := _taken(lock_file)) is None:
        if time.monotonic() > end:
            raise Conflict(
                f"{lock_file} has been locked by another process for {_PATIENCE_SECONDS:g} seconds.",
                "A pull holds it for milliseconds: find the one that was stopped, end it, and run again.",
            )
        time.sleep(_LOOK_EVERY_SECONDS)
    try:
        yield
    finally:
        with suppress(OSError):
            lock_file.unlink()  # while it is locked, so that nobody else's is removed
        os.close(descriptor)


def _taken(lock_file: Path) -> int | None:
    """Returns the open file; None when another has it, or has removed it."""
    try:
        descriptor = os.open(lock_file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        try:
            descriptor = _created(lock_file)
        except FileExistsError:
            return None
    is_kept = False
    try:
        taken = take(descriptor)
        is_kept = taken is None or (taken and _is_at(lock_file, descriptor))
    finally:
        if not is_kept:
            os.close(descriptor)
    return descriptor if is_kept else None


def _created(lock_file: Path) -> int:
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    # A killed process leaves it behind, and the next one may be another user's.
    with suppress(OSError):
        os.fchmod(descriptor, 0o666)
    return descriptor


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
