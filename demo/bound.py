"""Becomes a program that is killed when its parent ends; `children` starts each child by this.

A program of its own and not what `subprocess` may call in a fork: that copies the parent, which is large, and is not
safe where the parent has threads. It imports next to nothing, and is done in two hundredths of a second.
"""

import ctypes
import os
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1
_CANNOT_START = 127


def end_with(parent: int) -> None:
    """Lets the kernel kill this process when its parent ends.

    Args:
        parent: The parent's id. Where that has ended already, so does this process.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _become(parent: int, command: list[str]) -> None:
    end_with(parent)
    # What Python did to its process when it started is not to be seen in the program: it ignores two signals, and may
    # add a variable.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    with open("/proc/self/environ", "rb") as file:  # noqa: PTH123 -- pathlib takes longer than all else here
        given = [setting.split(b"=", 1) for setting in file.read().split(b"\0") if b"=" in setting]
    try:
        os.execvpe(command[0], command, dict(given))  # noqa: S606 -- no shell is wanted
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started: {error.strerror}\n")
        sys.exit(_CANNOT_START)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
