"""The consumer's side: active as a local file, whole and verified, or the old file as it was. It only reads the store.

A state file beside the target remembers what was accepted last. It spares a download when nothing is new, and it is
what an older partition is recognised by.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from publisher import guards
from publisher.artifacts import Inspection, Metadata, StoredObject
from publisher.encode import Inspector
from publisher.errors import Conflict, GuardRefusal, IntegrityError, SourceNotReady, UsageError
from publisher.keys import Destination
from publisher.store import ObjectMissing, PreconditionFailed

_RESTARTS = 3
_READ_BYTES = 1 << 20


class ReadableStore(Protocol):
    """The part of `publisher.store.Store` that a consumer has the rights for."""

    def head(self, key: str) -> StoredObject | None:
        """Returns what is under `key`, None when nothing is."""
        ...

    def read(self, key: str, etag: str) -> AbstractContextManager[Iterator[bytes]]:
        """Opens the object for reading in pieces, if it still has this ETag."""
        ...


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


@dataclass(frozen=True)
class _Accepted:
    """What the state file says of the file that was accepted last; also active, described the same way."""

    etag: str
    bytes: int
    sha256: str
    md5_checksum: str
    total_ids: int
    content_bytes: int
    created_at: str | None
    staged_key: str | None
    source_partition: str | None

    def is_same_file_as(self, other: _Accepted) -> bool:
        """Whether the bytes are the same, whenever and from whichever partition they were made."""
        mine = replace(
            self,
            created_at=other.created_at,
            staged_key=other.staged_key,
            source_partition=other.source_partition,
        )
        return mine == other


class _Overtaken(Exception):
    """Another pull to the same target was faster."""


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

    When nothing is new, this is one HEAD request. A process that is killed between replacing the target and replacing
    the state leaves a whole new file, which the next pull downloads once more.

    Args:
        store: The destination's bucket.
        destination: Where in it.
        target: The local file.
        state: Remembers what was accepted last; None for `<target>.state.json`.
        max_age: Refuses what was promoted longer ago than this.
        accept_rollback: Accepts an older partition when active's metadata says that the publisher meant it.
        now: The clock that `max_age` is measured by.

    Raises:
        UsageError: The target or the state file cannot be used, or not be written.
        SourceNotReady: Nothing is active.
        GuardRefusal: Active is older than what was accepted last, or than `max_age`.
        IntegrityError: Active is not what its metadata says, or its metadata does not say enough.
        Conflict: Active was replaced again and again.
        StoreFailed: The store failed.
    """
    _require_writable(target)
    state = target.with_name(f"{target.name}.state.json") if state is None else state
    _require_writable(state)
    if state.resolve() == target.resolve():
        raise UsageError(f"{target} cannot be the target and the state file at once.", "Name another state file.")

    for _ in range(1 + _RESTARTS):
        accepted = _read_state(state)
        active = _require_active(store, destination)
        found = _describe(active, destination)
        if max_age is not None:
            guards.require_fresh(active, max_age, now())
        if accepted is not None:
            _require_not_older(active, accepted, state, accept_rollback=accept_rollback)
            if found.is_same_file_as(accepted) and _is_in_place(target, accepted):
                if found != accepted:
                    _write_state(state, found)
                return _pulled("unchanged", active, target)
        with suppress(PreconditionFailed, ObjectMissing, _Overtaken):
            _replace(store, destination, found, accepted, target, state)
            return _pulled("updated", active, target)
    raise Conflict(
        f"{destination.url(destination.active_key)} was replaced each of the {1 + _RESTARTS} times it was pulled.",
        "See who publishes to this destination; one schedule should own it. Then run again.",
    )


def _pulled(status: Literal["updated", "unchanged"], active: StoredObject, target: Path) -> Pulled:
    return Pulled(status, target, active.etag, active.bytes, active.metadata, active.last_modified)


def _require_active(store: ReadableStore, destination: Destination) -> StoredObject:
    active = store.head(destination.active_key)
    if active is None:
        raise SourceNotReady(
            f"Nothing is published at {destination.url(destination.active_key)}.",
            "Wait for the first publish, or correct the destination.",
        )
    return active


