"""A file that is replaced: with the permissions that it had, on any file system, one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from publisher.disk import drafts, locks
from publisher.disk.drafts import alone, create_file, draft, sweep
from publisher.errors import Conflict, UsageError

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
OWNER, GROUP = 12345, 23456


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "file"


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A file in a folder that everybody can reach; pytest's own are for its user only."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder) / "file"


def replace(path: Path, content: bytes = b"new") -> None:
    with draft(path) as file:
        file.write(content)
        file.sync()
        file.move()
        file.sync_folder()


def names(path: Path) -> list[str]:
    return sorted(found.name for found in path.parent.iterdir())


def permissions(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


def as_user(call: Callable[[], object], user: int = OWNER, groups: tuple[int, ...] = (GROUP,)) -> None:
    """Runs a call in a process that is not root."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups(groups)
            os.setgid(groups[0])
            os.setuid(user)
            call()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444, 0o777])
def test_a_file_keeps_its_mode(mode: int, path: Path) -> None:
    path.write_bytes(b"old")
    path.chmod(mode)
    replace(path)
    assert path.read_bytes() == b"new"
    assert permissions(path)[0] == mode


def test_it_is_read_by_nobody_else_before_it_is_in_its_place(path: Path) -> None:
    path.write_bytes(b"old")
    path.chmod(0o600)
    with draft(path):
        modes = [stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()]
    assert modes == [0o600] * 2


def test_a_mode_that_is_changed_meanwhile_counts(path: Path) -> None:
    path.write_bytes(b"old")
    with draft(path) as file:
        path.chmod(0o604)
        file.sync()
        file.move()
    assert permissions(path)[0] == 0o604


@AS_ROOT
def test_a_file_keeps_its_owner_and_group(path: Path) -> None:
    path.write_bytes(b"old")
    path.chmod(0o640)
    os.chown(path, OWNER, GROUP)
    replace(path)
    assert permissions(path) == (0o640, OWNER, GROUP)


@AS_ROOT
def test_a_group_of_the_process_is_kept_though_the_owner_is_another(open_path: Path) -> None:
    path = open_path
    path.write_bytes(b"old")
    path.chmod(0o640)
    os.chown(path, OWNER + 1, GROUP)
    as_user(lambda: replace(path), OWNER, (GROUP + 1, GROUP))
    assert path.read_bytes() == b"new"
    assert permissions(path) == (0o640, OWNER, GROUP)


@AS_ROOT
def test_what_cannot_be_kept_is_no_failure(open_path: Path) -> None:
    path = open_path
    path.write_bytes(b"old")
    path.chmod(0o644)
    as_user(lambda: replace(path))
    assert path.read_bytes() == b"new"
    assert permissions(path) == (0o644, OWNER, GROUP)


def refusing(kinds: Callable[[int], bool], code: int) -> Callable[[int], None]:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if kinds(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        real(descriptor)

    return fsync


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM])
def test_a_folder_that_cannot_be_synced_is_no_failure(code: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refusing(stat.S_ISDIR, code))
    replace(path)
    assert path.read_bytes() == b"new"


@AS_ROOT
def test_a_folder_that_cannot_be_read_is_no_failure(open_path: Path) -> None:
    path = open_path
    path.parent.chmod(0o733)

    def write_only() -> None:
        replace(path)
        sweep(path)

    as_user(write_only)
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("kind", [stat.S_ISDIR, stat.S_ISREG])
def test_a_disk_that_fails_is_told_of(kind: Callable[[int], bool], path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refusing(kind, errno.EIO))
    with pytest.raises(UsageError, match="Input/output error"):
        replace(path)


def test_a_file_system_that_cannot_sync_files_is_written_to(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refusing(lambda _: True, errno.EINVAL))
    replace(path)
    assert path.read_bytes() == b"new"


def abandoned(path: Path) -> Path:
    """Leaves what a killed process would have left."""
    before = set(path.parent.iterdir())
    child = os.fork()
    if child == 0:
        held = draft(path)
        held.__enter__()
        os._exit(9)
    os.waitpid(child, 0)
    (left,) = set(path.parent.iterdir()) - before
    return left


def test_a_sweep_takes_what_nobody_has_open_any_more_of_this_file_alone(path: Path) -> None:
    gone, of_another = abandoned(path), abandoned(path.with_name("other"))
    foreign = path.with_name(".pull-x.tmp")
    foreign.touch()
    with draft(path) as file:
        sweep(path)
        assert not gone.exists()
        file.write(b"new")
        file.move()
    assert names(path) == sorted([path.name, of_another.name, foreign.name])


def test_a_sweep_never_takes_a_draft_that_is_just_made(path: Path) -> None:
    done = threading.Event()

    def sweep_again_and_again() -> None:
        while not done.is_set():
            sweep(path)

    with ThreadPoolExecutor(2) as threads:
        sweeping = [threads.submit(sweep_again_and_again) for _ in range(2)]
        try:
            for _ in range(500):
                with draft(path) as file:
                    file.move()
        finally:
            done.set()
        for one in sweeping:
            one.result()
    assert names(path) == [path.name]


def test_a_name_may_be_as_long_as_the_file_system_lets_it(path: Path) -> None:
    long = path.with_name("é" * 127)
    abandoned(long)
    sweep(long)
    with alone(long):
        replace(long)
    assert names(long) == [long.name]


def test_one_at_a_time_has_a_file_for_itself(path: Path) -> None:
    counts: list[int] = []
    inside = 0

    def enter(_: int) -> None:
        nonlocal inside
        for _ in range(20):
            with alone(path, path.with_name("state")):
                inside += 1
                counts.append(inside)
                time.sleep(0.001)
                inside -= 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(enter, range(8)))
    assert counts == [1] * 160
    assert names(path) == []


def test_whoever_names_a_file_otherwise_waits_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_PATIENCE_SECONDS", 0.05)
    monkeypatch.chdir(path.parent)
    with alone(path), pytest.raises(Conflict), alone(Path("file")):
        raise AssertionError("two are in it")
    with alone(path), alone(path.with_name("other")):
        pass


def test_a_lock_file_that_is_removed_before_it_is_locked_is_not_trusted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_PATIENCE_SECONDS", 0.05)
    with alone(path):
        (lock,) = path.parent.iterdir()
    lock.touch()
    take, others = locks.take, [lock.unlink]  # as whoever had it does in the end

    def take_late(descriptor: int) -> bool | None:
        if others:
            others.pop()()
        return take(descriptor)

    monkeypatch.setattr(locks, "take", take_late)
    with alone(path), pytest.raises(Conflict), alone(path):
        raise AssertionError("two are in it")


def test_who_waits_for_a_stopped_process_gives_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_PATIENCE_SECONDS", 0.05)
    with alone(path):
        (lock,) = path.parent.iterdir()
    lock.touch()
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match=r"locked by another process for 0\.05 seconds"), alone(path):
            raise AssertionError("two are in it")
    with alone(path):
        pass
    assert names(path) == []


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF, errno.EINVAL])
def test_where_there_are_no_locks_all_the_rest_works(code: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    with draft(path) as file, alone(path):
        sweep(path)
        file.move()
    assert names(path) == ["file"]
    left = abandoned(path)
    sweep(path)
    assert left.exists(), "a download may be under way"
    yesterday = time.time() - drafts._ABANDONED_SECONDS - 60
    os.utime(left, (yesterday, yesterday))
    sweep(path)
    assert not left.exists()


def test_of_several_who_create_a_file_one_does(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert create_file(path, b"one")
    assert not create_file(path, b"another")
    assert path.read_bytes() == b"one"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
