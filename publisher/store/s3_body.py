"""An object's bytes from S3, asked for again from where they broke off.

botocore sends a request again, but not for a body: one that breaks off, stalls or ends early is the reader's affair.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import HTTPClientError, IncompleteReadError, ResponseStreamingError
from urllib3.exceptions import HTTPError

from publisher.errors import StoreFailed
from publisher.store.protocol import ObjectMissing, PreconditionFailed
from publisher.store.s3_requests import S3Requests, bare, quoted

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_Answer = TypeVar("_Answer")

_READ_BYTES = 1 << 20
# So often it is gone on, unless so much arrived since the last time: a large body may break off often, and one of
# which a byte at a time arrives must not be asked for forever.
_RESUMPTIONS = 3
_PROGRESS_BYTES = 1 << 20
_FIRST_WAIT_SECONDS = 0.25


@contextmanager
def opened(
    requests: S3Requests, key: str, etag: str, wait: Callable[[float], None], version: str | None = None
) -> Iterator[Iterator[bytes]]:
    """Opens an object for reading in pieces, if it has this ETag.

    A body that breaks off is gone on with from where it did, of the same version and no other. Replaced or removed in
    between, it ends as one that is opened too late.

    Args:
        requests: The bucket.
        key: The object.
        etag: The version.
        wait: Waits so many seconds before a body is gone on with.
        version: What names an older version, in a bucket that keeps such; None for what is there now.

    Raises:
        PreconditionFailed: It has another ETag; also from the pieces.
        ObjectMissing: It is gone; also from the pieces.
        StoreFailed: The store failed, or the body broke off again and again; also from the pieces.
    """
    with closing(_Body(requests, key, etag, wait, version)) as body:
        yield body.pieces()


def read_small(requests: S3Requests, key: str, most_bytes: int, wait: Callable[[float], None]) -> bytes:
    """Returns the content of a small object, whichever version it is; one that breaks off is asked for again.

    Args:
        requests: The bucket.
        key: The object.
        most_bytes: Not more than this is read.
        wait: Waits so many seconds before it is asked for again.

    Raises:
        ObjectMissing: There is none.
        StoreFailed: The store failed, or the body broke off again and again.
    """

    def read() -> bytes:
        answer = _get_object(requests, key)
        if "ETag" not in answer:
            raise ValueError("an answer without an ETag, as a gateway's page")
        return _read(answer, most_bytes)

    with requests.asking(f"reading {key}", ObjectMissing):
        return _tried(read, wait)


class _Body:
    """One version of an object, as far as it has been read."""

    def __init__(
        self, requests: S3Requests, key: str, etag: str, wait: Callable[[float], None], version: str | None
    ) -> None:
        self._requests = requests
        self._key = key
        self._etag = etag
        self._version = {} if version is None else {"VersionId": version}
        self._wait = wait
        self._doing = f"reading {key}"
        self._offset = 0
        answer = self._get()
        self._body = answer["Body"]
        self._length: int | None = answer.get("ContentLength")
        # A page of a gateway's has none, and the object's bytes must not follow those of the page.
        self._is_known = bare(answer.get("ETag", "")) == etag

    def close(self) -> None:
        self._body.close()

    def pieces(self) -> Iterator[bytes]:
        """Yields the object's bytes, in order."""
        breaks = reached = skipped = 0
        while True:
            with self._requests.asking(self._doing):
                try:
                    yield from self._rest(skipped)
                    return
                except (HTTPClientError, IncompleteReadError) as error:
                    if self._offset - reached >= _PROGRESS_BYTES:
                        breaks, reached = 0, self._offset
                    breaks += 1
                    if not self._is_known:
                        raise ValueError("an answer without the object's ETag") from error
                    if breaks > _RESUMPTIONS:
                        raise
            self._wait(_FIRST_WAIT_SECONDS * 2 ** (breaks - 1))
            skipped = self._resume()

    def _rest(self, skipped: int) -> Iterator[bytes]:
        """Yields what comes of the open answer, without its first bytes."""
        try:
            for piece in self._body.iter_chunks(_READ_BYTES):
                self._requests.deadline.require_time(self._doing)
                rest = piece[skipped:]
                skipped -= len(piece) - len(rest)
                if rest:
                    self._offset += len(rest)
                    yield rest
        except HTTPError as error:  # urllib3's own, as of an error within TLS
            raise ResponseStreamingError(error=error) from error

    def _resume(self) -> int:
        """Asks for the bytes that are missing, and returns how many to skip: all, where a store knows no ranges."""
        self._body.close()
        answer = self._get(Range=f"bytes={self._offset}-")
        self._body = answer["Body"]
        etag = bare(answer.get("ETag", ""))
        if etag not in ("", self._etag):  # the store passes over If-Match
            raise PreconditionFailed(self._key)
        span = answer.get("ContentRange")
        begin, length = _parsed(span) if span else (0, answer.get("ContentLength"))
        if not etag or begin not in (0, self._offset) or not self._is_length(length):
            raise StoreFailed(
                f"The reading of {self._key} broke off, and was answered by other bytes when it was to go on.",
                "Run again; if it happens twice, find out what stands between here and the store.",
            )
        return self._offset - begin

    def _is_length(self, length: int | None) -> bool:
        """Whether that may be the object's length, as far as the two answers tell."""
        return length == self._length or length is None or self._length is None

    def _get(self, **wanted: Any) -> GetObjectOutputTypeDef:
        requests = self._requests
        with requests.asking(self._doing, PreconditionFailed, ObjectMissing):
            asked: dict[str, Any] = {"IfMatch": quoted(self._etag), **self._version, **wanted}
            return _tried(lambda: _get_object(requests, self._key, **asked), self._wait)


def _tried(request: Callable[[], _Answer], wait: Callable[[float], None]) -> _Answer:
    """Asks once more, a few times, while what is read of the answer breaks off."""
    breaks = 0
    while True:
        try:
            return request()
        except ResponseStreamingError:
            breaks += 1
            if breaks > _RESUMPTIONS:
                raise
        wait(_FIRST_WAIT_SECONDS * 2 ** (breaks - 1))


def _read(answer: GetObjectOutputTypeDef, most_bytes: int) -> bytes:
    with closing(answer["Body"]) as body:
        content = b""
        try:
            # To an empty piece: only there botocore compares what came with the length that was announced.
            while len(content) < most_bytes and (piece := body.read(most_bytes - len(content))):
                content += piece
            return content
        except (HTTPClientError, IncompleteReadError, HTTPError) as error:
            raise ResponseStreamingError(error=error) from error


def _get_object(requests: S3Requests, key: str, **wanted: Any) -> GetObjectOutputTypeDef:
    try:
        return requests.client.get_object(Bucket=requests.bucket, Key=key, **wanted)
    except HTTPError as error:  # the body of an error, which botocore reads outside of its retries
        raise ResponseStreamingError(error=error) from error


def _parsed(span: str) -> tuple[int, int | None]:
    """Returns where a range begins, and the length of the whole; -1 for a range that is none."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", span)
    if found is None:
        return -1, None
    return int(found[1]), None if found[2] == "*" else int(found[2])
