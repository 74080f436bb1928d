"""Guards on what must not be published: no suppressed id in the file, and no list that went missing."""

from __future__ import annotations

from publisher.errors import GuardRefusal
from publisher.guards.names import SUPPRESSED_IDS, SUPPRESSION_SHRANK
from publisher.values import Build, Summary

# Of the entries that the file before was held to. Entries go one by one; half of them at once is a load that broke off.
MIN_PERCENT_OF_ENTRIES = 50


def require_suppression_told(build: Build, summary: Summary) -> None:
    """Lets through only a build whose models agree on whether there is a suppression list.

    Raises:
        GuardRefusal: The summary row counted one, and there is no table of suppressed ids, or the other way round.
    """
    has_table, has_entries = build.suppressed is not None, summary.suppression_entries is not None
    if has_table != has_entries:
        raise GuardRefusal(
            "The summary row tells of a suppression list, and dbt built no table of suppressed ids."
            if has_entries
            else "dbt built a table of suppressed ids, and the summary row tells of no suppression list.",
            "Run `dbt build` of the whole project, with suppressed_by set as it is meant; a summary model of your own "
            "must count suppression_entries, suppressed_ids and withheld_ids.",
            guard=SUPPRESSED_IDS,
        )


def require_none_suppressed(held: int, suppressed: int, summary: Summary) -> None:
    """Lets through only a file without a suppressed id, held to a whole table of those.

    Args:
        held: Suppressed ids that the file has.
        suppressed: Rows of the table of suppressed ids, as they were read.
        summary: The summary row.

    Raises:
        GuardRefusal: The file has one, or that table is not what the engine wrote.
    """
    if suppressed != summary.suppressed_ids:
        raise GuardRefusal(
            f"The table of suppressed ids has {suppressed:,} rows, and by the summary row "
            f"{summary.suppressed_ids or 0:,}: what must not be published is not known.",
            "The table was written to by another run: run `dbt build`, then publish.",
            guard=SUPPRESSED_IDS,
        )
    if held:
        raise GuardRefusal(
            f"The table has {held:,} of the {suppressed:,} ids that must not be published (they are not shown here).",
            "The model must leave out what <model>_suppressed names: look for a model or a hook that was changed, then "
            "run `dbt build`. No one overrules this: an id that may be published again is taken off the suppression "
            "list.",
            guard=SUPPRESSED_IDS,
            saw=held,
            limit=0,
        )


def require_suppression_kept(entries: int | None, previous_entries: int | None) -> None:
    """Lets through only a file that was held to a suppression list like that of the file before.

    A setting that got lost in a deployment, or a list that was loaded in part, would publish again whoever objected.

    Args:
        entries: Rows of the list; None where there is none.
        previous_entries: Those of the list that what was promoted last was held to, likewise.

    Raises:
        GuardRefusal: There is none any more, or it has less than half of the entries.
    """
    if previous_entries is None:
        return
    if entries is None:
        raise GuardRefusal(
            f"What was promoted last was held to a suppression list of {previous_entries:,} entries, and this table to "
            "none.",
            "Set suppressed_by, and where the list is, for `dbt build` as before. A table named by hand (--table) is "
            "held to no list.",
            guard=SUPPRESSION_SHRANK,
            saw=0,
            limit=previous_entries,
        )
    if entries * 100 < previous_entries * MIN_PERCENT_OF_ENTRIES:
        raise GuardRefusal(
            f"The suppression list has {entries:,} entries; what was promoted last was held to {previous_entries:,}, "
            f"of which at least {MIN_PERCENT_OF_ENTRIES} % are wanted.",
            "Check the load of the suppression list.",
            guard=SUPPRESSION_SHRANK,
            saw=entries,
            limit=previous_entries,
        )
