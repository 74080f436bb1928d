"""S3 as DuckDB reads it on the target `duckdb`: through boto3, as the publisher does, and not by its extension httpfs.

So credentials, region and endpoint are found as boto3 finds them, single sign-on and roles included, and temporary
credentials are renewed while a long query runs. The extension is a binary that DuckDB downloads, or that a wheel brings
for the DuckDB of some versions ago; and it lists every object of a table where the names of its folders are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from fsspec import AbstractFileSystem

from dbt_matched_ids.redaction import OwnWords
from publisher.errors import PublisherError
from publisher.lake.files import FileMissing
from publisher.lake.s3_object import S3Object

if TYPE_CHECKING:
    from dbt_matched_ids.invocation_cache import InvocationCache
    from publisher.lake.files import FileState


class S3Failed(OwnWords):
    """S3 cannot be read; the text says why and what to do. DuckDB passes it on below a traceback."""


class S3FileSystem(AbstractFileSystem):
    """What DuckDB asks of a file system when it reads, and nothing else: it writes nothing, and asks for no pattern.

    An object that was looked at before (`invocation_cache`) is opened in that version, not asked for again.
    """

    protocol = "s3"
    cachable = False

    def __init__(self, invocation: Callable[[], InvocationCache] | None = None) -> None:
        """Prepares nothing yet.

        Args:
            invocation: Returns what tells the versions of objects and reads them; without it, that of dbt's macros.
        """
        super().__init__()
        self._invocation = invocation or _of_macros

    def glob(self, path: str, **_: Any) -> list[str]:
        """Returns the one address: what is read is named file by file."""
        return [_address(path)]

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
        return _Opened(self._invocation().lake.s3, self._file(path), each_thread=True)

    def _file(self, path: str) -> FileState:
        address = _address(path)
        invocation = self._invocation()
        if address not in invocation.listed:
            with _told(address):
                invocation.listed[address] = invocation.lake.s3.stat(address)
        return invocation.listed[address]


def _of_macros() -> InvocationCache:
    from dbt_matched_ids.macro_functions import invocation  # imports pyarrow

    return invocation()


class _Opened(S3Object):
    """An object whose errors DuckDB passes on in our own words."""

    def fetch(self, begin: int, length: int) -> bytes:
        with _told(self.path):
            return super().fetch(begin, length)


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
