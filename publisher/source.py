"""The table that is to be published, and dbt's word for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from publisher import guards
from publisher.errors import GuardRefusal, SourceNotReady
from publisher.file.blocks import Block, blocks
from publisher.file.changes import NotComparable, compare, of_arrays, of_file
from publisher.lake.access import LakeAccess
from publisher.settings import PublishSettings
from publisher.table.contents import list_files
from publisher.table.dbt_artifacts import read_build
from publisher.table.summary import read_summary
from publisher.table.table import Table, open_table
from publisher.values import Build, Summary, is_metadata_text

_READ_BYTES = 1 << 20


def good_blocks(table: Table, max_id_bytes: int) -> Iterator[Block]:
    """Yields the ids of a table in blocks, each of which the guards on ids let through.

    Args:
        table: The table.
        max_id_bytes: What an id may be long.

    Raises:
        GuardRefusal: An id is none, or is not greater than the one before it.
    """
    previous_id: bytes | None = None
    for block in blocks(table.id_arrays()):
        guards.require_good_ids(block, max_id_bytes)
        guards.require_ascending(block, previous_id)
        yield block
        previous_id = block.last_id


@dataclass(frozen=True)
class Source:
    """The table to publish, and what vouches for it.

    Attributes:
        partition: Where it comes from; None where that is not known.
        build: What dbt says of it; None for one that was named by hand.
        summary: The summary row, likewise.
        suppressed: The table of ids that must not be published; None where there is no suppression list.
    """

    table: Table
    partition: str | None
    build: Build | None
    summary: Summary | None
    suppressed: Table | None = None


def open_source(settings: PublishSettings, lake: LakeAccess, enforce: guards.Enforcer) -> Source:
    """Opens the table, and runs the guards on what vouches for it.

    Args:
        settings: Which one.
        lake: What reads it.
        enforce: Runs guards.

    Raises:
        SourceNotReady: The table or dbt's artifacts are not usable, or dbt did not succeed.
        GuardRefusal: The summary row is of another build, or does not tell of a suppression list as that does.
    """
    if settings.table is not None:
        table = open_table(settings.table, lake)
        named = next(iter(table.source_partitions)) if len(table.source_partitions) == 1 else None
        return Source(table, settings.source_partition or named, None, None)
    build = read_build(settings.target_path, settings.model, settings.id_column, settings.exposure)
    enforce(guards.require_dbt_success, build)
    # In this order: an engine writes the table before its summary row, so that a row of this build vouches for a table
    # that was opened before it, and for a newer one never does.
    table = open_table(build.table, lake)
    summary = read_summary(build.summary, lake)
    enforce(guards.require_same_invocation, build, summary)
    enforce(guards.require_built_by, build, table.committed_at)
    guards.require_suppression_told(build, summary)
    suppressed = open_table(build.suppressed, lake) if build.suppressed is not None else None
    if suppressed is not None:
        enforce(guards.require_built_by, build, suppressed.committed_at)
    if summary.source_partition is not None and not is_metadata_text(summary.source_partition):
        raise SourceNotReady(
            "The source partition in the summary row cannot be kept in an object's metadata: it is not plain ASCII.",
            "Narrow the setting partition_value_pattern, so that such a partition is not chosen.",
        )
    return Source(table, summary.source_partition, build, summary, suppressed)


def require_none_suppressed(source: Source, spool: BinaryIO, lake: LakeAccess, enforce: guards.Enforcer) -> None:
    """Lets through only a new file without an id that must not be published: its bytes beside the table of those.

    Args:
        source: What it was made from; without a suppression list nothing is looked at.
        spool: The compressed file.
        lake: What reads the table.
        enforce: Runs guards.

    Raises:
        GuardRefusal: The file has such an id, or the table of those cannot be relied upon.
        SourceNotReady: That table is gone, or changed while it was read.
        StoreFailed: The store failed.
    """
    table = source.suppressed
    if table is None or source.summary is None:
        return
    spool.seek(0)
    new = of_file("the new file", iter(lambda: spool.read(_READ_BYTES), b""))
    try:
        found = compare(new, of_arrays("the table of suppressed ids", table.id_arrays()))
    except NotComparable as damage:
        raise GuardRefusal(
            f"It is not known what must not be published: {damage}.",
            "That table, <model>_suppressed, must be made by `select distinct … order by id`: run `dbt build` again.",
            guard=guards.SUPPRESSED_IDS,
        ) from damage
    # What the new file lacks of the table is not held.
    guards.require_none_suppressed(found.active_ids - found.ids_removed, found.active_ids, source.summary)
    enforce(guards.require_unchanged_files, table.listing, list_files(table.ref, lake))
