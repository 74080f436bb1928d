"""What the commands work with: the store, the lake, and who is at the keyboard."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from publisher.errors import UsageError

if TYPE_CHECKING:
    from publisher.cli.output import Output
    from publisher.lake.access import LakeAccess
    from publisher.store.keys import Destination
    from publisher.store.protocol import Store


def open_store(destination: Destination, endpoint_url: str | None, output: Output) -> Store:
    """Returns the destination's bucket, with the deadline of the command."""
    from publisher.aws import Deadline
    from publisher.store.s3 import S3Store

    return S3Store(destination.bucket, endpoint_url=endpoint_url, deadline=Deadline(output.deadline_seconds))


def open_store_and_lake(destination: Destination, endpoint_url: str | None, output: Output) -> tuple[Store, LakeAccess]:
    """Returns both, with one deadline."""
    from publisher.aws import Deadline
    from publisher.lake.access import LakeAccess
    from publisher.store.s3 import S3Store

    deadline = Deadline(output.deadline_seconds)
    return S3Store(destination.bucket, endpoint_url=endpoint_url, deadline=deadline), LakeAccess(deadline)


def require_extra(package: str, extra: str, command: str) -> None:
    """Returns when a package is installed that only some commands need.

    Args:
        package: What is imported.
        extra: The extra of this package that brings it.
        command: The command that needs it.

    Raises:
        UsageError: It is not.
    """
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise UsageError(
            f"`publisher {command}` takes the Python package {package}, which is not installed.",
            f"Install the extra: pip install 'matched-ids[{extra}]'.",
        )


def user() -> str | None:
    """Returns who is at the keyboard; None for a container's user without a name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None
