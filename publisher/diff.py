"""What differs between two lists of ids: staged files, what is active, tables. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from publisher import guards
from publisher.errors import Conflict, IntegrityError, PublisherError, UsageError
from publisher.file.changes import Ids, NotComparable, Sink, compare, of_file, of_table
from publisher.lake.access import LakeAccess
from publisher.settings import TABLE_KINDS, parse_table
from publisher.source import good_blocks
from publisher.store.active import require_active
from publisher.store.keys import Destination
from publisher.store.protocol import ObjectMissing, PreconditionFailed, ReadableStore
from publisher.table.contents import list_files
from publisher.table.dbt_artifacts import read_build
from publisher.table.table import Table, open_table
from publisher.values import LONGEST_ID_BYTES, Build, StoredObject, TableRef

ACTIVE, DBT = "active", "dbt"
Which = Literal["added", "removed"]


@dataclass(frozen=True)
class StoredFile:
    """A side of a comparison that is in the store: active, or a staged file."""

    key: str


@dataclass(frozen=True)
class DbtTable:
    """A side of a comparison that dbt built; its artifacts tell where it is.

    Attributes:
        exposure: As in `PublishSettings`.
    """

    target_path: Path = Path("target")
    model: str = "int_matched_ids"
    id_column: str = "id"
    exposure: str | None = None


Side = StoredFile | DbtTable | TableRef


@dataclass(frozen=True)
class Compared:
    """A side, as it was compared.

    Attributes:
        name: Its address, as a person writes it.
        etag: Of a file, the object that was read.
    """

    name: str
    total_ids: int
    source_partition: str | None
    etag: str | None


@dataclass(frozen=True)
class Difference:
    """What differs between two lists of ids.

    Attributes:
        ids_added: Ids of B that A lacks.
        ids_removed: Ids of A that B lacks.
        notes: What is worth knowing of a side, and did not keep it from being compared.
    """

    a: Compared
    b: Compared
    ids_added: int
    ids_removed: int
    notes: tuple[str, ...] = ()

    @property
    def ids_in_both(self) -> int:
        """Ids that neither lacks."""
        return self.a.total_ids - self.ids_removed


def parse_side(text: str, destination: Destination, of_dbt: DbtTable) -> Side:
    """Reads what is to be compared.

    Args:
        text: `active`, `dbt`, a table `<kind>:<location>`, or a staged file: its key, with the destination's prefix or
            below it, or its address `s3://bucket/key`.
        destination: Where the files are.
        of_dbt: What `dbt` means.

    Raises:
        UsageError: It is anything else.
    """
    if text == DBT:
        return of_dbt
    if text == ACTIVE:
        return StoredFile(destination.active_key)
    if text.partition(":")[0] in TABLE_KINDS:
        return parse_table(text, of_dbt.id_column)
    for key in (destination.key(text), f"{destination.prefix}{text}"):
        if key == destination.active_key or destination.is_staged_file(key):
            return StoredFile(key)
    raise UsageError(
        f"{text!r} is neither {ACTIVE}, {DBT}, a table, nor a staged file of {destination.url(destination.prefix)}.",
        f"See what is staged with `publisher history`; a table is given as {':…, '.join(TABLE_KINDS)}:….",
    )


def diff(
    store: ReadableStore,
    destination: Destination,
    a: Side,
    b: Side,
    lake: LakeAccess | None = None,
    *,
    which: Which = "added",
    sink: Sink | None = None,
) -> Difference:
    """Compares two lists of ids, in constant memory. Whatever is read is checked on the way.

    Args:
        store: The destination's bucket.
        destination: Where in it.
        a: What is compared with.
        b: What is compared.
        lake: What reads tables.
        which: The ids that `sink` gets: those that B adds, or those of A that it lacks.
        sink: Is given these ids as they are found, which is before it is known that both sides are in order. When
            anything is raised, what it was given is not whole.

    Raises:
        UsageError: A staged file does not exist, or a table is of a kind that cannot be read.
        GuardRefusal: A table has bad ids, or is not in ascending order.
        IntegrityError: A file is damaged, not in ascending order, or holds lines that are no ids.
        SourceNotReady: Nothing is active, a table is not there or changed while it was read, or dbt's artifacts tell
            nothing of one.
        Conflict: A file was replaced or removed in between.
        StoreFailed: The store or the catalog failed.
    """
    lake = lake or LakeAccess()
    ours, theirs = (_open(side, store, destination, lake) for side in (a, b))
    try:
        if which == "added":
            changes = compare(theirs.ids, ours.ids, sink)
            added, removed, total_a = changes.ids_added, changes.ids_removed, changes.active_ids
        else:
            changes = compare(ours.ids, theirs.ids, sink)
            added, removed = changes.ids_removed, changes.ids_added
            total_a = changes.active_ids - added + removed
    except NotComparable as damage:
        raise IntegrityError(
            f"{damage}.",
            "A damaged active file is replaced by a publish or a rollback (`publisher verify` says more); in the place "
            "of a staged one, compare another: `publisher history`.",
        ) from damage
    for side in (ours, theirs):
        side.require_unchanged()
    return Difference(
        a=ours.compared(total_a),
        b=theirs.compared(total_a - removed + added),
        ids_added=added,
        ids_removed=removed,
        notes=(*ours.notes, *theirs.notes),
    )


@dataclass(frozen=True)
class _Opened:
    """A side that is ready to be read."""

    ids: Ids
    source_partition: str | None
    etag: str | None = None
    require_unchanged: Callable[[], None] = lambda: None
    notes: tuple[str, ...] = ()

    def compared(self, total_ids: int) -> Compared:
        return Compared(self.ids.name, total_ids, self.source_partition, self.etag)


def _open(side: Side, store: ReadableStore, destination: Destination, lake: LakeAccess) -> _Opened:
    if isinstance(side, StoredFile):
        found = _found(side.key, store, destination)
        ids = of_file(destination.url(found.key), _pieces(store, found), ids_only=True)
        return _Opened(ids, found.metadata.source_partition, found.etag)
    if isinstance(side, TableRef):
        return _open_table(open_table(side, lake), lake)
    build = read_build(side.target_path, side.model, side.id_column, side.exposure)
    table = open_table(build.table, lake)
    return _open_table(table, lake, _notes(build, table))


def _found(key: str, store: ReadableStore, destination: Destination) -> StoredObject:
    if key == destination.active_key:
        return require_active(store, destination)
    found = store.head(key)
    if found is None:
        raise UsageError(
            f"The staged file {key} does not exist (any more).", "See what there is with `publisher history`."
        )
    return found


def _pieces(store: ReadableStore, found: StoredObject) -> Iterator[bytes]:
    # Opened when it is read: another side may take its time to be opened, and the store would not wait.
    try:
        with store.read(found.key, found.etag) as pieces:
            yield from pieces
    except (PreconditionFailed, ObjectMissing):
        raise Conflict(f"{found.key} was replaced before it could be compared.", "Run the command again.") from None


def _open_table(table: Table, lake: LakeAccess, notes: tuple[str, ...] = ()) -> _Opened:
    def require_unchanged() -> None:
        guards.require_unchanged_files(table.listing, list_files(table.ref, lake))

    partition = next(iter(table.source_partitions)) if len(table.source_partitions) == 1 else None
    ids = of_table(str(table.ref), good_blocks(table, LONGEST_ID_BYTES))
    return _Opened(ids, partition, require_unchanged=require_unchanged, notes=notes)


def _notes(build: Build, table: Table) -> tuple[str, ...]:
    """Returns why a publish would not take this table, as far as dbt's artifacts tell; it is compared all the same."""
    refusals = (
        _refusal(lambda: guards.require_dbt_success(build)),
        _refusal(lambda: guards.require_built_by(build, table.committed_at)),
    )
    return tuple(f"a publish would refuse this table: {refusal}" for refusal in refusals if refusal)


def _refusal(guard: Callable[[], None]) -> str | None:
    try:
        guard()
    except PublisherError as refusal:
        return refusal.message
    return None
