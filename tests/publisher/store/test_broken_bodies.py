"""Bodies that break off on their way: they are gone on with, in the version that was asked for and no other."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from publisher.aws.clients import Deadline
from publisher.errors import StoreFailed
from publisher.store.protocol import ObjectMissing, PreconditionFailed
from publisher.store.s3 import S3Store
from tests.conftest import Bucket
from tests.publisher.crash import fault_proxy
from tests.publisher.crash.fault_proxy import Answer, Exchange, FaultProxy
from tests.publisher.crash.impatient import impatient_client

MIB = 1 << 20
CONTENT = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(100))
LARGE = b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(6 * MIB // 32))
KEY = "stage/one"

Change = Callable[[Answer], Answer]


def create(bucket: Bucket, content: bytes) -> str:
    return bucket.store.create(KEY, io.BytesIO(content), hashlib.sha256(content).hexdigest(), {})


def content_of(store: S3Store, etag: str) -> bytes:
    with store.read(KEY, etag) as pieces:
        return b"".join(pieces)


@dataclass
class Scene:
    """A store behind a proxy, and what a reader asks for there."""

    bucket: Bucket
    proxy: FaultProxy
    waits: list[float] = field(default_factory=list)

    def store(self, deadline: Deadline | None = None) -> S3Store:
        client = impatient_client(self.bucket.endpoint, self.proxy)
        return S3Store(self.bucket.name, client=client, wait=self.waits.append, deadline=deadline)

    @property
    def ranges(self) -> list[str | None]:
        return [request.headers.get("range") for request in self.proxy.requests if request.method == "GET"]


@pytest.fixture
def scene(bucket: Bucket) -> Any:
    with fault_proxy.running(bucket.endpoint.url) as proxy:
        yield Scene(bucket, proxy)


def cut_after(length: int, end: Callable[[Exchange], object] = lambda _: None, change: Change = lambda it: it) -> Any:
    """The answer's body ends after so many bytes, orderly or otherwise."""

    def cut(exchange: Exchange) -> None:
        answer = change(exchange.forward())
        exchange.answer(answer.head + answer.body[:length])
        end(exchange)

    return cut


def without(name: str) -> Change:
    """An answer that lacks a header."""
    return lambda answer: replace(answer, head=re.sub(rb"(?i)\r\n%s:[^\r]*" % name.encode(), b"", answer.head))


def with_header(name: str, value: str) -> Change:
    def change(answer: Answer) -> Answer:
        bare = without(name)(answer)
        return replace(bare, head=bare.head[:-2] + f"{name}: {value}\r\n\r\n".encode())

    return change


