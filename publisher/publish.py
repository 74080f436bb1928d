"""The main flow: read, guard, stage, read back, promote."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import BinaryIO

from publisher import __version__, guards, promote
from publisher.artifacts import (
    Build,
    Changes,
    Encoded,
    Lookalikes,
    Metadata,
    Report,
    StoredObject,
    Summary,
    is_metadata_text,
)
from publisher.changes import Comparison, IdArrays, NotComparable, count_changes, file_lines
from publisher.dbt_artifacts import read_build
from publisher.documents import LookalikeCounter
from publisher.encode import Encoder
from publisher.errors import Conflict, PublisherError, SourceNotReady, UsageError
from publisher.hold import current_hold
from publisher.ids import blocks
from publisher.overlap import alongside
from publisher.settings import PublishSettings
from publisher.source import Lake, Table, list_files, open_table, read_summary
from publisher.store import ObjectMissing, PreconditionFailed, Store

_READ_BYTES = 1 << 20


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
class Origin:
    """The table to publish, and what vouches for it; a table named by hand has neither build nor summary."""

    table: Table
    source_partition: str | None
    build: Build | None
    summary: Summary | None


def publish(
    settings: PublishSettings,
    store: Store,
    watcher: Watcher | None = None,
    lake: Lake | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> Report:
    """Publishes a table of ids: afterwards active is the whole new file, or what it was before.

    Args:
        settings: What to publish and where.
        store: The destination's bucket.
        watcher: Is told about progress.
        lake: Where the table is looked for.
        now: The clock that names the staged file.

    Raises:
        SourceNotReady: The table or dbt's artifacts are not usable, or dbt did not succeed.
        GuardRefusal: A guard refused.
        IntegrityError: The store gave back other bytes than it got.
        Conflict: Somebody else promoted.
        StoreFailed: The store failed.
    """
    watcher, lake = watcher or Watcher(), lake or Lake()
    steps = _Steps(watcher)
    enforce = guards.Enforcer(settings.overrule)
    destination = settings.destination

    with steps("prepare"):
        origin = _open(settings, lake, enforce)
        active = store.head(destination.active_key)
        enforce(guards.require_no_hold, current_hold(store, destination))
        enforce(guards.require_not_older, origin.source_partition, active)

    with _spool(settings) as spool, _comparison(store, active) as comparison:
        with steps("encode"):
            encoded, lookalikes = _encode(origin, spool, settings, watcher, comparison)
            _guard_content(origin, lake, encoded, lookalikes, settings, enforce)

        def guard_hold() -> None:
            enforce(guards.require_no_hold, current_hold(store, destination))

        def guard_change(active: StoredObject | None, comparison: Comparison | None = None) -> Metadata:
            """Runs the guards that depend on what is active, and returns what to say about the new file."""
            guard_hold()
            enforce(guards.require_not_older, origin.source_partition, active)
            changes = _changes(store, active, spool, watcher, comparison)
            active_ids = changes.active_ids if changes else active.metadata.total_ids if active else None
            min_percent = settings.limits.min_percent_of_active
            enforce(guards.require_enough, encoded, active_ids, min_percent, origin.summary)
            enforce(guards.require_few_removed, changes, settings.limits.max_percent_removed)
            return _metadata(origin, encoded, changes, active, enforce.overruled)

        with steps("compare"):
            metadata = guard_change(active, comparison)
        with steps("stage"):
            staged = promote.stage(store, destination, spool, encoded, metadata, now)
        try:
            with steps("read_back"):
                promote.read_back(store, staged, encoded)
            with steps("promote"):
                way, staged = promote.require_compare_and_swap(store, destination, staged, active)
                promoted, previous = promote.promote(store, destination, staged, way, active, guard_change, guard_hold)
        except PublisherError as error:
            promote.note_failure(store, destination, staged, error)
            raise

    return Report(
        encoded=encoded,
        metadata=promoted.metadata,
        staged_key=staged.key,
        active_key=destination.active_key,
        etag=promoted.etag,
        previous=previous,
        seconds=steps.seconds,
    )


def _open(settings: PublishSettings, lake: Lake, enforce: guards.Enforcer) -> Origin:
    if settings.table is not None:
        table = open_table(settings.table, lake)
        named = next(iter(table.source_partitions)) if len(table.source_partitions) == 1 else None
        return Origin(table, settings.source_partition or named, None, None)
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
    return Origin(table, summary.source_partition, build, summary)


def _encode(
    origin: Origin, spool: BinaryIO, settings: PublishSettings, watcher: Watcher, comparison: Comparison | None
) -> tuple[Encoded, tuple[Lookalikes, ...]]:
    encoder = Encoder(spool, final_newline=settings.final_newline)
    told_prefix = origin.summary.document_prefix if origin.summary else None
    lookalikes = LookalikeCounter(settings.document_prefix if told_prefix is None else told_prefix)
    previous_id: bytes | None = None
    watcher.reading(origin.table.rows)
    try:
        for block in blocks(origin.table.id_arrays()):
            guards.require_good_ids(block)
            guards.require_ascending(block, previous_id)
            encoder.write(block.lines, block.count, block.first_id, block.last_id)
            previous_id = block.last_id
            lookalikes.feed(block)
            if comparison is not None:
                comparison.feed(block.ids)
            watcher.read(block.count)
        return encoder.finish(), lookalikes.finish()
    except OSError as error:  # what the table raises has become a PublisherError; only the spool is left
        raise _spool_failed(error) from error


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


def _guard_content(
    origin: Origin,
    lake: Lake,
    encoded: Encoded,
    lookalikes: tuple[Lookalikes, ...],
    settings: PublishSettings,
    enforce: guards.Enforcer,
) -> None:
    enforce(guards.require_ids, encoded, origin.source_partition, origin.summary)
    enforce(guards.require_ids_unlike_documents, lookalikes)
    if origin.summary is not None:
        enforce(guards.require_equal_summary, encoded, origin.summary, origin.table.source_partitions)
        enforce(guards.require_summary_after, origin.summary, origin.table.committed_at)
    enforce(guards.require_unchanged_files, origin.table.listing, list_files(origin.table.ref, lake))
    enforce(guards.require_at_most, encoded, settings.limits.max_ids)


@contextmanager
def _comparison(store: Store, active: StoredObject | None) -> Iterator[Comparison | None]:
    """Compares with what is active while the new file is encoded, unless nothing is."""
    if active is None:
        yield None
        return

    def compare(new_ids: IdArrays) -> Changes:
        return _compare(store, active, new_ids)

    with alongside(compare) as comparison:
        yield comparison


def _compare(store: Store, active: StoredObject, new_ids: IdArrays) -> Changes:
    with store.read(active.key, active.etag) as pieces:
        return count_changes(new_ids, pieces)


def _changes(
    store: Store, active: StoredObject | None, spool: BinaryIO, watcher: Watcher, comparison: Comparison | None
) -> Changes | None:
    """Compares the new file with the active one; None when there is none, or it is not what it should be."""
    if active is None:
        return None

    def compare_again() -> Changes:
        spool.seek(0)
        return _compare(store, active, file_lines(iter(lambda: spool.read(_READ_BYTES), b"")))

    try:
        # Twice: a bit that flipped on the way must not be what leaves the limits on change out.
        for compare in (comparison.result if comparison else compare_again, compare_again):
            outcome = _unless_not_comparable(compare)
            if isinstance(outcome, Changes):
                return outcome
        # A damaged active file is a reason to replace it, not to keep it.
        watcher.warn(f"what changes cannot be told: {outcome}")
    except (PreconditionFailed, ObjectMissing):
        raise Conflict(
            "Somebody else replaced active while the new file was compared with it.",
            "One schedule should own a destination; run again, and the guards look at what is active then.",
        ) from None
    return None


def _unless_not_comparable(compare: Callable[[], Changes]) -> Changes | NotComparable:
    try:
        return compare()
    except NotComparable as reason:
        return reason


def _metadata(
    origin: Origin, encoded: Encoded, changes: Changes | None, active: StoredObject | None, overruled: list[str]
) -> Metadata:
    return Metadata(
        total_ids=encoded.total_ids,
        md5_checksum=encoded.md5,
        source_partition=origin.source_partition,
        sha256=encoded.sha256,
        content_bytes=encoded.content_bytes,
        dbt_invocation_id=origin.build.invocation_id if origin.build else None,
        ids_added=changes.ids_added if changes else None,
        ids_removed=changes.ids_removed if changes else None,
        overruled=",".join(overruled) or None,
        replaces=active.metadata.staged_key if active else None,
        snapshot_id=None if origin.table.snapshot_id is None else str(origin.table.snapshot_id),
        publisher_version=__version__,
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
