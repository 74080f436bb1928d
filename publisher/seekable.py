"""Bytes that are fetched when they are read, as a file that can be read at any position."""

from __future__ import annotations

import io
import threading
from abc import abstractmethod
from typing import Any


class Seekable(io.RawIOBase):
    """A file of known size, whose bytes a subclass fetches.

    Each thread has a position of its own, because between a seek and a read of one other threads run (DuckDB's).
    """

    def __init__(self, size_bytes: int) -> None:
        """Begins at the beginning.

        Args:
            size_bytes: How many bytes there are.
        """
        super().__init__()
        self._size_bytes = size_bytes
        self._of_thread = threading.local()

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
        return int(getattr(self._of_thread, "position", 0))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Sets the position, and returns it."""
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._size_bytes}[whence]
        self._of_thread.position = max(0, begin + offset)
        return self.tell()

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer as far as there is something left, and returns how far."""
        with memoryview(buffer) as room:
            length = min(len(room), self._size_bytes - self.tell())
            if length <= 0:
                return 0
            piece = self.fetch(self.tell(), length)
            room[: len(piece)] = piece
        self._of_thread.position = self.tell() + len(piece)
        return len(piece)
