"""A proxy before an object store that does to chosen requests what networks, gateways and stores do on bad days.

It forwards the request's head as it came, the Host header included, so that the client's signature still holds. A
connection serves one request: then no fault of one request is met by another.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.serving import serving

# Nothing here waits longer; only a test that fails anyway gets that far.
_PATIENCE_SECONDS = 120
_READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Request:
    """What a request asks for.

    Attributes:
        path: Without the query.
        head: The request line and the headers as they came, the empty line included.
    """

    method: str
    path: str
    headers: dict[str, str]
    head: bytes

    @classmethod
    def parse(cls, head: bytes) -> Request:
        line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = line.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)}
        return cls(method, urlsplit(target).path, headers, head)

    @property
    def _is_a_probe(self) -> bool:
        """Whether it must be refused: it asks for a version that is none, or for what is there to be written again."""
        if self.method == "GET":
            return self.headers.get("if-match", "").strip('"') == "0" * 32
        return self.method == "PUT" and self.headers.get("content-length") == "0"

    @property
    def kind(self) -> str:
        """The request without what differs from run to run: `COPY active` for a copy to …/active/latest.txt.gz."""
        method = "COPY" if "x-amz-copy-source" in self.headers else self.method
        *folders, name = self.path.strip("/").split("/")
        folder = folders[-1] if folders else ""
        if "runs" in folders:
            return f"{method} record"
        if folder == "stage" and method != "COPY" and self._is_a_probe:
            return f"{method} probe"
        return f"{method} {folder if folder in ('active', 'stage') else name if folders else 'bucket'}"


@dataclass(frozen=True)
class Answer:
    """An answer as it came; the head ends with the empty line."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])


class Exchange:
    """One request and what becomes of it."""

    def __init__(self, client: socket.socket, proxy: FaultProxy, request: Request, begun: bytes) -> None:
        """Takes over a connection whose request's head was read.

        Args:
            client: The connection.
            proxy: The proxy that accepted it.
            request: The request.
            begun: What was read after the head.
        """
        self.request = request
        self._client = client
        self._proxy = proxy
        self._body = begun
        self._is_continued = False

    def receive(self, share: float = 1.0) -> bytes:
        """Reads the request's body, or the first part of it."""
        length = int(int(self.request.headers.get("content-length", "0")) * share)
        if not self._is_continued and self.request.headers.get("expect", "").lower() == "100-continue":
            self._is_continued = True
            self.answer(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._body) < length:
            piece = self._client.recv(_READ_BYTES)
            if not piece:
                raise ConnectionError("the client went away")
            self._body += piece
        return self._body

    def _send_on(self, body: bytes) -> socket.socket:
        """Sends the request to the store; Connection and Expect concern this hop only, and are not signed."""
        lines = self.request.head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith((b"connection:", b"expect:"))]
        store = socket.create_connection(self._proxy.store, _PATIENCE_SECONDS)
        store.sendall(b"\r\n".join([*kept, b"Connection: close", b"", b""]) + body)
        return store

    def forward(self, change: Callable[[bytes], bytes] = lambda body: body) -> Answer:
        """Lets the store answer the request, with its body changed where a test asks for that."""
        with self._send_on(change(self.receive())) as store:
            raw = b"".join(iter(lambda: store.recv(_READ_BYTES), b""))
        head, _, body = raw.partition(b"\r\n\r\n")
        return Answer(head + b"\r\n\r\n", body)

    def abandon(self) -> None:
        """Sends the request to the store, and is gone before the store can have answered."""
        self._send_on(self.receive()).close()

    def answer(self, raw: bytes) -> None:
        self._client.sendall(raw)

    def refuse(self, status: str, body: bytes, content_type: str = "application/xml") -> None:
        """Answers in place of the store."""
        self.receive()
        length = len(body)
        if self.request.method == "HEAD":
            body = b""
        lines = [
            f"HTTP/1.1 {status}",
            f"Content-Type: {content_type}",
            f"Content-Length: {length}",
            "Connection: close",
        ]
        self.answer("\r\n".join([*lines, "", ""]).encode() + body)

    def reset(self) -> None:
        """Ends the connection with a TCP reset."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._client.close()

    def hang(self) -> None:
        """Does nothing until the client gives up, which it may from now on."""
        with self._proxy.hanging(self._client.getpeername()):
            while self._client.recv(_READ_BYTES):
                pass


Fault = Callable[[Exchange], None]


class FaultProxy(socketserver.ThreadingTCPServer):
    """Listens on a port of its own, and forwards what no fault was injected into.

    Attributes:
        requests: The requests so far.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, store_url: str) -> None:
        parts = urlsplit(store_url)
        self.store = (parts.hostname or "", parts.port or 80)
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._fault: Fault = forwards
        self._matches: Callable[[Request], bool] = lambda _: False
        self._numbers = range(0)
        self._matched = 0
        self._hanging: set[Any] = set()
        super().__init__(("127.0.0.1", 0), _Connection)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def inject(
        self,
        fault: Fault,
        matches: Callable[[Request], bool] = lambda _: True,
        *,
        first: int = 1,
        last: int = sys.maxsize,
    ) -> None:
        """Lets a fault happen, in the place of an earlier one.

        Args:
            fault: What happens.
            matches: Which requests count.
            first: The number of the first of them, from now, that the fault strikes.
            last: The number of the last one.
        """
        with self._lock:
            self._fault, self._matches = fault, matches
            self._numbers, self._matched = range(first, last + 1), 0

    def fault_for(self, request: Request) -> Fault:
        """Counts a request, and returns what happens to it."""
        with self._lock:
            self.requests.append(request)
            if not self._matches(request):
                return forwards
            self._matched += 1
            return self._fault if self._matched in self._numbers else forwards

    @contextlib.contextmanager
    def hanging(self, address: Any) -> Iterator[None]:
        """Tells whoever asks, until the block is left, that the client with this address waits in vain."""
        with self._lock:
            self._hanging.add(address)
        try:
            yield
        finally:
            with self._lock:
                self._hanging.discard(address)

    def is_hanging(self, address: Any) -> bool:
        """Whether the client with this address waits in vain."""
        with self._lock:
            return address in self._hanging

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: that a connection breaks is what this is for."""


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, FaultProxy)
        client: socket.socket = self.request
        client.settimeout(_PATIENCE_SECONDS)
        raw = b""
        while b"\r\n\r\n" not in raw:
            piece = client.recv(_READ_BYTES)
            if not piece:
                return
            raw += piece
        head, _, begun = raw.partition(b"\r\n\r\n")
        request = Request.parse(head + b"\r\n\r\n")
        self.server.fault_for(request)(Exchange(client, self.server, request, begun))


@contextlib.contextmanager
def running(store_url: str) -> Iterator[FaultProxy]:
    """Runs a proxy before a store until the block is left."""
    proxy = FaultProxy(store_url)
    with serving(proxy):
        yield proxy


def forwards(exchange: Exchange) -> None:
    """Nothing goes wrong."""
    answer = exchange.forward()
    exchange.answer(answer.head + answer.body)


def answers(status: str, code: str) -> Fault:
    """The store refuses with an error of S3's."""
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>injected</Message></Error>"
    return lambda exchange: exchange.refuse(status, body.encode())


