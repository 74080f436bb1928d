"""The consumer's side: active as a local file, whole and verified, or the old file as it was. It only reads the store.

A state file beside the target remembers what was accepted last. It spares a download when nothing is new, and it is
what an older partition is recognised by.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

from publisher import guards
from publisher.disk.drafts import Draft, draft, require_writable, sweep
from publisher.errors import Conflict, GuardRefusal, IntegrityError, UsageError
from publisher.file.inspecting import differences, inspect
from publisher.pull_state import Accepted, Overtaken, Place, describe, state_bytes
from publisher.store.active import require_active
from publisher.store.keys import Destination
from publisher.store.protocol import ObjectMissing, PreconditionFailed, ReadableStore
from publisher.values import Metadata, StoredObject

_RESTARTS = 3
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Pulled:
    """What a pull did.

    Attributes:
        status: `updated` when the target was replaced, `unchanged` when it already was what is active.
        path: The target.
        etag: Active's.
        bytes: Size of the target.
        metadata: Active's, which may be newer than the target when the content is the same.
        last_modified: When active was promoted, by the store's clock.
    """

    status: Literal["updated", "unchanged"]
    path: Path
    etag: str
    bytes: int
    metadata: Metadata
    last_modified: datetime


def pull(
    store: ReadableStore,
    destination: Destination,
    target: Path,
    *,
    state: Path | None = None,
    max_age: timedelta | None = None,
    accept_rollback: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> Pulled:
    """Makes a local file what is active: afterwards it is the whole new file, or what it was before.

    When nothing is new, this is one HEAD request. Of several pulls at once none brings back what another replaced. A
    process that is killed between replacing the target and replacing the state leaves a whole new file, which the next
    pull downloads once more; what a killed one had not put into its place, the next one removes.

    Args:
        store: The destination's bucket.
        destination: Where in it.
        target: The local file.
        state: Remembers what was accepted last; None for `<target>.state.json`.
        max_age: Refuses what was promoted longer ago than this.
        accept_rollback: Accepts an older partition than the last accepted one when active's metadata says that the
            latter was knowingly replaced by an older one.
        now: The clock that `max_age` is measured by.

    Raises:
        UsageError: The target or the state file cannot be used, or not be written.
        SourceNotReady: Nothing is active.
        GuardRefusal: Active is older than what was accepted last, or than `max_age`.
        IntegrityError: Active is not what its metadata says, or its metadata does not say enough.
        Conflict: Active was replaced again and again, or another pull was stopped amid its last step.
        StoreFailed: The store failed.
    """
    require_writable(target)
    state = target.with_name(f"{target.name}.state.json") if state is None else state
    require_writable(state)
    if state.resolve() == target.resolve():
        raise UsageError(f"{target} cannot be the target and the state file at once.", "Name another state file.")

    sweep(target)
    sweep(state)

    for _ in range(1 + _RESTARTS):
        place = Place.look(target, state)
        active = require_active(store, destination, "Wait for the first publish, or correct the destination.")
        found = describe(active, destination)
        if max_age is not None:
            guards.require_fresh(active, max_age, now())
        if place.accepted is not None:
            _require_not_older(active, place.accepted, state, accept_rollback=accept_rollback)
        is_in_place = (
            place.accepted is not None and found.is_same_file_as(place.accepted) and _is_in_place(target, found)
        )
        with suppress(PreconditionFailed, ObjectMissing, Overtaken):
            if not is_in_place:
                _download(store, destination, active, found, place)
            elif found != place.accepted:
                with draft(state) as state_file:
                    state_file.write(state_bytes(found))
                    state_file.sync()
                    place.replace(None, state_file)
            return Pulled(
                "unchanged" if is_in_place else "updated",
                target,
                active.etag,
                active.bytes,
                active.metadata,
                active.last_modified,
            )
    raise Conflict(
        f"{destination.url(destination.active_key)} or {target} was replaced each of the {1 + _RESTARTS} times it was "
        "pulled.",
        "See who publishes to this destination, and who else pulls to this file; then run again.",
    )


def _require_not_older(active: StoredObject, accepted: Accepted, state: Path, *, accept_rollback: bool) -> None:
    said, last = active.metadata, accepted.source_partition
    if last is None or not _is_older(said.source_partition, last):
        return
    # What was knowingly replaced may be followed back by whoever accepted it, or anything before it.
    is_meant = guards.OLDER_PARTITION in said.overruled_guards or (
        said.set_back_from is not None and not _is_older(said.set_back_from, last)
    )
    if accept_rollback and is_meant:
        return
    found = (
        f"comes from partition {said.source_partition}"
        if said.source_partition
        else "does not say which partition it comes from"
    )
    if is_meant:
        hint = "It was set back on purpose: use --accept-rollback to follow."
    else:
        hint = f"Nothing says that this was meant: ask the publishers. To take it all the same, delete {state}."
    raise GuardRefusal(
        f"Active {found}, which is older than the last accepted one, {last}, or cannot be compared with it.",
        hint,
        guard=guards.OLDER_PARTITION,
    )


def _is_older(partition: str | None, last: str) -> bool:
    """Whether a partition is older than another, or cannot be compared with it, by the publisher's own rule."""
    return partition is None or guards.is_older(partition, last) is not False


def _is_in_place(target: Path, accepted: Accepted) -> bool:
    """Whether the target still is what was accepted.

    The size alone would do against a missing file. The digest also finds one that was changed, and one that another
    pull put there while this one's state was written.
    """
    digest = hashlib.sha256()
    try:
        with target.open("rb") as file:
            if os.fstat(file.fileno()).st_size != accepted.bytes:
                return False
            while piece := file.read(_READ_BYTES):
                digest.update(piece)
    except OSError:
        return False
    return digest.hexdigest() == accepted.sha256


def _download(
    store: ReadableStore, destination: Destination, active: StoredObject, found: Accepted, place: Place
) -> None:
    """Downloads, verifies, and only then replaces the target and the state.

    Args:
        store: The bucket.
        destination: Where in it.
        active: What to download.
        found: The same, as the state file will say it.
        place: Where it goes.

    Raises:
        PreconditionFailed: Active was replaced.
        ObjectMissing: Active is gone.
        Overtaken: Another pull was faster.
        IntegrityError: The bytes are not what the metadata says.
        Conflict: Another pull does not let go of the place.
        UsageError: The file system failed.
    """
    with draft(place.target) as file, draft(place.state) as state_file:
        with store.read(destination.active_key, found.etag) as pieces:
            inspected = inspect(_written(pieces, file), active.bytes, active.metadata)
        if differing := differences(active.bytes, active.metadata, inspected):
            raise IntegrityError(
                f"What was downloaded from {destination.url(destination.active_key)} is not what it should be: "
                f"{'; '.join(differing)}.",
                "Run again; if it happens twice, run `publisher verify`, and publish again if that finds it damaged.",
            )
        file.sync()
        # Written before anything is replaced: what can fail because a disk is full must fail before that.
        state_file.write(state_bytes(found))
        state_file.sync()
        place.replace(file, state_file)


def _written(pieces: Iterator[bytes], file: Draft) -> Iterator[bytes]:
    for piece in pieces:
        file.write(piece)
        yield piece
