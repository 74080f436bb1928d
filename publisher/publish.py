"""The main flow: read, guard, stage, read back, promote; each run leaves its record."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import BinaryIO

from publisher import guards
from publisher.candidate import Candidate, require_known_and_newer
from publisher.errors import UsageError
from publisher.file.encoding import Encoder
from publisher.file.lookalikes import LookalikeCounter
from publisher.lake.access import LakeAccess
from publisher.records.journal import Journal
from publisher.records.memory import Memory, Recollection
from publisher.records.record import PUBLISHED
from publisher.settings import PublishSettings
from publisher.source import Source, good_blocks, open_source, require_none_suppressed
from publisher.store.promotion import Promotion
from publisher.store.protocol import Store
from publisher.table.contents import list_files
from publisher.tagging import Tagged, require_taggable, tag_active, tag_after
from publisher.values import Encoded, Hold, Metadata, StoredObject


class Watcher:
    """Is told how far a publish is; the default does not care."""

    def begins(self, run_id: str) -> None:
        """The run begins, whose records have this id."""

    def opened(self, source: Source) -> None:
        """The table is open, and vouched for."""

    def recalled(self, memory: Memory) -> None:
        """What was promoted last is known."""

    def step(self, name: str) -> None:
        """A step begins."""

    def done(self, name: str, seconds: float) -> None:
        """A step came to its end."""

    def reading(self, total_rows: int) -> None:
        """The table is about to be streamed."""

    def read(self, rows: int) -> None:
        """So many more rows were streamed."""

    def warn(self, text: str) -> None:
        """Something is worth knowing, and no reason to stop."""


@dataclass(frozen=True)
class Published:
    """What a publish did, or would do.

    Attributes:
        is_dry_run: Whether nothing was written; then there is no staged key and no ETag.
        previous: What was active before, or was promoted last where active is gone; None on the first publish.
        seconds: Wall time of each step, in order.
        warnings: What is worth knowing, and no reason to stop.
    """

    encoded: Encoded
    metadata: Metadata
    staged_key: str
    active_key: str
    etag: str
    previous: StoredObject | None
    seconds: Mapping[str, float]
    warnings: tuple[str, ...]
    is_dry_run: bool = False


def publish(
    settings: PublishSettings,
    store: Store,
    watcher: Watcher | None = None,
    lake: LakeAccess | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> Published:
    """Publishes a table of ids: afterwards active is the whole new file, or what it was before.

    Args:
        settings: What to publish and where.
        store: The destination's bucket.
        watcher: Is told about progress.
        lake: What reads the table.
        now: The clock that names the staged file.

    Raises:
        SourceNotReady: The table or dbt's artifacts are not usable, or dbt did not succeed.
        GuardRefusal: A guard refused.
        IntegrityError: The store gave back other bytes than it got.
        Conflict: Somebody else promoted.
        StoreFailed: The store failed.
    """
    run = _Run(settings, store, watcher or Watcher(), lake or LakeAccess())
    with nullcontext() if settings.dry_run else run.journal.ending():
        with run.step("prepare"):
            source = open_source(settings, run.lake, run.enforce)
            if settings.tag_snapshot:
                require_taggable(source.table.ref)
            run.watcher.opened(source)
            promotion = Promotion(
                store, settings.destination, "publish", run.announce, guard_hold=run.guard_hold, warn=run.warn
            )
            run.recall(source.partition, promotion)
        with _spool(settings) as spool:
            with run.step("encode"):
                encoded = _encode(source, spool, run)
            with run.step("compare"):
                promotion.judge(run.candidate(source, spool, encoded).over)
            if settings.dry_run:
                return run.report(encoded, promotion.metadata, promotion.active)
            with run.step("stage"):
                promotion.stage(spool, encoded, now)
            with promotion.noting_failure():
                with run.step("read_back"):
                    promotion.read_back()
                with run.step("promote"):
                    promoted = promotion.promote()
    run.tag(promoted)
    run.journal.promoted(PUBLISHED, promoted, run.recollection.memory.abandoned)
    return run.report(encoded, promoted.metadata, promotion.active, promoted.etag)


class _Run:
    """What belongs to one run and no step of it: the guards that were overruled, its record, warnings, seconds."""

    def __init__(self, settings: PublishSettings, store: Store, watcher: Watcher, lake: LakeAccess) -> None:
        self.lake = lake
        self.watcher = watcher
        self.settings = settings
        self.enforce = guards.Enforcer(settings.overrule)
        self.journal = Journal(store, settings.destination, "publish", warn=self.warn)
        self._store = store
        self.recollection = Recollection(store, settings.destination)
        self._seconds: dict[str, float] = {}
        self._warnings: list[str] = []
        watcher.begins(self.journal.run_id)
        limits = settings.limits
        self.journal.know(
            reason=settings.reason,
            model=None if settings.table else settings.model,
            max_ids=limits.max_ids,
            max_id_bytes=limits.max_id_bytes,
            min_percent_of_active=limits.min_percent_of_active,
            max_percent_removed=limits.max_percent_removed,
            max_deviation=limits.max_deviation,
            final_newline=settings.final_newline,
        )

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times a step."""
        self.watcher.step(name)
        self.journal.know(step=name)
        begun = time.perf_counter()
        yield
        seconds = round(time.perf_counter() - begun, 3)
        self._seconds[name] = seconds
        self.journal.know(**{f"seconds_{name}": seconds})
        self.watcher.done(name, seconds)

    def warn(self, text: str) -> None:
        """Tells whoever watches, and the record."""
        if text not in self._warnings:
            self._warnings.append(text)
            self.watcher.warn(text)
            self.journal.know(warnings="; ".join(self._warnings))

    def guard_hold(self, hold: Hold | None) -> None:
        """Refuses where a hold is set that was not overruled."""
        self.enforce(guards.require_no_hold, hold)

    def recall(self, partition: str | None, promotion: Promotion) -> None:
        """Runs the guards that need nothing but what was promoted last; completes the record of one that was killed."""
        self.journal.reached()
        self.journal.know(source_partition=partition)
        memory = self.recollection.over(promotion.active)
        self.watcher.recalled(memory)
        if memory.unfinished is not None and not self.settings.dry_run:
            self.journal.complete(memory.unfinished, None, promotion.active)
        require_known_and_newer(self.enforce, partition, memory)

    def candidate(self, source: Source, spool: BinaryIO, encoded: Encoded) -> Candidate:
        """Returns the new file as it is judged."""
        self.journal.know(table_read=str(source.table.ref), bytes=encoded.bytes)
        return Candidate(
            store=self._store,
            settings=self.settings,
            source=source,
            spool=spool,
            encoded=encoded,
            recollection=self.recollection,
            enforce=self.enforce,
            warn=self.warn,
        )

    def announce(self, said: Metadata, active: StoredObject | None) -> str:
        """Records that the file is about to become active."""
        memory = self.recollection.memory
        self.journal.saw(memory.latest)
        return self.journal.announce_file(said, memory.previous, active)

    def tag(self, promoted: StoredObject) -> None:
        """Lets the tag of the Iceberg table follow, where one does, or did until now."""
        previous, settings = self.recollection.memory.previous, self.settings
        before = previous.metadata if previous else None

        def tag() -> list[Tagged]:
            return tag_active(self._store, settings.destination, self.lake, settings.keep_tags, before)

        tag_after(promoted, before, tag, self.warn)

    def report(self, encoded: Encoded, said: Metadata, active: StoredObject | None, etag: str = "") -> Published:
        """Returns what the run did."""
        return Published(
            encoded=encoded,
            metadata=said,
            staged_key=said.staged_key or "",
            active_key=self.settings.destination.active_key,
            etag=etag,
            previous=self.recollection.memory.previous or active,
            seconds=self._seconds,
            warnings=tuple(self._warnings),
            is_dry_run=self.settings.dry_run,
        )


