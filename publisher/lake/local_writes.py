"""The few files that are written to a lake on this machine: whole, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from publisher.errors import SourceNotReady


def create(location: str, content: bytes) -> bool:
    """Creates a file; of several who try, one does.

    Args:
        location: An absolute path, in a folder that is there.
        content: All of it.

    Returns:
        Whether it did; not where one is there already.

    Raises:
        SourceNotReady: The file system failed.
    """
    try:
        _written(Path(location), content, lambda draft, path: os.link(draft, path))
    except FileExistsError:
        return False
    return True


def replace(location: str, content: bytes) -> None:
    """Puts a file in the place of an older one, if there is one, in one step.

    Raises:
        SourceNotReady: The file system failed.
    """
    _written(Path(location), content, lambda draft, path: draft.replace(path))


def _written(path: Path, content: bytes, move: Callable[[Path, Path], object]) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            move(draft, path)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
    except FileExistsError:
        raise
    except OSError as error:
        raise SourceNotReady(
            f"{path} cannot be written: {error.strerror}.", "Check the permissions there, then run again."
        ) from error
