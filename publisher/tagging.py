"""The tag `published` of the Iceberg table: it names the snapshot whose ids are active, or it is not there.

The store and the table's catalog are two systems, so the tag follows active a moment later. Whoever sets it looks at
active before and after, so that of several who do, the last one sets it by what is active in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from publisher.errors import Conflict, PublisherError, SourceNotReady, UsageError
from publisher.lake.access import LakeAccess
from publisher.lake.iceberg.commit import commit_tags, require_committable
from publisher.lake.iceberg.tags import Wanted
from publisher.settings import parse_table
from publisher.store.active import require_active
from publisher.store.keys import Destination
from publisher.store.protocol import Store
from publisher.values import Metadata, StoredObject, TableRef, is_metadata_text, is_same

_LOOKS = 3


@dataclass(frozen=True)
class Tagged:
    """What the tag of a table is now.

    Attributes:
        table: As `--table` writes it.
        snapshot_id: What `published` names; None where it was removed, or was not there.
        warning: What somebody has to know, or do; None where the tag names what is active.
    """

    table: str
    snapshot_id: str | None
    warning: str | None = None


def require_taggable(ref: TableRef) -> None:
    """Lets through only a table whose tags can be set, and whose name active's metadata can keep.

    Raises:
        UsageError: It is none.
    """
    require_committable(ref)
    if not is_metadata_text(str(ref)):
        raise UsageError(
            f"The table {ref} cannot be tagged: its name cannot be kept in active's metadata, which is plain ASCII.",
            "Set MATCHED_IDS_LOCAL_DIR to a folder with such a name, or leave --tag-snapshot out.",
        )


def tag_active(
    store: Store, destination: Destination, lake: LakeAccess, keep: int, before: Metadata | None = None
) -> list[Tagged]:
    """Makes `published` name what is active, in the table that active's metadata says is tagged.

    Args:
        store: The bucket.
        destination: Where in it.
        lake: What reads and writes the table.
        keep: How many of the partitions' tags stay.
        before: What was active before; in its table, if that is another, nothing is `published` any more.

    Returns:
        What the tag is in each table that has, or had it; empty where there is none.

    Raises:
        SourceNotReady: Nothing is active.
        Conflict: Active was replaced again and again.
        PublisherError: A tag could not be set.
    """
    for _ in range(_LOOKS):
        active = require_active(store, destination)
        said, tagged = active.metadata, []
        if said.tagged_table is not None:
            tagged.append(_follow(said, said.tagged_table, lake, keep))
        if before is not None and before.tagged_table not in (None, said.tagged_table):
            tagged.append(_remove(before.tagged_table or "", lake))
        if is_same(store.head(destination.active_key), active):
            return tagged
    raise Conflict(
        "Active was replaced each time that its snapshot was tagged.", "Run `publisher tag` when the others are done."
    )


def tag_after(
    promoted: StoredObject,
    before: Metadata | None,
    tag: Callable[[], list[Tagged]],
    warn: Callable[[str], None],
) -> None:
    """Lets the tag follow a promotion: active is new, and what goes wrong here is a warning.

    Args:
        promoted: What is active.
        before: What was, as far as it is known.
        tag: Sets the tags.
        warn: Is told what somebody has to know, or do.
    """
    tables = dict.fromkeys(filter(None, (promoted.metadata.tagged_table, before.tagged_table if before else None)))
    if not tables:
        return
    try:
        for tagged in tag():
            if tagged.warning is not None:
                warn(tagged.warning)
    except PublisherError as error:
        warn(_not_set(tables, f"{error.message} {error.hint}"))
    except Exception as error:  # noqa: BLE001 -- nothing that comes after makes a publish fail; its text may hold data
        warn(_not_set(tables, f"{type(error).__name__}."))


def _follow(said: Metadata, table: str, lake: LakeAccess, keep: int) -> Tagged:
    snapshot_id = int(said.snapshot_id) if said.snapshot_id and said.snapshot_id.isdecimal() else None
    if commit_tags(_ref(table), Wanted(snapshot_id, said.source_partition, keep), lake):
        return Tagged(table, said.snapshot_id)
    return Tagged(
        table,
        None,
        f"{table} has no snapshot {said.snapshot_id or 'of what is active'} (any more), so nothing in it is tagged as "
        "published: its snapshots were expired, or the file is of another table. The next publish sets the tag",
    )


def _remove(table: str, lake: LakeAccess) -> Tagged:
    commit_tags(_ref(table), Wanted(None), lake)
    return Tagged(
        table, None, f"nothing in {table} is tagged as published any more: active is not of it, or not tagged"
    )


def _ref(table: str) -> TableRef:
    try:
        return parse_table(table, "id")
    except UsageError as error:  # whatever somebody wrote into the metadata
        raise SourceNotReady("Active's metadata names a tagged table that is none.", "Publish again.") from error


def _not_set(tables: dict[str, None], why: str) -> str:
    named = " and ".join(tables)
    return f"active is new, but the tag published of {named} may name what was before: {why} Then run `publisher tag`"
