"""Bytes that are fetched when they are read, as a file that can be read at any position."""

from __future__ import annotations

import io
import threading
from abc import abstractmethod
from types import SimpleNamespace
from typing import Any


class Seekable(io.RawIOBase):
    """A file of known size, whose bytes a subclass fetches."""

    def __init__(self, size_bytes: int, *, each_thread: bool = False) -> None:
        """Begins at the beginning.

        Args:
            size_bytes: How many bytes there are.
            each_thread: Whether each thread has a position of its own: for DuckDB, whose threads share a file, and
                between a seek and a read of one others run. Not below a buffer, which remembers the one position.
        """
        super().__init__()
        self._size_bytes = size_bytes
        self._at: Any = threading.local() if each_thread else SimpleNamespace()

    @abstractmethod
    def fetch(self, begin: int, length: int) -> bytes:
        """Returns bytes that are there, all of them or, at least one, the first of them."""

    def readable(self) -> bool:
        """Whether it can be read: it can."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read at any position: it can."""
        return True

    def tell(self) -> int:
        """Returns the position."""
        return int(getattr(self._at, "position", 0))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Sets the position, and returns it."""
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._size_bytes}[whence]
        self._at.position = max(0, begin + offset)
        return self.tell()

    def read(self, size: int | None = -1) -> bytes:
        """Returns what is fetched, as it is: io's own would copy it twice, and ask for a whole file bit by bit."""
        rest = self._size_bytes - self.tell()
        length = rest if size is None or size < 0 else min(size, rest)
        if length <= 0:
            return b""
        piece = self.fetch(self.tell(), length)
        self._at.position = self.tell() + len(piece)
        return piece

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer as far as there is something left, and returns how far."""
        with memoryview(buffer) as room:
            piece = self.read(len(room))
            room[: len(piece)] = piece
        return len(piece)
