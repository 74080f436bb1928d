"""A publish that is over, as far as it came, for those who are told of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from publisher.publish import Published
from publisher.records.memory import Memory
from publisher.source import Source
from publisher.values import StoredObject


@dataclass(frozen=True)
class Run:
    """A publish that is over.

    Attributes:
        destination: `s3://bucket/prefix` without a slash at the end; None where it was not given, or cannot be read.
        outcome: `published`, `refused`, `failed` or `interrupted`, as records have it.
        ended_at: When.
        seconds: How long it took, from the command's begin.
        exit_code: What the process ends with.
        message: Why it was not published, in one line; None where it was.
        hint: What to do about it, likewise.
        error: The class of the error.
        guard: The guard that refused.
        step: The step that was under way when it ended; None where none was.
        run_id: As in its records; None where it ended before it had one.
        ci_run: The run of the CI system or scheduler.
        source: The table that was read, as far as it could be opened.
        memory: What was promoted last before this run, as far as it could be found out.
        published: What was done; None where it was not.
    """

    destination: str | None
    outcome: str
    ended_at: datetime
    seconds: float
    exit_code: int = 0
    message: str | None = None
    hint: str | None = None
    error: str | None = None
    guard: str | None = None
    step: str | None = None
    run_id: str | None = None
    ci_run: str | None = None
    source: Source | None = None
    memory: Memory | None = None
    published: Published | None = None

    def ended(self, outcome: str, message: str, hint: str, error: str | None = None, guard: str | None = None) -> Run:
        """Returns it with how it ended, which is another way than it was meant to."""
        return replace(self, outcome=outcome, message=message, hint=hint, error=error, guard=guard)

    @property
    def dbt_invocation_id(self) -> str | None:
        """The invocation of dbt that built the table."""
        return self.source.build.invocation_id if self.source and self.source.build else None

    @property
    def trusted_active(self) -> StoredObject | None:
        """What was active before this run, where it is what was promoted last; else its age would tell nothing."""
        return None if self.memory is None or self.memory.is_replaced else self.memory.active