def _describe(active: StoredObject, destination: Destination) -> _Accepted:
    """Returns active as its HEAD describes it, which must be enough to verify its bytes by."""
    said = active.metadata
    if said.sha256 is None or said.md5_checksum is None or said.total_ids is None or said.content_bytes is None:
        names = ("sha256", "md5_checksum", "total_ids", "content_bytes")
        missing = ", ".join(name for name in names if getattr(said, name) is None)
        raise IntegrityError(
            f"The metadata of {destination.url(destination.active_key)} lacks {missing}, or it cannot be read.",
            "Publish again, and find the other program that writes to active/: only a publisher's file can be pulled.",
        )
    return _Accepted(
        etag=active.etag,
        bytes=active.bytes,
        sha256=said.sha256,
        md5_checksum=said.md5_checksum,
        total_ids=said.total_ids,
        content_bytes=said.content_bytes,
        created_at=said.created_at,
        staged_key=said.staged_key,
        source_partition=said.source_partition,
    )


def _require_not_older(active: StoredObject, accepted: _Accepted, state: Path, *, accept_rollback: bool) -> None:
    partition, last = active.metadata.source_partition, accepted.source_partition
    is_meant = guards.OLDER_PARTITION in (active.metadata.overruled or "").split(",")
    if last is None or (accept_rollback and is_meant):
        return
    try:
        # The publisher's own rule, with the last accepted file in the place of what is to be replaced. Its words are
        # about a publication, so they are not passed on.
        guards.require_not_older(partition, replace(active, texts={"source_partition": last}))
    except GuardRefusal:
        found = f"comes from partition {partition}" if partition else "does not say which partition it comes from"
        raise GuardRefusal(
            f"Active {found}, which is older than the last accepted one, {last}, or cannot be compared with it.",
            f"If active was set back on purpose, use --accept-rollback or delete {state}; if not, tell the publishers.",
            guard=guards.OLDER_PARTITION,
        ) from None


def _is_in_place(target: Path, accepted: _Accepted) -> bool:
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


def _replace(
    store: ReadableStore,
    destination: Destination,
    found: _Accepted,
    accepted: _Accepted | None,
    target: Path,
    state: Path,
) -> None:
    """Downloads, verifies, and only then replaces the target and the state.

    Args:
        store: The bucket.
        destination: Where in it.
        found: What to download.
        accepted: What the state file said before the download.
        target: The file to replace.
        state: The state file.

    Raises:
        PreconditionFailed: Active was replaced.
        ObjectMissing: Active is gone.
        _Overtaken: The state file changed.
        IntegrityError: The bytes are not what the metadata says.
        UsageError: The file system failed.
    """
    with ExitStack() as drafts:
        file = drafts.enter_context(_draft(target))
        # Written before anything is replaced: what can fail because a disk is full must fail before that.
        state_file = drafts.enter_context(_draft(state))
        inspector = Inspector()
        with store.read(destination.active_key, found.etag) as pieces:
            for piece in pieces:
                inspector.feed(piece)
                file.write(piece)
        _require_equal(found, inspector.finish(), destination)
        file.sync()
        state_file.write(_state_bytes(found))
        state_file.sync()
        # A download takes long enough for another pull to bring something newer, which must not be replaced by this.
        if _read_state(state) != accepted:
            raise _Overtaken
        file.move()
        state_file.move()


def _require_equal(said: _Accepted, found: Inspection, destination: Destination) -> None:
    differing = [
        name
        for name, is_equal in (
            ("size", found.bytes == said.bytes),
            ("SHA-256", found.sha256 == said.sha256),
            ("gzip", found.is_whole_gzip),
            ("content size", found.content_bytes == said.content_bytes),
            ("MD5", found.md5 == said.md5_checksum),
            ("lines", found.lines == said.total_ids),
            ("blank lines", not found.has_blank_line),
            # An empty list can be meant; the publisher then had to be overruled, and the metadata says zero.
            ("empty", found.content_bytes > 0 or said.total_ids == 0),
        )
        if not is_equal
    ]
    if differing:
        raise IntegrityError(
            f"What was downloaded from {destination.url(destination.active_key)} is not what it should be: "
            f"{', '.join(differing)}.",
            "Run again; if it happens twice, run `publisher verify`, and publish again if that finds it damaged.",
        )


