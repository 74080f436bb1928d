"""The main flow: read, guard, stage, read back, promote."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import BinaryIO

from publisher import __version__, guards
from publisher.errors import Conflict, SourceNotReady, UsageError
from publisher.file.blocks import blocks
from publisher.file.changes import NotComparable, count_changes
from publisher.file.encoding import Encoder
from publisher.file.lookalikes import LookalikeCounter
from publisher.lake.access import LakeAccess
from publisher.settings import PublishSettings
from publisher.store.promotion import Promotion
from publisher.store.protocol import ObjectMissing, PreconditionFailed, Store
from publisher.table.contents import list_files
from publisher.table.dbt_artifacts import read_build
from publisher.table.summary import read_summary
from publisher.table.table import Table, open_table
from publisher.values import Build, Changes, Encoded, Metadata, StoredObject, Summary, is_metadata_text

_READ_BYTES = 1 << 20
_COMPARISONS = 2


class Watcher:
    """Is told how far a publish is; the default does not care."""

    def step(self, name: str) -> None:
        """A step begins."""

    def reading(self, total_rows: int) -> None:
        """The table is about to be streamed."""

    def read(self, rows: int) -> None:
        """So many more rows were streamed."""

    def warn(self, text: str) -> None:
        """Something is worth knowing, and no reason to stop."""


@dataclass(frozen=True)
class Published:
    """What a publish did.

    Attributes:
        previous: What was active before; None on the first publish.
        seconds: Wall time of each step, in order.
    """

    encoded: Encoded
    metadata: Metadata
    staged_key: str
    active_key: str
    etag: str
    previous: StoredObject | None
    seconds: Mapping[str, float]


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
    watcher, lake = watcher or Watcher(), lake or LakeAccess()
    steps = _Steps(watcher)
    enforce = guards.Enforcer(settings.overrule)

    with steps("prepare"):
        source = _open(settings, lake, enforce)
        promotion = Promotion(store, settings.destination, lambda hold: enforce(guards.require_no_hold, hold))
        enforce(guards.require_not_older, source.partition, promotion.active)
    with _spool(settings) as spool:
        with steps("encode"):
            encoded = _encode(source, spool, settings, watcher, lake, enforce)
        with steps("compare"):
            promotion.judge(_Candidate(store, settings, source, spool, encoded, watcher, enforce).over)
        with steps("stage"):
            promotion.stage(spool, encoded, now)
        with promotion.noting_failure():
            with steps("read_back"):
                promotion.read_back()
            with steps("promote"):
                promoted = promotion.promote()
    return Published(
        encoded=encoded,
        metadata=promoted.metadata,
        staged_key=promotion.staged.key,
        active_key=promoted.key,
        etag=promoted.etag,
        previous=promotion.active,
        seconds=steps.seconds,
    )


@dataclass(frozen=True)
class _Source:
    """The table to publish, and what vouches for it; a table named by hand has neither build nor summary."""

    table: Table
    partition: str | None
    build: Build | None
    summary: Summary | None


def _open(settings: PublishSettings, lake: LakeAccess, enforce: guards.Enforcer) -> _Source:
    if settings.table is not None:
        table = open_table(settings.table, lake)
        named = next(iter(table.source_partitions)) if len(table.source_partitions) == 1 else None
        return _Source(table, settings.source_partition or named, None, None)
    build = read_build(settings.target_path, settings.model, settings.id_column)
    enforce(guards.require_dbt_success, build)
    # In this order: an engine writes the table before its summary row, so that a row of this build vouches for a table
    # that was opened before it, and for a newer one never does.
    table = open_table(build.table, lake)
    summary = read_summary(build.summary, lake)
    enforce(guards.require_same_invocation, build, summary)
    enforce(guards.require_built_by, build, table.committed_at)
    if summary.source_partition is not None and not is_metadata_text(summary.source_partition):
        raise SourceNotReady(
            "The source partition in the summary row cannot be kept in an object's metadata: it is not plain ASCII.",
            "Narrow the setting partition_value_pattern, so that such a partition is not chosen.",
        )
    return _Source(table, summary.source_partition, build, summary)


def _encode(
    source: _Source,
    spool: BinaryIO,
    settings: PublishSettings,
    watcher: Watcher,
    lake: LakeAccess,
    enforce: guards.Enforcer,
) -> Encoded:
    """Streams the table into the spool, and runs the guards on what was streamed."""
    encoder = Encoder(spool, final_newline=settings.final_newline)
    told_prefix = source.summary.document_prefix if source.summary else None
    lookalikes = LookalikeCounter(settings.document_prefix if told_prefix is None else told_prefix)
    previous_id: bytes | None = None
    watcher.reading(source.table.rows)
    try:
        for block in blocks(source.table.id_arrays()):
            guards.require_good_ids(block)
            guards.require_ascending(block, previous_id)
            encoder.write(block.lines, block.count, block.first_id, block.last_id)
            previous_id = block.last_id
            lookalikes.feed(block)
            watcher.read(block.count)
        encoded = encoder.finish()
    except OSError as error:  # what the table raises has become a PublisherError; only the spool is left
        raise _spool_failed(error) from error
    enforce(guards.require_ids, encoded, source.partition, source.summary)
    enforce(guards.require_ids_unlike_documents, lookalikes.finish())
    if source.summary is not None:
        enforce(guards.require_equal_summary, encoded, source.summary, source.table.source_partitions)
        enforce(guards.require_summary_after, source.summary, source.table.committed_at)
    enforce(guards.require_unchanged_files, source.table.listing, list_files(source.table.ref, lake))
    enforce(guards.require_at_most, encoded, settings.limits.max_ids)
    return encoded


@dataclass(frozen=True)
class _Candidate:
    """A whole new file in the spool, to be judged by what it would replace."""

    store: Store
    settings: PublishSettings
    source: _Source
    spool: BinaryIO
    encoded: Encoded
    watcher: Watcher
    enforce: guards.Enforcer

    def over(self, active: StoredObject | None) -> Metadata:
        """Runs the guards that depend on what is active, and returns what to say about the new file."""
        source, encoded, limits = self.source, self.encoded, self.settings.limits
        self.enforce(guards.require_not_older, source.partition, active)
        changes = self._changes(active) if active else None
        active_ids = changes.active_ids if changes else active.metadata.total_ids if active else None
        self.enforce(guards.require_enough, encoded, active_ids, limits.min_percent_of_active, source.summary)
        self.enforce(guards.require_few_removed, changes, limits.max_percent_removed)
        return Metadata(
            total_ids=encoded.total_ids,
            md5_checksum=encoded.md5,
            source_partition=source.partition,
            sha256=encoded.sha256,
            content_bytes=encoded.content_bytes,
            dbt_invocation_id=source.build.invocation_id if source.build else None,
            ids_added=changes.ids_added if changes else None,
            ids_removed=changes.ids_removed if changes else None,
            overruled=",".join(self.enforce.overruled) or None,
            replaces=active.metadata.staged_key if active else None,
            snapshot_id=None if source.table.snapshot_id is None else str(source.table.snapshot_id),
            publisher_version=__version__,
        )

    def _changes(self, active: StoredObject) -> Changes | None:
        """Compares the new file with the active one; None when that is not what it should be."""
        reason = None
        for _ in range(_COMPARISONS):  # a bit that flipped on the way must not leave the limits on change out
            self.spool.seek(0)
            try:
                with self.store.read(active.key, active.etag) as pieces:
                    return count_changes(iter(lambda: self.spool.read(_READ_BYTES), b""), pieces)
            except NotComparable as damage:
                reason = damage
            except (PreconditionFailed, ObjectMissing):
                raise Conflict(
                    "Somebody else replaced active while the new file was compared with it.",
                    "One schedule should own a destination; run again, and the guards look at what is active then.",
                ) from None
        # A damaged active file is a reason to replace it, not to keep it.
        self.watcher.warn(f"what changes cannot be told: {reason}")
        return None


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


class _Steps:
    """Times the steps of a run."""

    def __init__(self, watcher: Watcher) -> None:
        self.seconds: dict[str, float] = {}
        self._watcher = watcher

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._watcher.step(name)
        begun = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - begun, 3)
