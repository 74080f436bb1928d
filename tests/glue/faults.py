"""What a test can let go wrong in the stand-in."""

from __future__ import annotations

import re
import sys
import threading
from dataclasses import dataclass, field


@dataclass
class ApiFault:
    """Requests that are refused.

    Attributes:
        code: As AWS names the error.
        operation: The operation, or `*` for all.
        table: `database.table`, or none for all.
        caller: The caller's name, or none for all.
        times: How many requests it still strikes.
    """

    code: str
    operation: str = "*"
    table: str | None = None
    caller: str | None = None
    times: int = sys.maxsize


@dataclass
class StatementFault:
    """A statement that does not run but ends otherwise.

    Attributes:
        effect: TIMEOUT, or DIES when its session ends with it.
        pattern: What is searched for in the statement's SQL, or in its code when it has no SQL.
        nth: Which of the statements that match.
    """

    effect: str
    pattern: str
    nth: int


@dataclass
class Faults:
    """The faults of one stand-in. `clear` ends all of them."""

    _api: list[ApiFault] = field(default_factory=list)
    _statements: list[StatementFault] = field(default_factory=list)
    _failing_sessions: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse(
        self,
        code: str,
        operation: str = "*",
        *,
        table: str | None = None,
        caller: str | None = None,
        times: int = sys.maxsize,
    ) -> None:
        """Lets requests be refused, for example with EntityNotFoundException."""
        with self._lock:
            self._api.append(ApiFault(code, operation, table, caller, times))

    def throttle(self, operation: str, times: int) -> None:
        self.refuse("ThrottlingException", operation, times=times)

    def deny(self, operation: str, *, table: str | None = None, caller: str | None = None) -> None:
        self.refuse("AccessDeniedException", operation, table=table, caller=caller)

    def expire_credentials(self, caller: str | None = None) -> None:
        self.refuse("ExpiredTokenException", caller=caller)

    def fail_sessions(self, times: int = sys.maxsize) -> None:
        """Lets the next sessions be FAILED after PROVISIONING."""
        self._failing_sessions = times

    def end_session_at(self, pattern: str, nth: int = 1) -> None:
        """Lets a session be FAILED while a statement runs."""
        with self._lock:
            self._statements.append(StatementFault("DIES", pattern, nth))

    def time_out_statement(self, pattern: str, nth: int = 1) -> None:
        """Lets a statement end with the state TIMEOUT, which dbt-glue takes for success."""
        with self._lock:
            self._statements.append(StatementFault("TIMEOUT", pattern, nth))

    def clear(self) -> None:
        with self._lock:
            self._api.clear()
            self._statements.clear()
            self._failing_sessions = 0

    def for_request(self, caller: str, operation: str, table: str | None) -> str | None:
        """Returns the code of the error that a request meets, if any."""
        with self._lock:
            for fault in self._api:
                if (
                    fault.times > 0
                    and fault.operation in ("*", operation)
                    and fault.table in (None, table)
                    and fault.caller in (None, caller)
                ):
                    fault.times -= 1
                    return fault.code
        return None

    def for_session(self) -> bool:
        """Counts a new session, and returns whether it fails."""
        with self._lock:
            fails = self._failing_sessions > 0
            self._failing_sessions -= fails
            return fails

    def for_statement(self, text: str) -> str | None:
        """Counts a statement, and returns the effect it meets, if any."""
        with self._lock:
            for fault in self._statements:
                if fault.nth > 0 and re.search(fault.pattern, text, re.I):
                    fault.nth -= 1
                    if fault.nth == 0:
                        return fault.effect
        return None