def _encode(source: Source, spool: BinaryIO, run: _Run) -> Encoded:
    """Streams the table into the spool, and runs the guards on what was streamed."""
    settings, watcher, enforce = run.settings, run.watcher, run.enforce
    encoder = Encoder(spool, final_newline=settings.final_newline)
    told_prefix = source.summary.document_prefix if source.summary else None
    lookalikes = LookalikeCounter(settings.document_prefix if told_prefix is None else told_prefix)
    watcher.reading(source.table.rows)
    try:
        for block in good_blocks(source.table, settings.limits.max_id_bytes):
            encoder.write(block.lines, block.count, block.first_id, block.last_id)
            lookalikes.feed(block)
            watcher.read(block.count)
        encoded = encoder.finish()
    except OSError as error:  # what the table raises has become a PublisherError; only the spool is left
        raise _spool_failed(error) from error
    enforce(guards.require_ids, encoded, source.partition, source.summary)
    found = lookalikes.finish()
    enforce(guards.require_ids_unlike_documents, found)
    for near in guards.near_documents(found):
        run.warn(near)
    if source.summary is not None:
        enforce(guards.require_equal_summary, encoded, source.summary, source.table.source_partitions)
        enforce(guards.require_summary_after, source.summary, source.table.committed_at)
    enforce(guards.require_unchanged_files, source.table.listing, list_files(source.table.ref, run.lake))
    require_none_suppressed(source, spool, run.lake, enforce)
    enforce(guards.require_at_most, encoded, settings.limits.max_ids)
    return encoded


@contextmanager
def _spool(settings: PublishSettings) -> Iterator[BinaryIO]:
    # Without a name in the folder, so that even a killed process leaves nothing behind.
    try:
        spool = tempfile.TemporaryFile(dir=settings.spool_dir, prefix="publisher-")  # noqa: SIM115 -- closed below
    except OSError as error:
        raise _spool_failed(error) from error
    with spool:
        yield spool


def _spool_failed(error: OSError) -> UsageError:
    return UsageError(
        f"The compressed file could not be kept in the spool folder: {error.strerror}.",
        "Free some space, or name a folder with room for the file with --spool-dir.",
    )
