from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from publisher.threads import InOrder, ahead

MANY = 100


def test_calls_happen_in_order_and_all_of_them() -> None:
    done: list[int] = []
    work = InOrder()
    for number in range(MANY):
        work.run(done.append, number)
    work.finish()
    assert done == list(range(MANY))


def test_the_caller_goes_on_but_not_far_ahead() -> None:
    may_go_on = threading.Event()
    started: list[int] = []
    work = InOrder()

    def run_many() -> None:
        for number in range(MANY):
            work.run(may_go_on.wait)
            started.append(number)

    caller = threading.Thread(target=run_many)
    caller.start()
    time.sleep(0.2)
    how_far = len(started)
    may_go_on.set()
    caller.join()
    work.finish()
    assert 1 <= how_far < 10
    assert len(started) == MANY


@pytest.mark.parametrize("calls_after", [0, MANY])
def test_what_a_call_raises_reaches_the_caller(calls_after: int) -> None:
    def fail() -> None:
        raise OSError("no room")

    work = InOrder()
    work.run(fail)
    with pytest.raises(OSError, match="no room"):
        for _ in range(calls_after):
            work.run(int)
        work.finish()


def test_values_are_made_ahead_in_order_and_all_of_them() -> None:
    with ahead(range(MANY)) as values:
        assert list(values) == list(range(MANY))


def test_values_are_made_in_another_thread_but_not_far_ahead() -> None:
    made: list[int] = []

    def make() -> Iterator[int]:
        for number in range(MANY):
            made.append(threading.get_ident())
            yield number

    with ahead(make()) as values:
        assert next(values) == 0
        time.sleep(0.2)
        assert 1 <= len(made) < 10
        assert threading.get_ident() not in made


def test_without_values_nothing_comes() -> None:
    nothing: tuple[int, ...] = ()
    with ahead(nothing) as values:
        assert list(values) == []


def test_what_making_a_value_raises_comes_in_its_place() -> None:
    def make() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with ahead(make()) as values:
        assert next(values) == 1
        with pytest.raises(OSError, match="gone"):
            next(values)


def test_whoever_leaves_early_waits_for_no_value_that_is_not_being_made() -> None:
    made: list[int] = []

    def make() -> Iterator[int]:
        for number in range(MANY):
            made.append(number)
            yield number

    with pytest.raises(ValueError, match="enough"), ahead(make()) as values:
        next(values)
        raise ValueError("enough")
    made_by_then = len(made)
    time.sleep(0.1)
    assert len(made) == made_by_then < 10