ENDS: dict[str, Callable[[Exchange], object]] = {
    "orderly": lambda _: None,
    "by a reset": Exchange.reset,
    "by silence": Exchange.hang,
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("length", [0, 1, 1600, len(CONTENT) - 1])
def test_a_body_that_breaks_off_is_gone_on_with(end: str, length: int, scene: Scene) -> None:
    etag = create(scene.bucket, CONTENT)
    scene.proxy.inject(cut_after(length, ENDS[end]), last=1)
    assert content_of(scene.store(), etag) == CONTENT
    assert scene.ranges[0] is None
    assert len(scene.ranges) == 2
    # Of what a reset leaves in the socket's buffer, the reader may have seen less.
    assert scene.ranges[1] is not None
    begin = int(scene.ranges[1].removeprefix("bytes=").removesuffix("-"))
    assert begin == length if end == "orderly" else begin <= length


def test_it_is_gone_on_as_often_as_it_takes_while_enough_arrives(scene: Scene) -> None:
    etag = create(scene.bucket, LARGE)
    scene.proxy.inject(cut_after(MIB))
    assert content_of(scene.store(), etag) == LARGE
    assert scene.ranges == [None, *(f"bytes={number * MIB}-" for number in range(1, 6))]
    assert scene.waits == [0.25] * 5


@pytest.mark.parametrize("length", [0, 1, 700])
def test_who_gets_next_to_nothing_gives_up(length: int, scene: Scene) -> None:
    etag = create(scene.bucket, CONTENT)
    scene.proxy.inject(cut_after(length))
    with pytest.raises(StoreFailed, match=f"failed while reading {KEY} .*IncompleteReadError") as raised:
        content_of(scene.store(), etag)
    assert raised.value.hint.startswith("Retries are spent.")
    assert scene.ranges == [None, *(f"bytes={number * length}-" for number in range(1, 4))]
    assert scene.waits == [0.25, 0.5, 1]


def test_a_store_that_knows_no_ranges_is_read_again_from_the_beginning(scene: Scene) -> None:
    etag = create(scene.bucket, CONTENT)
    whole: list[Answer] = []
    numbers = iter([1600, 800, len(CONTENT)])  # the second time, it breaks off amid what is known already

    def ignoring_ranges(exchange: Exchange) -> None:
        if not whole:
            whole.append(exchange.forward())
        else:
            exchange.receive()
        exchange.answer(whole[0].head + whole[0].body[: next(numbers)])

    scene.proxy.inject(ignoring_ranges)
    assert content_of(scene.store(), etag) == CONTENT
    assert scene.ranges == [None, "bytes=1600-", "bytes=1600-"]


def replaced(bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=KEY, Body=CONTENT[::-1])


def removed(bucket: Bucket) -> None:
    bucket.client.delete_object(Bucket=bucket.name, Key=KEY)


@pytest.mark.parametrize(("happen", "error"), [(replaced, PreconditionFailed), (removed, ObjectMissing)])
def test_another_version_is_not_gone_on_with(
    happen: Callable[[Bucket], None], error: type[Exception], scene: Scene
) -> None:
    etag = create(scene.bucket, CONTENT)
    scene.proxy.inject(cut_after(1600, lambda _: happen(scene.bucket)), last=1)
    with pytest.raises(error):
        content_of(scene.store(), etag)


OTHERS: dict[str, tuple[Change, type[Exception]]] = {
    # As a store that passes over If-Match answers.
    "another version": (with_header("ETag", f'"{"0" * 32}"'), PreconditionFailed),
    "no version": (without("ETag"), StoreFailed),
    "an earlier range": (with_header("Content-Range", f"bytes 1599-3198/{len(CONTENT)}"), StoreFailed),
    "another length": (with_header("Content-Range", f"bytes 1600-3199/{len(CONTENT) + 1}"), StoreFailed),
    "a range that is none": (with_header("Content-Range", "1600"), StoreFailed),
    "the rest as the whole": (without("Content-Range"), StoreFailed),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_bytes_than_those_that_are_missing_are_not_taken(name: str, scene: Scene) -> None:
    change, error = OTHERS[name]
    etag = create(scene.bucket, CONTENT)
    numbers = iter([1600, len(CONTENT)])

    def answer(exchange: Exchange) -> None:
        length = next(numbers)
        cut_after(length, change=change if length > 1600 else lambda it: it)(exchange)

    scene.proxy.inject(answer)
    received: list[bytes] = []
    with scene.store().read(KEY, etag) as pieces, pytest.raises(error):
        received.extend(pieces)
    assert b"".join(received) == CONTENT[:1600]
    assert len(scene.ranges) == 2


def test_what_names_no_version_is_not_gone_on_with(scene: Scene) -> None:
    etag = create(scene.bucket, CONTENT)
    scene.proxy.inject(cut_after(1600, change=without("ETag")))
    with pytest.raises(StoreFailed, match="unreadable answer") as raised:
        content_of(scene.store(), etag)
    assert "Retries" not in raised.value.hint
    assert scene.ranges == [None]


def test_the_deadline_ends_it(scene: Scene) -> None:
    etag = create(scene.bucket, CONTENT)
    deadline = Deadline(3600)

    def passed(_: Exchange) -> None:
        deadline._end = 0

    scene.proxy.inject(cut_after(1600, passed), last=1)
    with pytest.raises(StoreFailed, match="The deadline of 3600 s"):
        content_of(scene.store(deadline), etag)
    assert scene.ranges == [None]


def test_retries_are_told_of_where_some_were_made(scene: Scene) -> None:
    etag = create(scene.bucket, CONTENT)
    for status, code, is_tried_again in [("503 Slow Down", "SlowDown", True), ("405 No", "MethodNotAllowed", False)]:
        scene.proxy.inject(fault_proxy.answers(status, code))
        before = len(scene.proxy.requests)
        with pytest.raises(StoreFailed, match=code) as raised:
            content_of(scene.store(), etag)
        assert ("Retries are spent" in raised.value.hint) == is_tried_again
        assert len(scene.proxy.requests) - before == 1 + is_tried_again