def answers_with_a_page(status: str) -> Fault:
    """A gateway, or a portal that wants a login, answers in the store's place."""
    return lambda exchange: exchange.refuse(status, b"<html><body><p>Sorry</p></body></html>", "text/html")


def resets_at_once(exchange: Exchange) -> None:
    exchange.reset()


def resets_amid_the_request(exchange: Exchange) -> None:
    exchange.receive(0.5)
    exchange.reset()


def loses_the_answer(exchange: Exchange) -> None:
    """The store did what it was asked to; nobody hears of it."""
    exchange.forward()
    exchange.reset()


def leaves_the_store_alone(exchange: Exchange) -> None:
    """The connection to the store breaks while the store works, and so does the client's."""
    exchange.abandon()
    exchange.reset()


def resets_amid_the_answer(exchange: Exchange) -> None:
    raw = _half(exchange.forward())
    exchange.answer(raw)
    exchange.reset()


def cuts_the_answer(exchange: Exchange) -> None:
    """The answer ends in its middle, and as if it were whole: with an orderly end of the connection."""
    exchange.answer(_half(exchange.forward()))


def cuts_the_head(share: float) -> Fault:
    """The answer ends orderly within its headers."""

    def cut(exchange: Exchange) -> None:
        head = exchange.forward().head
        exchange.answer(head[: int(len(head) * share)])

    return cut


def says_nothing(exchange: Exchange) -> None:
    """The connection ends orderly, without an answer."""
    exchange.forward()


def hangs_before(exchange: Exchange) -> None:
    exchange.hang()


def hangs_after(exchange: Exchange) -> None:
    exchange.forward()
    exchange.hang()


def hangs_amid_the_answer(exchange: Exchange) -> None:
    exchange.answer(_half(exchange.forward()))
    exchange.hang()


def flips_a_bit_of_the_answer(share: float) -> Fault:
    """One bit of the answer's body arrives wrong."""

    def flip(exchange: Exchange) -> None:
        answer = exchange.forward()
        exchange.answer(answer.head + _flipped(answer.body, share))

    return flip


def flips_a_bit_of_the_request(exchange: Exchange) -> None:
    """One bit of the request's body arrives wrong."""
    answer = exchange.forward(lambda body: _flipped(body, 0.5))
    exchange.answer(answer.head + answer.body)


def _half(answer: Answer) -> bytes:
    """Returns what comes before the middle: of the body, or of the head where there is no body."""
    if answer.body:
        return answer.head + answer.body[: len(answer.body) // 2]
    return answer.head[: len(answer.head) // 2]


def _flipped(body: bytes, share: float) -> bytes:
    changed = bytearray(body)
    if changed:
        changed[int((len(changed) - 1) * share)] ^= 4
    return bytes(changed)
