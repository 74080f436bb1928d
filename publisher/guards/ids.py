"""Guards on the ids themselves: each of them, their order, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from publisher.errors import GuardRefusal
from publisher.guards.counts import counted, likeliest_cause, percent
from publisher.guards.names import BAD_IDS, IDS_LOOK_LIKE_DOCUMENTS, NO_IDS, NOT_ASCENDING, TOO_MANY_IDS
from publisher.values import Encoded, Lookalikes, Summary

if TYPE_CHECKING:
    from publisher.file.blocks import Block


# One in a hundred numbers of eleven digits has the check digits of a document by chance.
MAX_PERCENT_LIKE_DOCUMENTS = 10


def require_good_ids(block: Block, max_id_bytes: int) -> None:
    """Lets through only ids that are there, not blank, one line each, and no longer than ids are.

    Args:
        block: The next block.
        max_id_bytes: What an id may be long.

    Raises:
        GuardRefusal: One is not.
    """
    is_too_long = block.longest_bytes > max_id_bytes
    if fault := block.fault or (f"an id of more than {max_id_bytes:,} bytes" if is_too_long else None):
        last_row = block.first_row + block.count - 1
        longer = " If ids are that long, raise --max-id-bytes." if is_too_long else ""
        raise GuardRefusal(
            f"The table has {fault} between rows {block.first_row:,} and {last_row:,}.",
            f"Find the row in the table (the ids are not shown here) and mend where it comes from.{longer}",
            guard=BAD_IDS,
            saw=block.longest_bytes if is_too_long else None,
            limit=max_id_bytes if is_too_long else None,
        )


def require_ascending(block: Block, previous_id: bytes | None) -> None:
    """Lets through only ids in strictly ascending order by bytes, which also means: none twice.

    Args:
        block: The next block.
        previous_id: The last id of the block before it, None for the first block.

    Raises:
        GuardRefusal: An id is not greater than the one before it.
    """
    if not block.is_ascending or (previous_id is not None and block.first_id <= previous_id):
        last_row = block.first_row + block.count - 1
        raise GuardRefusal(
            f"The ids are not strictly ascending between rows {max(block.first_row - 1, 1):,} and {last_row:,}: "
            "an id is there twice, or the order is another than by UTF-8 bytes.",
            "The table must be made by `select distinct … order by id`, as int_matched_ids is.",
            guard=NOT_ASCENDING,
        )


def require_ids(encoded: Encoded, source_partition: str | None, summary: Summary | None = None) -> None:
    """Lets through only a file with at least one id.

    Args:
        encoded: The new file.
        source_partition: Where it comes from, for the message.
        summary: What was counted on both sides of the join, likewise.

    Raises:
        GuardRefusal: There is none.
    """
    if not encoded.total_ids:
        raise GuardRefusal(
            f"The table has no ids (source partition {source_partition or 'unknown'}).{counted(summary)}",
            likeliest_cause(summary)
            or "Check that the partition is loaded, that table A is, and that the document prefix is right.",
            guard=NO_IDS,
        )


def require_ids_unlike_documents(lookalikes: Iterable[Lookalikes]) -> None:
    """Lets through only ids that are no documents, as far as can be told: people's CPFs must not be published.

    Args:
        lookalikes: How many ids look like documents, for each shape of them.

    Raises:
        GuardRefusal: More of a shape look so than chance explains.
    """
    for found in lookalikes:
        if found.documents * 100 > found.ids * MAX_PERCENT_LIKE_DOCUMENTS:
            raise GuardRefusal(
                f"Of {found.ids:,} ids looked at that are {found.shape}, {found.documents:,} "
                f"({percent(found.documents, found.ids)}) are valid CPFs; by chance 1 % would be. "
                "The ids seem to be documents, which are not shown here.",
                "Name the column of ids: the setting records_id_column for dbt, --id-column for a table named by hand.",
                guard=IDS_LOOK_LIKE_DOCUMENTS,
            )


def require_at_most(encoded: Encoded, max_ids: int | None) -> None:
    """Lets through only a file with at most `max_ids` ids.

    Raises:
        GuardRefusal: There are more.
    """
    if max_ids is not None and encoded.total_ids > max_ids:
        raise GuardRefusal(
            f"The table has {encoded.total_ids:,} ids; at most {max_ids:,} are allowed.",
            "Check that table A is not larger than it should be; if it is right so, raise --max-ids.",
            guard=TOO_MANY_IDS,
            saw=encoded.total_ids,
            limit=max_ids,
        )
