"""What one invocation of dbt looks at once, whatever the number of its threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from dbt_matched_ids.invocation_cache import InvocationCache


def test_of_threads_that_ask_at_once_one_decides_and_all_are_told_the_same() -> None:
    invocation = InvocationCache()
    both_decide = threading.Barrier(2)
    decided: list[int] = []

    def decide() -> int:
        decided.append(len(decided))
        # Waits for another thread that decides, and goes on when there is none.
        with suppress(threading.BrokenBarrierError):
            both_decide.wait(timeout=0.2)
        return decided[-1]

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: invocation.once("which?", decide), range(4)))
    assert answers == [0, 0, 0, 0]
    assert decided == [0]


def test_questions_do_not_wait_for_each_other() -> None:
    invocation = InvocationCache()
    asked = threading.Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        answers = threads.map(lambda name: invocation.once(name, lambda: asked.wait(timeout=60)), ["one", "other"])
    assert sorted(answers) == [0, 1]


def test_an_answer_may_take_another_and_an_error_is_none() -> None:
    invocation = InvocationCache()

    def fail() -> int:
        raise ValueError

    with pytest.raises(ValueError):
        invocation.once("which?", fail)
    assert invocation.once("which?", lambda: invocation.once("and that?", lambda: 7)) == 7
