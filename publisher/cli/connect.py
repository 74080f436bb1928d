"""What the commands work with: the store, what is installed, and who is at the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from publisher.errors import UsageError

if TYPE_CHECKING:
    from publisher.aws.clients import Deadline
    from publisher.cli.output import Output
    from publisher.store.keys import Destination
    from publisher.store.protocol import Store


def connect(to: str, endpoint_url: str | None, output: Output) -> tuple[Destination, Store]:
    """Returns the destination, and its bucket with the deadline of the command.

    Raises:
        UsageError: One of the two addresses cannot be used.
        StoreFailed: The store cannot be asked as boto3 is configured, or the credentials could not be fetched.
    """
    from publisher.aws.clients import Deadline
    from publisher.store.keys import Destination

    destination = Destination.parse(to)
    return destination, open_bucket(destination.bucket, endpoint_url, output, Deadline(output.deadline_seconds))


def open_bucket(bucket: str, endpoint_url: str | None, output: Output, deadline: Deadline) -> Store:
    """Returns a bucket of the store, which is asked as the command was told.

    Raises:
        UsageError: What it was told cannot be used.
        StoreFailed: The credentials could not be fetched.
    """
    from publisher.store.s3 import S3Store
    from publisher.store.s3_options import S3Options

    options = S3Options(**output.of_bucket)
    return S3Store(bucket, endpoint_url=endpoint_url, options=options, deadline=deadline)


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
