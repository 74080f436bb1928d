"""What is answered of a published file, to a program and to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from publisher.cli.output import fields_text, replaced_text, stored_fields

if TYPE_CHECKING:
    from publisher.publish import Published
    from publisher.store.keys import Destination


def published_fields(published: Published) -> dict[str, Any]:
    """Returns it for a program."""
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


def published_text(published: Published, destination: Destination) -> str:
    """Returns it for a person."""
    fields = published_fields(published)
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
