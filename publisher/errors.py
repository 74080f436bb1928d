"""Everything that can end a command, each with its exit code and the advice for the person who reads it."""

from __future__ import annotations


class PublisherError(Exception):
    """A failure that a person can act on.

    Attributes:
        exit_code: What the process ends with; fixed for callers outside (see README, "Exit codes").
        message: What happened and where, in one line. Never holds an id, a document or a credential.
        hint: What to do, in one line.
        guard: The guard that refused, where one did.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str, *, guard: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.guard = guard

    @property
    def status(self) -> str:
        """`refused` when a guard said no, `failed` when something broke."""
        return "refused" if self.guard else "failed"


class UsageError(PublisherError):
    """The command line or the configuration cannot be used."""

    exit_code = 2


class GuardRefusal(PublisherError):
    """A guard found the data unfit to publish."""

    exit_code = 3


class IntegrityError(PublisherError):
    """Bytes that were read back are not the bytes that were written."""

    exit_code = 4


class SourceNotReady(PublisherError):
    """The table, or dbt's word for it, is not there, not readable, or not of one run."""

    exit_code = 5


class Conflict(PublisherError):
    """Somebody else promoted in the meantime."""

    exit_code = 6


class StoreFailed(PublisherError):
    """The object store refused, could not be reached, or kept failing."""

    exit_code = 7


class NothingNew(PublisherError):
    """What is active comes from the newest partition already: for a schedule that polls, an answer and no failure."""

    exit_code = 8

    @property
    def status(self) -> str:
        """`nothing new`: neither refused nor failed."""
        return "nothing new"
