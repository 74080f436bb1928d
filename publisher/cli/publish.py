"""`publisher publish`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from publisher.cli import log, options
from publisher.cli.connect import open_bucket, require_extra
from publisher.cli.output import Output, fields_text, replaced_text, stored_fields
from publisher.guards.limits import Limits
from publisher.settings import PublishSettings, parse_table
from publisher.store.keys import Destination

if TYPE_CHECKING:
    from publisher.publish import Published


@click.command()
@click.pass_obj
@options.writing
@options.dbt
@options.TABLE
@options.SOURCE_PARTITION
@options.ID_COLUMN
@options.FINAL_NEWLINE
@options.SPOOL_DIR
@options.MAX_IDS
@options.MAX_ID_BYTES
@options.MIN_PERCENT_OF_ACTIVE
@options.MAX_PERCENT_REMOVED
@options.MAX_DEVIATION
@options.OVERRULE
@options.OVERRULE_REASON
@options.DRY_RUN
@options.TAG_SNAPSHOT
@options.KEEP_TAGS
@options.telling
def publish(
    output: Output,
    to: str,
    endpoint_url: str | None,
    target_path: Path,
    model: str,
    table: str | None,
    source_partition: str | None,
    id_column: str,
    final_newline: bool,
    spool_dir: Path | None,
    max_ids: int,
    max_id_bytes: int,
    min_percent_of_active: float,
    max_percent_removed: float,
    max_deviation: float | None,
    overrule: tuple[str, ...],
    reason: str | None,
    dry_run: bool,
    tag_snapshot: bool,
    keep_tags: int,
) -> None:
    """Publish the table that dbt built, if all guards agree.

    Everything about the table comes from dbt's artifacts, unless --table names one by hand: parquet:/path or
    parquet:s3://bucket/path, iceberg:/path/v3.metadata.json (or the folder of a file-system table),
    glue:database.table. Of an Iceberg table one snapshot is read to its end.
    """
    output.telling.begin(to, is_dry_run=dry_run)
    settings = PublishSettings(
        destination=Destination.parse(to),
        target_path=target_path,
        model=model,
        table=parse_table(table, id_column) if table else None,
        source_partition=source_partition,
        id_column=id_column,
        # A setting of the models, and no option: only what --table names has nobody else to tell it.
        document_prefix=os.environ.get("MATCHED_IDS_DOCUMENT_PREFIX", PublishSettings.document_prefix),
        final_newline=final_newline,
        spool_dir=spool_dir,
        limits=Limits(max_ids, min_percent_of_active, max_percent_removed, max_deviation, max_id_bytes),
        overrule=frozenset(overrule),
        reason=reason,
        dry_run=dry_run,
        tag_snapshot=tag_snapshot,
        keep_tags=keep_tags,
    )
    require_extra("pyarrow", "publish", "publish")
    from publisher.aws.clients import Deadline
    from publisher.cli.progress import progress
    from publisher.lake.access import LakeAccess
    from publisher.publish import publish as run

    deadline = Deadline(output.deadline_seconds)
    store, lake = open_bucket(settings.destination.bucket, endpoint_url, output, deadline), LakeAccess(deadline)

    with progress(sys.stderr, output.telling) as watcher:
        published = run(settings, store, watcher, lake)
    output.telling.published, output.telling.step = published, None
    log.know(step=None)
    if log.is_json():
        log.note(_sentence(published), seconds=round(output.telling.seconds, 3))
    output.answer(_fields(published), _text(published, settings.destination), is_done=True)


def _sentence(published: Published) -> str:
    """Returns the end of a log."""
    said = published.metadata
    word = "would be published" if published.is_dry_run else "published"
    return f"{word}: {published.encoded.total_ids:,} ids of partition {said.source_partition or 'unknown'}"


def _fields(published: Published) -> dict[str, Any]:
    encoded, previous = published.encoded, published.previous
    return {
        "status": "would be published" if published.is_dry_run else "published",
        "total_ids": encoded.total_ids,
        "md5_checksum": encoded.md5,
        "sha256": encoded.sha256,
        "source_partition": published.metadata.source_partition,
        "staged_key": published.staged_key or None,
        "active_key": published.active_key,
        "etag": published.etag or None,
        "bytes": encoded.bytes,
        "content_bytes": encoded.content_bytes,
        "created_at": published.metadata.created_at,
        "dbt_invocation_id": published.metadata.dbt_invocation_id,
        "ids_added": published.metadata.ids_added,
        "ids_removed": published.metadata.ids_removed,
        "suppression_entries": published.metadata.suppression_entries,
        "withheld_ids": published.metadata.withheld_ids,
        "snapshot_id": published.metadata.snapshot_id,
        "tagged_table": published.metadata.tagged_table,
        "overruled": list(published.metadata.overruled_guards),
        "warnings": list(published.warnings),
        "previous": stored_fields(previous) if previous else None,
        "seconds": dict(published.seconds),
    }


def _text(published: Published, destination: Destination) -> str:
    fields = _fields(published)
    previous = published.previous.metadata if published.previous else None
    shown = {
        "source partition": fields["source_partition"],
        "ids": fields["total_ids"],
        "added": fields["ids_added"],
        "removed": fields["ids_removed"],
        "withheld (suppressed)": fields["withheld_ids"],
        "overruled": published.metadata.overruled,
        "bytes": fields["bytes"],
        "md5 of the content": fields["md5_checksum"],
        "sha256 of the file": fields["sha256"],
        "near a limit": "; ".join(text for text in published.warnings if text.startswith("near ")) or None,
        "staged as": destination.url(published.staged_key) if published.staged_key else None,
        ("would replace" if published.is_dry_run else "replaced"): replaced_text(
            previous.source_partition, previous.total_ids
        )
        if previous
        else "nothing, it is the first",
        "seconds": ", ".join(f"{step} {seconds:.2f}" for step, seconds in published.seconds.items()),
    }
    title = "dry run, nothing was written: would publish" if published.is_dry_run else "published"
    return fields_text(f"{title} {destination.url(published.active_key)}", shown)
