"""A loopback server that takes what is posted to it, as a webhook does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.serving import serving


@dataclass
class Receiver:
    """What came, and how it is answered.

    Attributes:
        status: Of the answers, one after the other; the last one from then on.
        headers: Of each answer.
        seconds: So long none is given.
    """

    url: str = ""
    status: list[int] = field(default_factory=lambda: [200])
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        return [body for _, _, body in self.requests]


@contextmanager
def receiving(**how: Any) -> Iterator[Receiver]:
    """Runs the server until the block is left."""
    receiver = Receiver(**how)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            receiver.requests.append((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
            time.sleep(receiver.seconds)
            status = receiver.status.pop(0) if len(receiver.status) > 1 else receiver.status[0]
            self.send_response_only(status)
            for name, text in receiver.headers.items():
                self.send_header(name, text)
            self.end_headers()

        def do_GET(self) -> None:
            receiver.requests.append((self.path, {}, None))
            self.send_response_only(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name for it
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hangs up is a test
    with serving(server) as at:
        receiver.url = f"http://{at}"
        yield receiver
