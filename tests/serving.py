"""A server of a test's own, which answers while the test goes on."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[str]:
    """Lets a server answer in a thread, until the block is left; it is closed then. Gives host and port."""
    host, port = server.server_address[:2]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    with server:
        thread.start()
        try:
            yield f"{host!s}:{port!s}"
        finally:
            server.shutdown()
            thread.join()
