"""A pull in a process of its own that something happens to; started by test_pulls.py.

Arguments: what happens; a file by which the test is told that it does; then the publisher's own arguments. What may
happen: `killed` amid the download, `killed between` the target's and the state's replacement, `waits` before the target
is replaced until the file is gone again.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from publisher.cli import main
from publisher.disk.drafts import Draft

_PATIENCE_SECONDS = 60


def _install(what: str, told: Path) -> None:
    write, move = Draft.write, Draft.move
    moves = 0

    def killed(draft: Draft, content: bytes) -> None:
        write(draft, content[: len(content) // 2])
        told.touch()
        os.kill(os.getpid(), signal.SIGKILL)

    def killed_between(draft: Draft) -> None:
        nonlocal moves
        moves += 1
        if moves == 2:
            told.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        move(draft)

    def waits(draft: Draft) -> None:
        nonlocal moves
        moves += 1
        if moves == 1:
            told.touch()
            end = time.monotonic() + _PATIENCE_SECONDS
            while told.exists() and time.monotonic() < end:
                time.sleep(0.01)
        move(draft)

    if what == "killed":
        Draft.write = killed  # type: ignore[method-assign,assignment]
    else:
        Draft.move = killed_between if what == "killed between" else waits  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    _install(sys.argv[1], Path(sys.argv[2]))
    main(sys.argv[3:])
