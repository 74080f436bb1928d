"""What a consumer accepted last: the state file beside what was pulled, by which an older partition is recognised.

And the place of the two, which pulls that run at once replace one after the other.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from publisher.disk.drafts import Draft, alone, stamp
from publisher.errors import IntegrityError, UsageError
from publisher.store.keys import Destination
from publisher.values import StoredObject

# One has some hundred bytes. Whatever else lies there is not read to its end.
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Accepted:
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

    def is_same_file_as(self, other: Accepted) -> bool:
        """Whether the bytes are the same, whenever and from whichever partition they were made."""
        mine = replace(
            self,
            created_at=other.created_at,
            staged_key=other.staged_key,
            source_partition=other.source_partition,
        )
        return mine == other


def describe(active: StoredObject, destination: Destination) -> Accepted:
    """Returns active as its HEAD describes it, which must be enough to verify its bytes by."""
    said = active.metadata
    if said.sha256 is None or said.md5_checksum is None or said.total_ids is None or said.content_bytes is None:
        missing = ", ".join(said.lacks(("sha256", "md5_checksum", "total_ids", "content_bytes")))
        raise IntegrityError(
            f"The metadata of {destination.url(destination.active_key)} lacks {missing}, or it cannot be read.",
            "Publish again, and find the other program that writes to active/: only a publisher's file can be pulled.",
        )
    return Accepted(
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


def read_state(state: Path) -> Accepted | None:
    """Returns what was accepted last; None when nothing was.

    Raises:
        UsageError: The state file cannot be read, or is not one.
    """
    try:
        with state.open("rb") as file:
            raw = file.read(_MOST_BYTES)
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


def _parse_state(values: object) -> Accepted | None:
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
        return Accepted(**{name: values[name] for name in Accepted.__dataclass_fields__})
    return None


def state_bytes(accepted: Accepted) -> bytes:
    """Returns what stands in the state file."""
    return f"{json.dumps(asdict(accepted), indent=2)}\n".encode()


class Overtaken(Exception):
    """Another pull to the same target was faster."""


@dataclass(frozen=True)
class Place:
    """The target and its state file, and what was there at a look.

    Attributes:
        accepted: What the state file said.
        stamp: What tells the target that was there from its successors.
    """

    target: Path
    state: Path
    accepted: Accepted | None
    stamp: tuple[int, int] | None

    @classmethod
    def look(cls, target: Path, state: Path) -> Place:
        """Looks at the target first and at the state then, which is the order in which they are replaced.

        Raises:
            UsageError: One of them cannot be looked at, or the state file is none.
        """
        stamped = stamp(target)
        return cls(target, state, read_state(state), stamped)

    def replace(self, file: Draft | None, state_file: Draft) -> None:
        """Replaces what is there, if it still is what was seen.

        A download takes long enough for another pull to bring something newer, which must not be replaced by this. The
        look and the two replacements are one step: of two pulls, the second sees what the first brought.

        Args:
            file: The new target; None when it stays.
            state_file: The new state.

        Raises:
            Overtaken: Another pull was faster.
            Conflict: Another one does not let go of the place.
            UsageError: The file system failed.
        """
        with alone(self.target, self.state):
            if Place.look(self.target, self.state) != self:
                raise Overtaken
            if file is not None:
                file.move()
            try:
                if file is not None:
                    file.sync_folder()
            finally:  # a target that was replaced needs its state, whatever becomes of either
                state_file.move()
                state_file.sync_folder()
