"""Tells which files of some folders are opened, by any program: the kernel's own word (inotify)."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_OPENED, _OVERFLOWED, _IS_FOLDER = 0x20, 0x4000, 0x40000000
_EVENT = struct.Struct("iIII")


@dataclass
class Opened:
    """The files that were opened, once for each time, filled in when the watch ends."""

    files: list[Path] = field(default_factory=list)


@contextmanager
def opened(folders: Iterable[Path]) -> Iterator[Opened]:
    """Watches folders, not what is below them.

    Args:
        folders: No more than the kernel lets a user watch (fs.inotify.max_user_watches).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    if watch < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    try:
        by_number = {}
        for folder in folders:
            number = libc.inotify_add_watch(watch, os.fsencode(folder), _OPENED)
            if number < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch", str(folder))
            by_number[number] = folder
        found = Opened()
        yield found
        found.files.extend(_files(watch, by_number))
    finally:
        os.close(watch)


def _files(watch: int, by_number: dict[int, Path]) -> Iterator[Path]:
    while True:
        try:
            events = os.read(watch, 1 << 16)
        except BlockingIOError:
            return
        position = 0
        while position < len(events):
            number, mask, _, name_bytes = _EVENT.unpack_from(events, position)
            name = events[position + _EVENT.size : position + _EVENT.size + name_bytes].rstrip(b"\0")
            position += _EVENT.size + name_bytes
            if mask & _OVERFLOWED:
                raise AssertionError("more files were opened than the kernel remembered")
            if name and not mask & _IS_FOLDER:
                yield by_number[number] / os.fsdecode(name)
