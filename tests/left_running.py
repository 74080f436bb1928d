"""What still runs of something that is over."""

from __future__ import annotations

import time
from pathlib import Path

_PATIENCE_SECONDS = 30


def about(folder: Path) -> list[str]:
    """Returns the commands of the processes with a folder among their arguments or in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            told = command + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in told:
            found.append(command.replace(b"\0", b" ").decode())
    return found


def after_a_moment(folder: Path) -> list[str]:
    """Returns the same once nothing is left, or after half a minute: what the kernel ends needs a moment."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (left := about(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
