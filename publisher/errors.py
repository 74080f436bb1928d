"""Everything that can end a command, each with its exit code and the advice for the person who reads it."""

from __future__ import annotations


class PublisherError(Exception):
    """A failure that a person can act on.

    Attributes:
        exit_code: What the process ends with; fixed for callers outside (docs/commands.md).
        message: What happened and where, in one line. Never holds an id, a document or a credential.
        hint: What to do, in one line.
        guard: The guard that refused, where one did.
        saw: What the guard looked at, where that is one value; `limit` is what it allows.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        hint: str,
        *,
        guard: str | None = None,
        saw: float | str | None = None,
        limit: float | str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.guard = guard
        self.saw = saw
        self.limit = limit

    @property
    def status(self) -> str:
        """`refused` when a guard said no, `failed` when something broke."""
        return "refused" if self.guard else "failed"


class UsageError(PublisherError):
    """The command line or the configuration cannot be used."""

    exit_code = 2


class GuardRefusal(PublisherError):
    """A guard refused: the data is unfit to publish, or to be read."""

    exit_code = 3


class IntegrityError(PublisherError):
    """Integrity: bytes that were read back differ from those that were written."""

    exit_code = 4


class SourceNotReady(PublisherError):
    """The source is not ready: dbt failed, a table or an artifact is missing or damaged, or nothing is published."""

    exit_code = 5


class Conflict(PublisherError):
    """Conflict: somebody else promoted in the meantime."""

    exit_code = 6


class StoreFailed(PublisherError):
    """The store, or Glue, failed: denied, unreachable, retries spent, or unfit.

    Attributes:
        is_denied: Whether it answered that this may not be done.
    """

    exit_code = 7
    is_denied = False


class RecordUnreadable(StoreFailed):
    """The record of the last promotion, on which what is known of active rests, is not one."""


class Misconfigured(StoreFailed):
    """The store, or Glue, cannot be asked as things are configured: credentials, region, endpoint, certificates."""

    exit_code = 2


class NothingNew(PublisherError):
    """Nothing new: active comes from the newest partition already. To a schedule that polls, that is an answer."""

    exit_code = 8

    @property
    def status(self) -> str:
        """`nothing new`: neither refused nor failed."""
        return "nothing new"
