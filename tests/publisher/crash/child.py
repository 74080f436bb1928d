"""The publisher in a process that kills itself at one of its HTTP requests; forked by test_crash.py.

Arguments: a moment; the number of the request, from 1; a file that gets one line for each request that was begun; then
the publisher's own arguments. The moments: `before` the request, `amid` its body, `unanswered` (sent, and gone before
the answer), `after` the answer, `never`. In the environment, PART_BYTES is what one request and a part take at most.
"""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from botocore.httpsession import URLLib3Session

from publisher.cli import main
from publisher.store.s3 import S3Store


class _DeadlyBody:
    """A request's body of which the first piece is sent and the second is not."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._pieces = 0

    def read(self, size: int = -1) -> bytes:
        self._pieces += 1
        if self._pieces > 1:
            _die()
        piece: bytes = self._body.read(size)
        return piece


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody survives that")


def _install(moment: str, number: int, log: Path) -> None:
    send = URLLib3Session.send
    numbers = itertools.count(1)

    def send_or_die(session: URLLib3Session, request: Any) -> Any:
        is_chosen = next(numbers) == number
        with log.open("a") as lines:
            lines.write(f"{request.method} {request.url} {int(request.headers.get('Content-Length', 0))}\n")
        if is_chosen and moment == "before":
            _die()
        if is_chosen and moment == "amid":
            request.body = _DeadlyBody(request.body)
        if is_chosen and moment == "unanswered":
            http.client.HTTPConnection.getresponse = lambda _: _die()  # type: ignore[method-assign,assignment]
        answer = send(session, request)
        if is_chosen and moment == "after":
            _die()
        return answer

    URLLib3Session.send = send_or_die  # type: ignore[method-assign,assignment]


def _lower(part_bytes: int) -> None:
    defaults = S3Store.__init__.__kwdefaults__ or {}
    defaults.update(single_request_bytes=part_bytes, part_bytes=part_bytes)


def run() -> NoReturn:
    """Runs the publisher as the arguments tell."""
    if "PART_BYTES" in os.environ:
        _lower(int(os.environ["PART_BYTES"]))
    _install(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
    main(sys.argv[4:])
