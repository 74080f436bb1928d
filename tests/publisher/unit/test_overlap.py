from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import pytest

from publisher.overlap import Abandoned, InOrder, alongside

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
    ahead = len(started)
    may_go_on.set()
    caller.join()
    work.finish()
    assert 1 <= ahead < 10
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


def test_a_function_gets_every_value_while_they_are_made() -> None:
    def add(values: Iterable[int]) -> int:
        return sum(values)

    with alongside(add) as running:
        for number in range(MANY):
            running.feed(number)
        assert running.result() == sum(range(MANY))


def test_a_function_without_values() -> None:
    def collect(values: Iterable[int]) -> list[int]:
        return list(values)

    with alongside(collect) as running:
        assert running.result() == []


def test_whoever_feeds_a_function_that_ended_is_not_held_up() -> None:
    def take_one(values: Iterable[int]) -> int:
        return next(iter(values))

    with alongside(take_one) as running:
        for number in range(MANY):
            running.feed(number)
        assert running.result() == 0


def test_what_the_function_raises_is_raised_where_its_result_is_wanted() -> None:
    def fail(values: Iterable[int]) -> None:
        next(iter(values))
        raise ValueError("damaged")

    with alongside(fail) as running:
        for number in range(MANY):
            running.feed(number)
        with pytest.raises(ValueError, match="damaged"):
            running.result()


def test_when_the_values_cannot_be_made_the_function_ends_too() -> None:
    ended: list[BaseException] = []

    def collect(values: Iterable[int]) -> list[int]:
        try:
            return list(values)
        except Abandoned as error:
            ended.append(error)
            raise

    with pytest.raises(OSError, match="gone"), alongside(collect) as running:
        running.feed(1)
        raise OSError("the table is gone")
    assert len(ended) == 1