def _read_state(state: Path) -> _Accepted | None:
    try:
        raw = state.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(
            f"The state file {state} cannot be read: {error.strerror}.", "Mend its permissions, or name another."
        ) from error
    try:
        accepted = _parse_state(json.loads(raw))
    except (ValueError, RecursionError):
        accepted = None
    if accepted is None:
        raise UsageError(
            f"The state file {state} is damaged, or not one of a pull.",
            "Delete it to accept whatever is active now, or name another.",
        )
    return accepted


def _parse_state(values: object) -> _Accepted | None:
    if not isinstance(values, dict):
        return None
    texts = [values.get(name) for name in ("etag", "sha256", "md5_checksum")]
    numbers = [values.get(name) for name in ("bytes", "total_ids", "content_bytes")]
    # These three may be null, but not left out.
    optional = [values.get(name, 0) for name in ("created_at", "staged_key", "source_partition")]
    if (
        all(isinstance(text, str) for text in texts)
        and all(type(number) is int for number in numbers)  # True is an instance of int
        and all(value is None or isinstance(value, str) for value in optional)
    ):
        return _Accepted(**{name: values[name] for name in _Accepted.__dataclass_fields__})
    return None


def _write_state(state: Path, accepted: _Accepted) -> None:
    with _draft(state) as file:
        file.write(_state_bytes(accepted))
        file.sync()
        file.move()


def _state_bytes(accepted: _Accepted) -> bytes:
    return f"{json.dumps(asdict(accepted), indent=2)}\n".encode()


def _require_writable(path: Path) -> None:
    """Lets through only a path at which a file can be made or replaced, as far as that can be told beforehand.

    Raises:
        UsageError: It cannot.
    """
    with _local(path):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            mode = stat.S_IFREG
        # A link would be replaced, not what it points to, and a device must not be.
        if not stat.S_ISREG(mode):
            raise UsageError(f"{path} is a folder, a link or a device.", "Give the path of a plain file.")
        folder = path.parent
        if not folder.is_dir():
            raise UsageError(f"The folder {folder} does not exist.", "Create it, or name a file elsewhere.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(f"The folder {folder} cannot be written to.", "Mend its permissions, or name another.")


class _Draft:
    """A file that is not in its place yet."""

    def __init__(self, file: BinaryIO, path: Path, final_path: Path) -> None:
        self._file = file
        self._path = path
        self._final_path = final_path

    def write(self, content: bytes) -> None:
        """Adds bytes."""
        rest = memoryview(content)
        with _local(self._final_path):
            while rest:  # without a buffer a write may take less than it is given
                rest = rest[self._file.write(rest) :]

    def sync(self) -> None:
        """Returns when the content would outlive a power cut."""
        with _local(self._final_path):
            os.fsync(self._file.fileno())

    def move(self) -> None:
        """Puts the file into its place in one atomic step, also across a power cut."""
        with _local(self._final_path):
            self._path.replace(self._final_path)
            folder = os.open(self._final_path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@contextmanager
def _draft(final_path: Path) -> Iterator[_Draft]:
    """Opens a file in the folder of `final_path`; what was not moved is removed at the end.

    Not by tempfile: it keeps its files from other users, and these take the permissions that the umask gives.
    """
    path = final_path.with_name(f".pull-{secrets.token_hex(8)}.tmp")
    try:
        with _local(final_path):
            file = path.open("xb", buffering=0)  # a buffer would be written out, and fail once more, on closing
        with file:
            yield _Draft(file, path, final_path)
    finally:
        with suppress(OSError):
            path.unlink()


@contextmanager
def _local(path: Path) -> Iterator[None]:
    """Tells a failure of the file system from one of the store."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.",
            "Free some space or mend the permissions there, or name a file elsewhere.",
        ) from error
