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
from publisher.artifacts import Build, Encoded, Metadata, Report, Summary, is_metadata_text
from publisher.dbt_artifacts import read_build
from publisher.encode import Encoder
from publisher.errors import SourceNotReady, UsageError
from publisher.ids import blocks
from publisher.settings import PublishSettings
from publisher.source import Table, open_table, read_summary
from publisher.store import Store


class Watcher:
    """Is told how far a publish is; the default does not care."""

    def step(self, name: str) -> None:
        """A step begins."""

    def reading(self, total_rows: int) -> None:
        """The table is about to be streamed."""

    def read(self, rows: int) -> None:
        """So many more rows were streamed."""


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
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> Report:
    """Publishes a table of ids: afterwards active is the whole new file, or what it was before.

    Args:
        settings: What to publish and where.
        store: The destination's bucket.
        watcher: Is told about progress.
        now: The clock that names the staged file.

    Raises:
        SourceNotReady: The table or dbt's artifacts are not usable, or dbt did not succeed.
        GuardRefusal: A guard refused.
        IntegrityError: The store gave back other bytes than it got.
        Conflict: Somebody else promoted.
        StoreFailed: The store failed.
    """
    watcher = watcher or Watcher()
    steps = _Steps(watcher)
    destination = settings.destination

    with steps("prepare"):
        origin = _open(settings)
        active = store.head(destination.active_key)
        guards.require_not_older(origin.source_partition, active)

    with _spool(settings) as spool:
        with steps("encode"):
            encoded = _encode(origin.table, spool, settings, watcher)
            _guard(origin, encoded)
        with steps("stage"):
            staged = promote.stage(store, destination, spool, encoded, _metadata(origin, encoded), now)

    with steps("read_back"):
        promote.read_back(store, staged, encoded)
    with steps("promote"):
        promote.require_compare_and_swap(store, staged, active)
        promoted, previous = promote.promote(
            store,
            destination,
            staged,
            encoded,
            active,
            lambda found: guards.require_not_older(origin.source_partition, found),
        )

    return Report(
        encoded=encoded,
        metadata=staged.metadata,
        staged_key=staged.key,
        active_key=destination.active_key,
        etag=promoted.etag,
        previous=previous,
        seconds=steps.seconds,
    )


def _open(settings: PublishSettings) -> Origin:
    if settings.table is not None:
        table = open_table(settings.table)
        named = next(iter(table.source_partitions)) if len(table.source_partitions) == 1 else None
        return Origin(table, settings.source_partition or named, None, None)
    build = read_build(settings.target_path, settings.model, settings.id_column)
    guards.require_dbt_success(build)
    summary = read_summary(build.summary)
    guards.require_same_invocation(build, summary)
    if summary.source_partition is not None and not is_metadata_text(summary.source_partition):
        raise SourceNotReady(
            "The source partition in the summary row cannot be kept in an object's metadata: it is not plain ASCII.",
            "Narrow the setting partition_value_pattern, so that such a partition is not chosen.",
        )
    return Origin(open_table(build.table), summary.source_partition, build, summary)


def _encode(table: Table, spool: BinaryIO, settings: PublishSettings, watcher: Watcher) -> Encoded:
    encoder = Encoder(spool, final_newline=settings.final_newline)
    previous_id: bytes | None = None
    watcher.reading(table.rows)
    try:
        for block in blocks(table.id_arrays()):
            guards.require_good_ids(block)
            guards.require_ascending(block, previous_id)
            encoder.write(block.lines, block.count, block.first_id, block.last_id)
            previous_id = block.last_id
            watcher.read(block.count)
        return encoder.finish()
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


def _guard(origin: Origin, encoded: Encoded) -> None:
    guards.require_ids(encoded, origin.source_partition)
    if origin.summary is not None:
        guards.require_equal_summary(encoded, origin.summary, origin.table.source_partitions)


def _metadata(origin: Origin, encoded: Encoded) -> Metadata:
    return Metadata(
        total_ids=encoded.total_ids,
        md5_checksum=encoded.md5,
        source_partition=origin.source_partition,
        sha256=encoded.sha256,
        content_bytes=encoded.content_bytes,
        dbt_invocation_id=origin.build.invocation_id if origin.build else None,
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
