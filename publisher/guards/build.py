"""Guards on where the table comes from: dbt's word for it, its summary row, and its files while they are read."""

from __future__ import annotations

from datetime import datetime, timezone

from publisher.errors import GuardRefusal, SourceNotReady
from publisher.guards.names import DBT_NOT_SUCCESSFUL, FILES_CHANGED, SUMMARY_DIFFERS
from publisher.values import Build, Encoded, FileState, Summary

_NAMES_SHOWN = 5


def require_dbt_success(build: Build) -> None:
    """Lets through only a dbt invocation that succeeded as a whole, the tables' data tests included.

    Raises:
        SourceNotReady: A node failed or was skipped, or one of the tables or of their tests was left out.
    """
    if build.failures or build.skipped:
        skipped = f"{build.skipped} skipped" if build.skipped else ""
        reasons = "; ".join(filter(None, [_listed(build.failures), skipped]))
        raise SourceNotReady(
            f"dbt did not succeed in invocation {build.invocation_id}: {reasons}.",
            "Read dbt's output, mend the cause and run `dbt build` again; active stays as it is until then.",
            guard=DBT_NOT_SUCCESSFUL,
        )
    if build.untested:
        raise SourceNotReady(
            f"The last dbt invocation (dbt {build.command}) did not run {_listed(build.untested)}.",
            "Run `dbt build`, which builds and tests in one invocation, and then publish, with nothing in between.",
            guard=DBT_NOT_SUCCESSFUL,
        )


def require_same_invocation(build: Build, summary: Summary) -> None:
    """Lets through only a table that was built by the invocation whose results are at hand.

    Raises:
        SourceNotReady: Another invocation built it.
    """
    if summary.dbt_invocation_id != build.invocation_id:
        raise SourceNotReady(
            f"The table was built by dbt invocation {summary.dbt_invocation_id}, but the artifacts are of another, "
            f"{build.invocation_id}.",
            "Point --target-path at the folder of the run that built the table, or run `dbt build` and publish again.",
            guard=DBT_NOT_SUCCESSFUL,
        )


def require_built_by(build: Build, committed_at: datetime | None) -> None:
    """Lets through only a table that was replaced after the invocation began whose results are at hand.

    dbt-glue takes a statement that timed out for a success: a table that was not replaced, and its new summary row,
    then agree with each other. The two times are of dbt's machine and of the engine's; both keep time by the network,
    and an engine takes longer to begin than those differ.

    Args:
        build: The invocation.
        committed_at: When the table's snapshot became current; None for a table that does not tell.

    Raises:
        SourceNotReady: The table is older.
    """
    if committed_at is not None and build.started_at is not None and committed_at < build.started_at:
        raise SourceNotReady(
            f"The table is of {committed_at:%Y-%m-%d %H:%M:%S} UTC, but dbt invocation {build.invocation_id} began "
            f"later, at {build.started_at.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}: it did not build it.",
            "On Glue, dbt takes a statement that timed out for a success: raise MATCHED_IDS_GLUE_TIMEOUT_MINUTES, run "
            "`dbt build` and publish again.",
            guard=DBT_NOT_SUCCESSFUL,
        )


def require_equal_summary(encoded: Encoded, summary: Summary, partitions: frozenset[str | None]) -> None:
    """Lets through only a table that is, as read, what the engine says it wrote.

    Args:
        encoded: What was streamed.
        summary: The summary row.
        partitions: The source partitions that the table's files name; a None among them is a file that names none
            or several.

    Raises:
        GuardRefusal: They differ: the table was caught half-written, or replaced.
    """
    pairs = {
        "total_ids": (encoded.total_ids, summary.total_ids),
        "total_id_bytes": (encoded.total_id_bytes, summary.total_id_bytes),
        "min_id": (encoded.min_id, summary.min_id),
        "max_id": (encoded.max_id, summary.max_id),
    }
    differing = [
        f"{name} {read:,} ≠ {said:,}" if isinstance(read, int) and isinstance(said, int) else name
        for name, (read, said) in pairs.items()
        if read != said
    ]
    if partitions - {None, summary.source_partition}:
        differing.append("source_partition")
    if differing:
        raise GuardRefusal(
            f"What was read differs from the table's summary row: {', '.join(differing)}.",
            "The table was written to while it was read, or by another run: run `dbt build`, then publish.",
            guard=SUMMARY_DIFFERS,
        )


def require_summary_after(summary: Summary, committed_at: datetime | None) -> None:
    """Lets through only a table whose current snapshot was there when its summary row was written.

    Equal numbers could be a coincidence: a newer build of the same partition whose own row, and whose tests, are still
    to come. Both times are of one engine's clock, because one dbt invocation builds both tables.

    Args:
        summary: The summary row.
        committed_at: When the snapshot became current; None for a table that does not tell.

    Raises:
        GuardRefusal: The table was replaced after the row was written.
    """
    if committed_at is not None and summary.built_at is not None and committed_at > summary.built_at:
        raise GuardRefusal(
            "The table was replaced after its summary row was written.",
            "Another dbt run is building it, or did so without the summary: run `dbt build`, then publish.",
            guard=SUMMARY_DIFFERS,
        )


def require_unchanged_files(before: frozenset[FileState], after: frozenset[FileState]) -> None:
    """Lets through only a table whose files are those that were there when reading began.

    Raises:
        SourceNotReady: Files came, went or were written again.
    """
    if before != after:
        changed = len({file.path for file in before ^ after})
        raise SourceNotReady(
            f"{changed} of the table's files changed while it was read.",
            "Something rebuilt the table: run `dbt build` and publish again, one after the other.",
            guard=FILES_CHANGED,
        )


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
