"""The tags of an Iceberg table, as its metadata has them: which name which snapshot. No file is touched here.

The metadata is changed where it must be, as JSON, and all else stays as its writer left it: what is read into the model
of a library and written again lacks what that library does not know.
https://iceberg.apache.org/spec/#table-metadata-fields, https://iceberg.apache.org/spec/#snapshot-references
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from publisher.errors import SourceNotReady

PUBLISHED = "published"
# The property history.expire.max-ref-age-ms sets an age for all tags that have none of their own.
_FOR_EVER = (1 << 63) - 1
_MOST_PREVIOUS_VERSIONS = 100
_HINT = "Rebuild the table with `dbt build`, or name its state by hand: `alter table … create or replace tag`."


@dataclass(frozen=True)
class Wanted:
    """What the tags are to say.

    Attributes:
        snapshot_id: The snapshot that `published` is to name; None for none.
        partition: The partition whose own tag is to name it, too; None for no such tag.
        keep: How many of the partitions' tags stay; None for all.
    """

    snapshot_id: int | None
    partition: str | None = None
    keep: int | None = None


@dataclass(frozen=True)
class Change:
    """The metadata with the tags as they are wanted.

    Attributes:
        metadata: None where the tags are so already.
        is_named: Whether `published` names the snapshot; where the table has none like it (any more), it is removed.
    """

    metadata: Mapping[str, Any] | None
    is_named: bool


def tag_of(partition: str) -> str:
    """Returns a partition's own tag: `published_20251022`, of several levels `published_ano_2025_mes_10_dia_22`."""
    return f"{PUBLISHED}_{re.sub('[^0-9A-Za-z]', '_', partition)}"


def parse(content: bytes, location: str) -> dict[str, Any]:
    """Reads a metadata file.

    Raises:
        SourceNotReady: It is none, or of a version without tags.
    """
    try:
        metadata = json.loads(content)
        is_whole = isinstance(metadata, dict) and isinstance(metadata["snapshots"], list) and metadata["location"]
    except (ValueError, KeyError, TypeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise SourceNotReady(f"{location} cannot be read as Iceberg metadata.", _HINT)
    if metadata.get("format-version") == 1:
        raise SourceNotReady(
            f"The Iceberg table of {location} is of format version 1, which has no tags.",
            "Upgrade it: alter table … set tblproperties ('format-version' = '2').",
        )
    found: dict[str, Any] = metadata
    return found


def changed(metadata: Mapping[str, Any], location: str, wanted: Wanted, now_ms: int) -> Change:
    """Returns the metadata with other tags.

    Args:
        metadata: As it is current.
        location: Its file, as the table calls it.
        wanted: What the tags are to say.
        now_ms: The clock, in milliseconds since 1970.

    Raises:
        SourceNotReady: A branch has the name of a tag.
    """
    before: dict[str, dict[str, Any]] = metadata.get("refs") or {}
    committed = {snapshot["snapshot-id"]: snapshot.get("timestamp-ms", 0) for snapshot in metadata["snapshots"]}
    refs = dict(before)
    is_named = wanted.snapshot_id in committed
    names = [PUBLISHED, *([tag_of(wanted.partition)] if wanted.partition is not None else [])]
    for name in names:
        if before.get(name, {}).get("type", "tag") != "tag":
            raise SourceNotReady(f"The Iceberg table of {location} has a branch called {name}.", "Rename it.")
        if is_named:
            # A tag that is right stays as it is, whatever age somebody gave it.
            if before.get(name, {}).get("snapshot-id") != wanted.snapshot_id:
                refs[name] = {"snapshot-id": wanted.snapshot_id, "type": "tag", "max-ref-age-ms": _FOR_EVER}
        elif name == PUBLISHED:
            refs.pop(name, None)
    if wanted.keep is not None:
        newest = sorted(
            (name for name, ref in refs.items() if name.startswith(f"{PUBLISHED}_") and ref.get("type") == "tag"),
            key=lambda name: (name in names, committed.get(refs[name]["snapshot-id"], 0), name),
            reverse=True,
        )
        for name in newest[wanted.keep :]:
            del refs[name]
    if refs == before:
        return Change(None, is_named)
    return Change({**metadata, **_history(metadata, location, now_ms), "refs": refs}, is_named)


def _history(metadata: Mapping[str, Any], location: str, now_ms: int) -> dict[str, Any]:
    """Returns what each change of the metadata adds: when it was made, and which file it replaces."""
    updated_ms = metadata.get("last-updated-ms", 0)
    properties = metadata.get("properties") or {}
    most = str(properties.get("write.metadata.previous-versions-max", ""))
    log = [*(metadata.get("metadata-log") or []), {"timestamp-ms": updated_ms, "metadata-file": location}]
    return {
        "last-updated-ms": max(now_ms, updated_ms),  # readers refuse a time before the last one of the log
        "metadata-log": log[-(int(most) if most.isdigit() and int(most) > 0 else _MOST_PREVIOUS_VERSIONS) :],
    }
