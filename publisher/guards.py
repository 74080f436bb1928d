"""What may stop a publication. Each guard is one function that returns, or raises with its name.

A guard sees values, never a store or a file. To add one: write the function here, call it in `publish.py` at the
step where what it needs is known, and describe it in the README's table of guards (a test compares the two).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, NoReturn, ParamSpec

from publisher.artifacts import Build, Changes, Encoded, FileState, Hold, Lookalikes, StoredObject, Summary
from publisher.errors import GuardRefusal, PublisherError, SourceNotReady
from publisher.inputs import counted, likeliest_cause

if TYPE_CHECKING:
    from publisher.ids import Block

_Arguments = ParamSpec("_Arguments")

NO_IDS = "no_ids"
IDS_LOOK_LIKE_DOCUMENTS = "ids_look_like_documents"
BAD_IDS = "bad_ids"
NOT_ASCENDING = "not_ascending"
SUMMARY_DIFFERS = "summary_differs"
DBT_NOT_SUCCESSFUL = "dbt_not_successful"
OLDER_PARTITION = "older_partition"
FILES_CHANGED = "files_changed"
TOO_MANY_IDS = "too_many_ids"
TOO_FEW_IDS = "too_few_ids"
TOO_MANY_REMOVED = "too_many_removed"
HOLD = "hold"
STALE = "stale"

ALL = (
    DBT_NOT_SUCCESSFUL, HOLD, OLDER_PARTITION, BAD_IDS, NOT_ASCENDING, NO_IDS, IDS_LOOK_LIKE_DOCUMENTS,
    SUMMARY_DIFFERS, FILES_CHANGED, TOO_MANY_IDS, TOO_FEW_IDS, TOO_MANY_REMOVED,
)  # fmt: skip

# What readers and monitors are refused by; a publish knows nothing of it.
OF_READERS = (STALE,)

# Without these two a file would not be one id a line in ascending order, which is what consumers read it as.
OVERRULABLE = tuple(name for name in ALL if name not in (BAD_IDS, NOT_ASCENDING))

_NAMES_SHOWN = 5
# One in a hundred numbers of eleven digits has the check digits of a document by chance.
_MAX_PERCENT_LIKE_DOCUMENTS = 10


class Enforcer:
    """Runs guards, and lets pass those that a person overruled for this one run.

    Attributes:
        overruled: Names of the guards that refused and were overruled, in the order in which they did.
    """

    def __init__(self, overrule: frozenset[str]) -> None:
        """Prepares.

        Args:
            overrule: Names of guards.
        """
        self.overruled: list[str] = []
        self._overrule = overrule

    def __call__(
        self, guard: Callable[_Arguments, None], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> None:
        """Runs a guard.

        Raises:
            PublisherError: It refused, and was not overruled.
        """
        try:
            guard(*arguments, **named)
        except PublisherError as refusal:
            if refusal.guard not in self._overrule:
                if refusal.guard in OVERRULABLE:
                    refusal.hint += f" To let it through this once: --overrule {refusal.guard}."
                raise
            if refusal.guard not in self.overruled:
                self.overruled.append(refusal.guard)


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


def require_good_ids(block: Block) -> None:
    """Lets through only ids that are there, not blank, and one line each.

    Raises:
        GuardRefusal: One is not.
    """
    if block.fault:
        last_row = block.first_row + block.count - 1
        raise GuardRefusal(
            f"The table has {block.fault} between rows {block.first_row:,} and {last_row:,}.",
            "Find the row in int_matched_ids (the ids are not shown here) and mend where it comes from.",
            guard=BAD_IDS,
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
        if found.documents * 100 > found.ids * _MAX_PERCENT_LIKE_DOCUMENTS:
            raise GuardRefusal(
                f"Of {found.ids:,} ids looked at that are {found.shape}, {found.documents:,} "
                f"({_percent(found.documents, found.ids)}) are valid CPFs; by chance 1 % would be. "
                "The ids seem to be documents, which are not shown here.",
                "Name the column of ids: the setting records_id_column for dbt, --id-column for a table named by hand.",
                guard=IDS_LOOK_LIKE_DOCUMENTS,
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
            f"What was read differs from int_matched_ids_summary: {', '.join(differing)}.",
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
            "The table was replaced after its row in int_matched_ids_summary was written.",
            "Another dbt run is building it, or did so without the summary: run `dbt build`, then publish.",
            guard=SUMMARY_DIFFERS,
        )


def require_not_older(source_partition: str | None, active: StoredObject | None) -> None:
    """Lets through only a partition that is the active one or newer.

    Raises:
        GuardRefusal: It is older, or the two cannot be compared.
    """
    active_partition = active.metadata.source_partition if active else None
    if active_partition is None or source_partition == active_partition:
        return
    if source_partition is None:
        _refuse_partition(
            f"It is not known which partition the table comes from; active comes from {active_partition}."
        )
    try:
        is_older = partition_key(source_partition) < partition_key(active_partition)
        comparable = _columns(source_partition) == _columns(active_partition)
    except TypeError:  # a number on one side, a word on the other
        comparable = is_older = False
    if not comparable:
        _refuse_partition(
            f"Partition {source_partition} cannot be compared with active's, {active_partition}: "
            "they are written differently."
        )
    if is_older:
        _refuse_partition(f"Partition {source_partition} is older than active's, {active_partition}.")


def require_no_hold(hold: Hold | None) -> None:
    """Lets through only when nobody has set a hold.

    Raises:
        GuardRefusal: Somebody has.
    """
    if hold is not None:
        since = f" since {hold.since} UTC" if hold.since else ""
        raise GuardRefusal(
            f"A hold is set{since}{f' by {hold.by}' if hold.by else ''}: {hold.reason}.",
            "When its reason is gone, run `publisher release`.",
            guard=HOLD,
        )


def require_fresh(active: StoredObject, max_age: timedelta, now: datetime) -> None:
    """Lets through only an active file that was promoted within `max_age`; for readers and monitors.

    Raises:
        GuardRefusal: It is older.
    """
    age = now - active.last_modified
    if age > max_age:
        raise GuardRefusal(
            f"Active was promoted {_readable(age)} ago; at most {_readable(max_age)} are allowed.",
            "See why the last publish did not happen: the publisher's last message, `publisher status` and `history`.",
            guard=STALE,
        )


def _readable(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"


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
        )


def require_enough(
    encoded: Encoded, active_ids: int | None, min_percent: float, summary: Summary | None = None
) -> None:
    """Lets through only a file with at least `min_percent` of active's ids.

    Args:
        encoded: The new file.
        active_ids: How many ids the active file has; None when there is none, or it cannot be told.
        min_percent: 0 allows everything.
        summary: What was counted on both sides of the join, for the message.

    Raises:
        GuardRefusal: There are fewer.
    """
    if active_ids and encoded.total_ids * 100 < active_ids * min_percent:
        raise GuardRefusal(
            f"The table has {encoded.total_ids:,} ids, {_percent(encoded.total_ids, active_ids)} of the {active_ids:,} "
            f"that are active; at least {min_percent:g} % are required.{counted(summary)}",
            likeliest_cause(summary)
            or "Check that the partition is completely loaded, and table A; if it is right so, overrule.",
            guard=TOO_FEW_IDS,
        )


def require_few_removed(changes: Changes | None, max_percent: float) -> None:
    """Lets through only a file that keeps enough of active's ids.

    Args:
        changes: What the new file changes; None when there is nothing that can be compared.
        max_percent: 100 allows everything.

    Raises:
        GuardRefusal: Too many are gone.
    """
    if changes and changes.ids_removed * 100 > changes.active_ids * max_percent:
        raise GuardRefusal(
            f"{changes.ids_removed:,} of the {changes.active_ids:,} active ids would be removed, "
            f"{_percent(changes.ids_removed, changes.active_ids)}; at most {max_percent:g} % are allowed.",
            "Check whether the ids changed their form, or table A its content; if it is right so, overrule.",
            guard=TOO_MANY_REMOVED,
        )


def _percent(part: int, whole: int) -> str:
    return f"{part * 100 / whole:.1f} %"


def _refuse_partition(message: str) -> NoReturn:
    raise GuardRefusal(
        message,
        "Build from the newest partition; with --table, say which partition it is with --source-partition.",
        guard=OLDER_PARTITION,
    )


def partition_key(partition: str) -> list[int | str]:
    """Returns what orders partitions, level by level: numbers where a value is digits, as the dbt macro does.

    Args:
        partition: `20251022`, or `ano=2025/mes=10/dia=22`.
    """
    values = [level.partition("=")[2] or level for level in partition.split("/")]
    return [int(value) if value.isascii() and value.isdigit() else value for value in values]


def _columns(partition: str) -> list[str]:
    return [level.partition("=")[0] if "=" in level else "" for level in partition.split("/")]


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
