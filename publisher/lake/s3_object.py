"""One version of an object in S3 as a file. Knows neither boto3 nor how a range is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.lake.files import FileState
from publisher.seekable import Seekable

if TYPE_CHECKING:
    from publisher.lake.s3_files import S3Files


class S3Object(Seekable):
    """One version of an object as a file; each read is a request."""

    def __init__(self, files: S3Files, file: FileState, *, each_thread: bool = False) -> None:
        """Sends nothing yet.

        Args:
            files: Reads it.
            file: The object, in the version that is wanted.
            each_thread: Whether each thread has a position of its own.
        """
        super().__init__(file.bytes, each_thread=each_thread)
        self._files = files
        self._file = file

    @property
    def path(self) -> str:
        """Its address."""
        return self._file.path

    def fetch(self, begin: int, length: int) -> bytes:
        """Returns `length` bytes from `begin`; see `S3Files.read_range`."""
        return self._files.read_range(self._file, begin, length)
