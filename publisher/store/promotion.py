"""The promotion: a staged file becomes active in one atomic step, if what it replaces is what the guards looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from typing import BinaryIO, NoReturn

from publisher.errors import Conflict, IntegrityError, PublisherError, StoreFailed
from publisher.store.conditions import SwapMethod, find_swap_method, prepared, require_conditions
from publisher.store.hold import current_hold
from publisher.store.keys import Destination
from publisher.store.protocol import PreconditionFailed, Store
from publisher.store.staging import StagedFile, note_failure, read_back, stage
from publisher.values import Encoded, Hold, Metadata, StoredObject, is_same

# Records that the file is about to become active, and returns what names this promotion: the record's key.
Announce = Callable[[Metadata, StoredObject | None], str]

# Runs the guards that depend on what is active, and returns what is to be said of the new file. It is asked again when
# somebody else promoted in the meantime.
Judge = Callable[[StoredObject | None], Metadata]


class Promotion:
    """One file on its way to active, and all that belongs to it until it is there.

    Its methods are called in the order in which they stand here: `judge`, then `stage` and `read_back` (or `take` for a
    file that was staged long ago), then `promote`. Whatever fails, active is the old file or the new one, whole.

    Attributes:
        active: What will be replaced: what was active when the guards last looked, None for nothing.
        is_outcome_unknown: Whether the promotion was sent and nothing tells whether it happened.
    """

    def __init__(
        self,
        store: Store,
        destination: Destination,
        command: str,
        announce: Announce,
        *,
        guard_hold: Callable[[Hold | None], None] | None = None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Looks at what is active, and at the hold.

        Args:
            store: The bucket.
            destination: Where in it.
            command: The command that promotes, as the metadata tells it.
            announce: Is called right before active is replaced, each time that is tried.
            guard_hold: Raises when the hold that is set, if one is, is to stop this promotion; None where none does.
            warn: Is told what is worth knowing after active is new.

        Raises:
            GuardRefusal: From `guard_hold`.
            StoreFailed: The store failed.
        """
        self._store = store
        self._destination = destination
        self._command = command
        self._announce = announce
        self._guard_hold = guard_hold
        self._warn = warn
        self._judge: Judge | None = None
        self._metadata = Metadata()  # of the file; what active says beyond it is added with each announcement
        self._sent: dict[str, Metadata] = {}  # what active says after each promotion that was tried, by its record
        self.is_outcome_unknown = False
        self._staged: StagedFile | None = None
        self._method = SwapMethod.COPY
        self.active = store.head(destination.active_key)
        self._look_at_hold()

    @property
    def staged(self) -> StagedFile:
        """The file that is promoted."""
        if self._staged is None:
            raise AssertionError("there is a file after stage() or take()")
        return self._staged

    @property
    def metadata(self) -> Metadata:
        """What is to be said of the file, after `judge`."""
        return self._metadata

    def judge(self, judge: Judge) -> None:
        """Runs the guards against what is active, and keeps what is to be said of the file.

        Raises:
            GuardRefusal: One refused.
            StoreFailed: The store failed.
        """
        self._judge = judge
        self._look_at_hold()
        self._metadata = judge(self.active)

    def stage(self, spool: BinaryIO, encoded: Encoded, now: Callable[[], datetime]) -> None:
        """Writes the file under a key of its own; see `staging.stage`."""
        self._staged = stage(self._store, self._destination, spool, encoded, self._metadata, now)
        self._metadata = self._staged.metadata

    def take(self, staged: StagedFile) -> None:
        """Takes a file that is staged already, and whose bytes were verified."""
        self._staged = staged
        self._metadata = replace(self._metadata, created_at=staged.metadata.created_at, staged_key=staged.key)

    def read_back(self) -> None:
        """Compares what the store gives back with what was encoded, and lets it show that it keeps conditions."""
        read_back(self._store, self.staged)
        require_conditions(self._store, self.staged)

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """Leaves a note beside the staged file when the block fails, for `history`."""
        try:
            yield
        except PublisherError as error:
            note_failure(self._store, self._destination, self.staged, error)
            raise

    def promote(self) -> StoredObject:
        """Makes the staged file active in one atomic step, if active is still what it was.

        When somebody else promoted in the meantime, the guards run again, once, against what is active then.

        Returns:
            What is active now; what it replaced is in `active`.

        Raises:
            Conflict: Active changed twice.
            GuardRefusal: From the second look, or from the last one at the hold.
            IntegrityError: Active is not what was copied there.
            StoreFailed: The store failed; active is the old file or this one, whole.
        """
        self._method, self._staged = find_swap_method(self._store, self._destination, self.staged, self.active)
        promoted = self._try_to_swap() or self._try_to_swap(is_last=True)
        if promoted is None:
            raise Conflict(
                "Somebody else promoted twice while this publish was running.",
                "See who publishes to this destination; one schedule should own it. Then run again.",
            )
        return promoted

    def _try_to_swap(self, *, is_last: bool = False) -> StoredObject | None:
        """Returns what is active now; None when somebody else promoted, over which the guards have run again."""
        try:
            return self._swap()
        except PreconditionFailed:
            self._require_staged()
        active = self._store.head(self._destination.active_key)
        if active is not None and self._is_ours(active):  # it landed after its answer was given up
            return self._checked(active)
        if not is_last:
            self._judge_again(active)
        return None

    def _require_staged(self) -> None:
        """Tells a staged file that was replaced from an active one that was.

        Raises:
            IntegrityError: It is not what was read back (any more).
        """
        found = self._store.head(self.staged.key)
        if found is None or found.etag != self.staged.etag:
            raise IntegrityError(
                f"The staged file {self.staged.key} was replaced or removed after it was read back.",
                "Something else writes below stage/: find it, and run again.",
            )

    def _is_ours(self, found: StoredObject) -> bool:
        return found.metadata.record in self._sent

    def _checked(self, promoted: StoredObject) -> StoredObject:
        self.is_outcome_unknown = False
        said = self._sent[promoted.metadata.record or ""]
        if promoted.bytes != self.staged.bytes or promoted.texts != said.to_texts():
            self._raise_other_bytes()
        return promoted

    def _raise_other_bytes(self) -> NoReturn:
        raise IntegrityError(
            f"{self._destination.url(self._destination.active_key)} is not what was just copied there.",
            "Run `publisher verify`. Another program may write to active/ without conditions; stop it.",
        )

    def _look_at_hold(self) -> None:
        if self._guard_hold is not None:
            self._guard_hold(current_hold(self._store, self._destination))

    def _judge_again(self, active: StoredObject | None) -> None:
        """Judges by what somebody else promoted."""
        self.active = active
        staged = self.staged
        if self._judge is not None:
            self.judge(self._judge)
        self._metadata = replace(self._metadata, created_at=staged.metadata.created_at, staged_key=staged.key)

    def _swap(self) -> StoredObject:
        """Copies staged to active under the conditions, and returns what is active then.

        An answer can be lost although the copy happened: the retry inside the client then meets our own file and fails.
        So what counts is what is active afterwards; the key of the announcement names one promotion.
        """
        store, active_key, staged = self._store, self._destination.active_key, self.staged
        record = self._announce(self._metadata, self.active)
        promised = replace(self._metadata, promoted_by=self._metadata.promoted_by or self._command, record=record)
        texts = promised.to_texts()
        failure: PreconditionFailed | StoreFailed | None = None
        etag = None
        with prepared(store, self._method, staged.key, staged.etag, active_key, texts) as swap:
            self._look_at_hold()  # once more, with nothing left to do but the swap: copying in parts can take minutes
            self._require_unchanged()
            self._sent[record] = promised
            self.is_outcome_unknown = True
            try:
                etag = swap(self.active.etag if self.active else None)
            except (PreconditionFailed, StoreFailed) as error:
                failure = error
        try:
            now_active = store.head(active_key)
        except StoreFailed as error:
            if etag is None:
                error.hint = f"Whether it was promoted is not known: see `publisher status`. {error.hint}"
                raise error from failure
            # The store confirmed the copy: nothing that comes after makes it undone.
            self.is_outcome_unknown = False
            self._warn(f"active is new, but could not be looked at afterwards: {error.message}")
            return StoredObject(active_key, etag, staged.bytes, datetime.now(timezone.utc), texts)
        if now_active is not None and self._is_ours(now_active):
            if etag is not None and now_active.etag != etag:
                self._raise_other_bytes()
            return self._checked(now_active)
        # What failed for another reason than the condition may be on its way still.
        self.is_outcome_unknown = isinstance(failure, StoreFailed)
        if isinstance(failure, StoreFailed):
            failure.hint = f"Whether it was promoted is not known: see `publisher status`. {failure.hint}"
        if failure is not None:
            raise failure
        if now_active is None:
            raise IntegrityError(
                f"{self._destination.url(active_key)} is gone right after the copy was confirmed.",
                "Something deletes in active/: find it, then run again.",
            )
        raise Conflict(
            f"Somebody else replaced active right after this run's copy ({etag}) was confirmed.",
            "Run `publisher status` to see what is active now; one schedule should own a destination.",
        )

    def _require_unchanged(self) -> None:
        """Looks whether active is still what the guards looked at.

        An ETag tells the content only. That somebody promoted equal bytes with other metadata, such as a newer
        partition, no condition of S3 can see: this look leaves that race the milliseconds until the swap.

        Raises:
            PreconditionFailed: It is not.
        """
        if not is_same(self._store.head(self._destination.active_key), self.active):
            raise PreconditionFailed(self._destination.active_key)
