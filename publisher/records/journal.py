"""Writes the records of one run: what is about to be done, and how it ended. A record never stops what it is about."""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from publisher import __version__
from publisher.aws.failures import is_answer
from publisher.errors import PublisherError, StoreFailed
from publisher.moments import iso
from publisher.records.actor import Actor
from publisher.records.keys import RecordKey, read_record
from publisher.records.record import (
    FAILED,
    INTENDED,
    INTERRUPTED,
    OF_METADATA,
    REFUSED,
    Record,
)
from publisher.store.keys import Destination
from publisher.store.protocol import PreconditionFailed, Store
from publisher.values import Metadata, StoredObject

_INTERRUPTED_BY_KEYBOARD = 130
_FAR = timedelta(days=1)
# The version in a file's metadata is that of who made the file, in a record of who wrote the record.
_OF_FILE = OF_METADATA - {"publisher_version"}


class Journal:
    """The records of one run.

    A promotion has two: one that announces it, written before active is replaced, and one that says how it ended. So a
    process that was killed in between leaves a trace.

    Attributes:
        run_id: Stands in each of them.
    """

    def __init__(
        self,
        store: Store,
        destination: Destination,
        command: str,
        *,
        warn: Callable[[str], None],
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        actor: Actor | None = None,
    ) -> None:
        """Prepares; nothing is written yet.

        Args:
            store: The bucket.
            destination: Where in it.
            command: What runs.
            warn: Is told when a record could not be written.
            now: The clock.
            actor: Who runs it; None for whoever runs this process.
        """
        self.run_id = uuid.uuid4().hex[:12]
        self._store = store
        self._destination = destination
        self._command = command
        self._warn = warn
        self._now = now
        self._actor = actor or Actor.current()
        self._known: dict[str, Any] = {}
        self._latest: datetime | None = None
        self._announced: RecordKey | None = None
        self._is_reached = False

    def know(self, **known: Any) -> None:
        """Adds what is known of the run; the names are those of `Record`."""
        self._known.update(known)

    def reached(self) -> None:
        """Is told that the store answered as it should."""
        self._is_reached = True

    def saw(self, key: RecordKey | None) -> None:
        """Takes care that what this run announces sorts after a record that it has seen, whatever the clocks say.

        One from the far future is none of a publisher's: S3 refuses requests by a clock that is 15 minutes off.
        """
        if key is None or key.at - self._now() > _FAR:
            return
        if self._latest is None or key.at > self._latest:
            self._latest = key.at

    def announce(self) -> str:
        """Records that active is about to be replaced, and returns the record's key, which is this promotion's name."""
        self._announced = self._key(INTENDED)
        self.saw(self._announced)
        self._write(self._announced, self._record(INTENDED))
        return self._announced.key

    def announce_file(self, said: Metadata, previous: StoredObject | None, active: StoredObject | None) -> str:
        """Records that a file is about to replace what is active; see `announce`.

        Args:
            said: What the file's metadata says.
            previous: What was promoted last.
            active: What is there now, which is another where somebody else put it there, or nothing.
        """
        shared = {name: value for name, value in vars(said).items() if name in _OF_FILE}
        before = previous.metadata if previous else Metadata()
        self.know(
            **shared,
            previous_staged_key=before.staged_key,
            previous_partition=before.source_partition,
            previous_total_ids=before.total_ids,
            previous_sha256=before.sha256,
            previous_etag=active.etag if active else None,
        )
        return self.announce()

    def begun(self, outcome: str) -> None:
        """Records that the run begins what cannot be taken back; what becomes of it has a record of its own."""
        key = self._key(outcome)
        self.saw(key)
        self._write(key, self._record(outcome))

    def done(self, outcome: str) -> None:
        """Records that the run did what it was to do; beside its announcement, where it made one."""
        if self._announced is None:
            key = self._key(outcome)
        else:
            key = self._announced.with_outcome(self._destination, outcome)
        self._write(key, replace(self._record(outcome), exit_code=0))

    def promoted(self, outcome: str, active: StoredObject, abandoned: Iterable[RecordKey]) -> None:
        """Records that a file is active, and that those are not that were announced before and told nothing more.

        Args:
            outcome: What made it active.
            active: What is active now.
            abandoned: The announcements of the others.
        """
        self.know(step=None, active_etag=active.etag)
        self.done(outcome)
        for announced in abandoned:
            self.complete(announced, INTERRUPTED, None)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Records how the block ended, where it does not come to its end."""
        try:
            yield
        except PublisherError as error:
            # Where the store is what failed, that is said already; a record is tried where it had worked until then.
            # Into a bucket that is not there nothing is written: some stores would create it.
            is_quiet = isinstance(error, StoreFailed)
            if not is_quiet or (self._is_reached and (error.__cause__ is None or _is_answer(error.__cause__))):
                outcome = REFUSED if error.guard else FAILED
                self._end(outcome, error, error.exit_code, error.message, is_quiet=is_quiet)
            raise
        except (KeyboardInterrupt, SystemExit) as end:
            code = end.code if isinstance(end, SystemExit) and isinstance(end.code, int) else _INTERRUPTED_BY_KEYBOARD
            self._end(INTERRUPTED, None, code, None)
            raise
        except Exception as error:
            self._end(FAILED, error, 1, None)  # the text of an unexpected error may hold data
            raise

    def complete(self, announced: RecordKey, outcome: str | None, active: StoredObject | None) -> None:
        """Records how the promotion of another run ended, which could not do so itself; nothing where that is known.

        Args:
            announced: The key of its announcement.
            outcome: How it ended; None where it did what it announced.
            active: What it made active, where it did.
        """
        try:
            record = read_record(self._store, announced)
        except PublisherError:
            return
        if record is None:
            return
        ended = record.completed(active.etag if active else None, outcome)
        ended = replace(ended, recorded_at=iso(self._now()), completed_by=self.run_id)
        self._write(announced.with_outcome(self._destination, ended.outcome), ended)

    def _end(
        self, outcome: str, error: Exception | None, code: int, message: str | None, *, is_quiet: bool = False
    ) -> None:
        guard = error.guard if isinstance(error, PublisherError) else None
        saw, limit = (error.saw, error.limit) if isinstance(error, PublisherError) else (None, None)
        record = replace(
            self._record(outcome),
            exit_code=code,
            error=type(error).__name__ if error else None,
            guard=guard,
            guard_saw=None if saw is None else str(saw),
            guard_limit=None if limit is None else str(limit),
            message=message,
        )
        self._write(self._key(outcome), record, is_quiet=is_quiet)

    def _record(self, outcome: str) -> Record:
        return Record(
            run_id=self.run_id,
            recorded_at=iso(self._now()),
            command=self._command,
            outcome=outcome,
            publisher_version=__version__,
            user_name=self._actor.user,
            host_name=self._actor.host,
            ci_run=self._actor.ci_run,
            **self._known,
        )

    def _key(self, outcome: str) -> RecordKey:
        at = self._now()
        if self._latest is not None:
            at = max(at, self._latest + timedelta(microseconds=1))
        return RecordKey.make(self._destination, at, self.run_id, outcome)

    def _write(self, key: RecordKey, record: Record, *, is_quiet: bool = False) -> None:
        body = record.to_line().encode()
        try:
            self._store.create(key.key, io.BytesIO(body), hashlib.sha256(body).hexdigest(), {})
        except PreconditionFailed:
            pass  # somebody has recorded it, or an answer was lost and our own first attempt did
        except PublisherError as error:
            if not is_quiet:
                self._warn(f"this run's record could not be written: {error.message} {error.hint}")


def _is_answer(error: BaseException) -> bool:
    return not isinstance(error, Exception) or is_answer(error)
