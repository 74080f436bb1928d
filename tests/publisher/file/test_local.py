"""A file that is replaced: with the permissions that it had, and on any file system."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from publisher.errors import UsageError
from publisher.file.local import draft

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
OWNER, GROUP = 12345, 23456


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "file"


def replace(path: Path, content: bytes = b"new") -> None:
    with draft(path) as file:
        file.write(content)
        file.sync()
        file.move()
        file.sync_folder()


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
def test_a_group_of_the_process_is_kept_though_the_owner_is_another(path: Path, tmp_path: Path) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    path.parent.chmod(0o777)
    path.write_bytes(b"old")
    path.chmod(0o640)
    os.chown(path, OWNER + 1, GROUP)
    as_user(lambda: replace(path), OWNER, (GROUP + 1, GROUP))
    assert path.read_bytes() == b"new"
    assert permissions(path) == (0o640, OWNER, GROUP)


@AS_ROOT
def test_what_cannot_be_kept_is_no_failure(path: Path, tmp_path: Path) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    path.parent.chmod(0o777)
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
def test_a_folder_that_cannot_be_read_is_no_failure(path: Path, tmp_path: Path) -> None:
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    path.parent.chmod(0o733)
    as_user(lambda: replace(path))
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
