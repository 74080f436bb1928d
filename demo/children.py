"""Processes that end when we do, however we end: no store and no JVM of a run that was killed stays behind.

Whoever is ended by SIGKILL, or by a SIGTERM that it does not handle, stops nothing that it has started. So the kernel
does it: each child asks to be killed when its parent is gone (`PR_SET_PDEATHSIG`), before it becomes the program that
it is to be. That wish holds for the child alone and not for its children; Spark's JVM, for one, ends by itself when
nobody holds its stdin any more. Other systems than Linux know no such wish, and there a child is one like any other.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from demo import bound as program

_PROGRAM = str(Path(program.__file__))
_IS_LINUX = sys.platform.startswith("linux")


def start(command: Sequence[str | os.PathLike[str]], **popen_arguments: Any) -> subprocess.Popen[Any]:
    """Starts a program that is killed when this process ends. It may be called in any thread.

    Args:
        command: The program and its arguments. One that cannot be started ends with code 127, with the reason on
            stderr.
        popen_arguments: What `subprocess.Popen` takes, but for `shell`, `executable` and `preexec_fn`.
    """
    launch = functools.partial(subprocess.Popen, bound(command), **popen_arguments)
    if threading.current_thread() is threading.main_thread():
        process = launch()
    else:
        # What the kernel calls a parent is the thread that forked, and this one may end long before its process does.
        process = _lasting_thread(os.getpid()).submit(launch).result()
    process.args = command  # what errors are to show
    return process


def bound(command: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Returns the command whose process becomes `command`, and is killed when the thread ends that starts it.

    It is for `subprocess.run`, which does not return before its child has ended; all else is started by `start`.
    """
    words = [os.fspath(word) for word in command]
    # Without what an environment and its site may add: this is to be quick, and imports Python's own.
    return [sys.executable, "-I", "-S", _PROGRAM, str(os.getpid()), *words] if _IS_LINUX else words


def end_with(parent: int) -> None:
    """Lets this process be killed when its parent ends; for one that was forked, or that nobody here started.

    Args:
        parent: The parent's id. Where that has ended already, so does this process.
    """
    if _IS_LINUX:
        program.end_with(parent)


@functools.cache
def _lasting_thread(_process: int) -> ThreadPoolExecutor:
    """Returns a thread that lasts as long as its process; a fork has none of its parent's."""
    return ThreadPoolExecutor(1, "starts-children")
