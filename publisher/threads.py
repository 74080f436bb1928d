"""Work that goes on in a thread of its own while the caller goes on, in the order in which it was given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

_Value = TypeVar("_Value")
# So much waits between two threads at most: enough that neither waits for the other's every step.
_AHEAD = 4


class InOrder:
    """Runs calls one after the other, while the caller goes on to the next."""

    def __init__(self) -> None:
        """Starts nothing yet."""
        self._pool = ThreadPoolExecutor(1)
        self._pending: deque[Future[object]] = deque()

    def run(self, call: Callable[..., object], *arguments: object) -> None:
        """Runs a call after those before it; waits while too many do.

        Raises:
            Exception: What an earlier call raised.
        """
        if len(self._pending) == _AHEAD:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(call, *arguments))

    def finish(self) -> None:
        """Waits for all calls.

        Raises:
            Exception: What one of them raised.
        """
        while self._pending:
            self._pending.popleft().result()
        self._pool.shutdown()


@contextmanager
def ahead(values: Iterable[_Value]) -> Iterator[Iterator[_Value]]:
    """Gives values that are made a few ahead, in a thread of their own.

    Whoever leaves the block before the end waits for the value that is being made, and for no other. What making a
    value raises comes in its place.

    Args:
        values: Is iterated over in the thread.
    """
    making = iter(values)
    pool = ThreadPoolExecutor(1)
    try:
        yield _made(pool, making)
    finally:
        pool.shutdown(cancel_futures=True)


def _made(pool: ThreadPoolExecutor, making: Iterator[_Value]) -> Iterator[_Value]:
    pending = deque(pool.submit(_next, making) for _ in range(_AHEAD))
    while one := pending.popleft().result():
        pending.append(pool.submit(_next, making))
        yield from one


def _next(values: Iterator[_Value]) -> tuple[_Value, ...]:
    """Returns the next value alone, and nothing at the end."""
    for value in values:
        return (value,)
    return ()
