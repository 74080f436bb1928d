"""A folder that one dbt run has for itself, as long as its process lives.

DuckDB and Derby lock their files too, but say so in pages, and DuckDB lets go of them between two models: two runs
would take turns in one folder, and each would read the other's tables.
"""

from __future__ import annotations

import os
import socket
import threading
from datetime import datetime, timezone
from pathlib import Path

from dbt_matched_ids.redaction import remembered

_WAY_OUT = "Wait until it is over, or give this run another folder by MATCHED_IDS_LOCAL_DIR."

_lock = threading.Lock()
# By file: the process that locked it, and the descriptor that holds the lock. A forked child has its parent's.
_held: dict[Path, tuple[int, int]] = {}


def take(lock_file: Path) -> str | None:
    """Takes a folder for this process, which may take it as often as it likes.

    The system lets go of it when the process ends, however it ends. Where a file system knows no locks, the engine's
    own are all there are.

    Args:
        lock_file: A file in the folder, for the engine that works there.

    Returns:
        None, or one line that says who has it and what to do.
    """
    import fcntl

    path = lock_file.absolute()
    with _lock:
        if _held.get(path, (None,))[0] == os.getpid():
            return None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:  # the engine will say it better, if it minds at all
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace").strip()
            os.close(descriptor)
            return in_use_message(path.parent, holder)
        except OSError:
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        now = datetime.now(timezone.utc)
        os.write(
            descriptor, f"process {os.getpid()} on {socket.gethostname()} since {now:%Y-%m-%d %H:%M:%S} UTC".encode()
        )
        _held[path] = (os.getpid(), descriptor)
        return None


def in_use_message(folder: Path, holder: str = "") -> str:
    """Returns the line that says that a folder is in use.

    Args:
        folder: The folder.
        holder: The process that has it, if that is known.
    """
    return remembered(
        f"Another dbt run{f' ({holder})' if holder else ''} works in {folder}, the folder of MATCHED_IDS_LOCAL_DIR. "
        f"{_WAY_OUT}"
    )
