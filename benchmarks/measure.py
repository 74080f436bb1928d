"""Runs a command and measures what it and all that it starts take. Linux only: it reads /proc."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo import children

SAMPLE_SECONDS = 0.05
_ORPHAN_SECONDS = 30
_PROCESSES = Path("/proc")
_SET_CHILD_SUBREAPER = 36  # prctl(2)


@dataclass(frozen=True)
class Run:
    """What one run took.

    Attributes:
        seconds: From its start until its first process ended.
        cpu_seconds: User and system time of all its processes.
        peak_bytes: The most memory (RSS) that its processes had at once; 0 where it ended before it was looked at.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class CommandFailed(Exception):
    """A command that is measured ended with another code than 0."""


def adopt_orphans(adopt: bool = True) -> None:
    """Makes this process the parent of what its children leave behind, such as a JVM that outlives its Python.

    Otherwise the processor time of such a process would be lost, and it could still run when the next one is measured.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def measured(command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path) -> Run:
    """Runs a command to its end, and until nothing of it is left.

    Args:
        command: The program and its arguments.
        environment: All of its environment.
        folder: Its working directory.
        log: Gets what it prints.

    Raises:
        CommandFailed: It failed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        begun = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
            # Not by `children.start`, which would be measured too. There is one thread here, so a fork may run Python.
            preexec_fn=functools.partial(children.end_with, os.getpid()),
        )  # fmt: skip
        try:
            with _memory_watched(process.pid) as watched:
                _, status, usage = os.wait4(process.pid, 0)
                seconds = time.monotonic() - begun
                process.returncode = os.waitstatus_to_exitcode(status)
                cpu_seconds = usage.ru_utime + usage.ru_stime + _reap_orphans(process.pid)
        except BaseException:
            _kill(process.pid)
            process.poll()
            raise
    if process.returncode:
        raise CommandFailed(f"{' '.join(command)} ended with code {process.returncode}; see {log}")
    return Run(seconds, cpu_seconds, watched.peak_bytes)


def _reap_orphans(group: int) -> float:
    """Waits for what is left of a process group, and returns its processor time."""
    cpu_seconds = 0.0
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while True:
        try:
            pid, _, usage = os.wait4(-group, os.WNOHANG)
        except ChildProcessError:
            return cpu_seconds
        if pid:
            cpu_seconds += usage.ru_utime + usage.ru_stime
        elif time.monotonic() > deadline:
            _kill(group)
        else:
            time.sleep(0.01)


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def _memory_watched(session: int) -> Iterator[_Memory]:
    memory = _Memory(session)
    ended = threading.Event()

    def watch() -> None:
        while True:
            memory.sample()
            if ended.wait(SAMPLE_SECONDS):
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        ended.set()
        thread.join()


class _Memory:
    """The memory of a session's processes. A session, because an orphan has another parent and still its session."""

    def __init__(self, session: int) -> None:
        self.peak_bytes = 0
        self._session = session
        self._members = {str(session)}
        self._others: set[str] = set()  # so that a sample costs little: only new processes are looked into

    def sample(self) -> None:
        present = {entry.name for entry in _PROCESSES.iterdir() if entry.name.isdigit()}
        for pid in present - self._members - self._others:
            (self._members if _session(pid) == self._session else self._others).add(pid)
        self._members &= present
        resident, highest = [0], [0]
        for pid in self._members:
            now, high_water = _resident_bytes(pid)
            resident.append(now)
            highest.append(high_water)
        # The kernel's own high-water mark knows what happened between two samples, of each process alone. It is not
        # wait4's ru_maxrss, which begins with the memory of the process that forked.
        self.peak_bytes = max(self.peak_bytes, sum(resident), *highest)


def _session(pid: str) -> int | None:
    try:
        stat = (_PROCESSES / pid / "stat").read_bytes()
    except OSError:
        return None
    return int(stat.rpartition(b")")[2].split()[3])


def _resident_bytes(pid: str) -> tuple[int, int]:
    """Returns the memory of a process, now and at most; 0 when it has ended."""
    try:
        lines = (_PROCESSES / pid / "status").read_bytes().splitlines()
    except OSError:
        return 0, 0
    sizes = {line.split(b":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(b" kB")}
    return sizes.get(b"VmRSS", 0), sizes.get(b"VmHWM", 0)
