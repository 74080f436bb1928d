"""Work that goes on in a thread of its own. Arrow, hashlib, ISA-L and sockets all let other threads run meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import Full, Queue
from typing import Generic, TypeVar

_Value = TypeVar("_Value")
_Result = TypeVar("_Result")
# So many values wait between two threads at most: enough that neither waits for the other's every step.
_AHEAD = 4
_LOOK_SECONDS = 0.1


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


class Abandoned(Exception):
    """Whoever gave the values will not give the rest."""


class Alongside(Generic[_Value, _Result]):
    """A function of many values that runs while they are made."""

    def __init__(self, pool: ThreadPoolExecutor, function: Callable[[Iterable[_Value]], _Result]) -> None:
        """Starts the function, which waits for the values."""
        self._queue: Queue[tuple[_Value, ...] | None] = Queue(_AHEAD)  # a value, () for the end, None for no end
        self._future = pool.submit(lambda: function(self._values()))

    def feed(self, value: _Value) -> None:
        """Hands over the next value, unless the function ended before it came."""
        self._put((value,))

    def result(self) -> _Result:
        """Tells the function that there are no more values, and returns what it makes of them.

        Raises:
            Exception: What the function raised.
        """
        self._put(())
        return self._future.result()

    def abandon(self) -> None:
        """Ends the function, if it still waits for values."""
        self._put(None)

    def _put(self, item: tuple[_Value, ...] | None) -> None:
        while not self._future.done():
            with suppress(Full):
                self._queue.put(item, timeout=_LOOK_SECONDS)
                return

    def _values(self) -> Iterator[_Value]:
        while (item := self._queue.get()) is not None:
            if not item:
                return
            yield from item
        raise Abandoned


@contextmanager
def alongside(function: Callable[[Iterable[_Value]], _Result]) -> Iterator[Alongside[_Value, _Result]]:
    """Runs a function of many values in a thread while they are made; the thread ends with the block.

    Args:
        function: Gets the values as they are fed.
    """
    with ThreadPoolExecutor(1) as pool:
        running = Alongside(pool, function)
        try:
            yield running
        finally:
            running.abandon()
