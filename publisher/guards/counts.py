"""Counts in words: shares, and what was counted on both sides of the join, which says where to look."""

from __future__ import annotations

from publisher.values import Summary


def counted(summary: Summary | None) -> str:
    """Returns what the summary row tells of table A and of the partition; nothing where it does not.

    Args:
        summary: The row, None where there is none.
    """
    if summary is None or summary.total_cpfs is None or summary.total_records is None:
        return ""
    sentence = (
        f" Table A has {summary.total_cpfs:,} documents, {summary.usable_cpfs or 0:,} of them usable; "
        f"the partition has {summary.total_records:,} records"
    )
    if summary.sampled_records:
        with_prefix = summary.sampled_with_prefix or 0
        verb = "begins" if with_prefix == 1 else "begin"
        sentence += f"; of {summary.sampled_records:,} looked at, {with_prefix:,} {verb} with the prefix"
    return f"{sentence}."


def likeliest_cause(summary: Summary | None) -> str | None:
    """Returns where to look first, and what to do there; None where both sides look right, or it is not known.

    Args:
        summary: The row, None where there is none.
    """
    if summary is None or summary.total_cpfs is None or summary.total_records is None:
        return None
    if not summary.total_cpfs:
        return "Table A is empty: check its load, and that cpfs_path or cpfs_table names the right one."
    if not summary.total_records:
        return "The partition is empty: check the load of table B, or pin a partition that is whole (pinned_partition)."
    if (summary.usable_cpfs or 0) * 2 < summary.total_cpfs:
        return (
            "Table A is the likeliest cause: see dbt's warning on its documents, and cpfs_document_column, "
            "normalize_documents and document_length."
        )
    if (summary.sampled_with_prefix or 0) * 2 < (summary.sampled_records or 0):
        return (
            "The prefix is the likeliest cause: see what table B writes before a document, and set document_prefix (in "
            "quotes); or records_document_column names another column."
        )
    return None


def percent(part: int, whole: int) -> str:
    """Returns a share, with one digit."""
    return f"{part * 100 / whole:.1f} %"
