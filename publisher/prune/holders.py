"""The versions of files that hold one of some ids, or of which that cannot be told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from publisher import guards
from publisher.errors import Conflict, GuardRefusal, IntegrityError, SourceNotReady
from publisher.file.decompressing import DamagedFile
from publisher.file.searching import count_lines_of
from publisher.records.memory import recall
from publisher.store.keys import Destination
from publisher.store.protocol import ObjectMissing, ObjectVersion, PreconditionFailed, Store

_THREADS = 8
# A bit that flipped on the way must not make a file one that cannot be read.
_LOOKS = 2
_FIRST_SUPPRESS = (
    "Put the ids, or the documents behind them, on the suppression list (suppressed_by), run `dbt build && publisher "
    "publish`, then this again."
)


@dataclass(frozen=True)
class Holder:
    """A version of a file that holds one of the ids, or of which that cannot be told.

    Attributes:
        version: What names it; None where the bucket keeps no versions.
        sha256: Of its bytes.
        is_damaged: Whether it is no whole gzip file of ids: then it counts as holding one.
    """

    key: str
    version: str | None
    sha256: str
    is_damaged: bool

    def to_line(self) -> str:
        """Returns it as a line of the list, which `sha256sum` writes alike."""
        return f"{self.sha256}  {self.key}{f'?versionId={self.version}' if self.version else ''}"


class Holders:
    """Looks into every version once, and into those of equal ETag and size together."""

    def __init__(self, store: Store, destination: Destination, wanted: frozenset[bytes]) -> None:
        """Looks at nothing yet.

        Args:
            store: The bucket.
            destination: Where in it.
            wanted: The ids, as the lines of the file.
        """
        self._store = store
        self._destination = destination
        self._wanted = wanted
        self._known: dict[tuple[str | None, int], tuple[bool, bool, str]] = {}
        self._seen: set[tuple[str, str | None, str | None]] = set()

    @property
    def searched(self) -> int:
        """How many versions were looked into."""
        return len(self._seen)

    def require_active_without(self) -> None:
        """Lets through only an active file that is known, and holds none of the ids.

        Raises:
            GuardRefusal: It holds one, or is not what was promoted last.
            SourceNotReady: Nothing is active.
            IntegrityError: It cannot be read.
            Conflict: Somebody replaced it meanwhile.
            StoreFailed: The store failed.
        """
        active = self._store.head(self._destination.active_key)
        guards.require_known_active(recall(self._store, self._destination, active).doubt)
        if active is None:
            raise SourceNotReady(
                f"Nothing is active at {self._destination.url(self._destination.active_key)}: a rollback would bring "
                "back what is to go.",
                _FIRST_SUPPRESS,
            )
        try:
            with self._store.read(active.key, active.etag) as pieces:
                held = count_lines_of(pieces, self._wanted)
        except DamagedFile as damage:
            raise IntegrityError(
                f"Whether active holds one of the ids cannot be told: it {damage}.", "Publish again, then run this."
            ) from damage
        except (PreconditionFailed, ObjectMissing):
            raise Conflict("Somebody else replaced active while it was searched.", "Run again.") from None
        if held:
            raise GuardRefusal(
                f"Active holds {held:,} of the {len(self._wanted):,} ids (they are not shown here).",
                _FIRST_SUPPRESS,
                guard=guards.SUPPRESSED_IDS,
                saw=held,
                limit=0,
            )

    def versions(self) -> Iterator[ObjectVersion]:
        """Yields what is there: all versions of staged files, and the older ones of active."""
        for found in self._store.versions(self._destination.stage_prefix):
            if self._destination.is_staged_file(found.key):
                yield found
        for found in self._store.versions(self._destination.active_key):
            if found.key == self._destination.active_key and not found.is_latest:
                yield found

    def found(self) -> tuple[list[Holder], list[tuple[str, str | None]]]:
        """Returns the versions that hold one of the ids, and the delete markers of files of which no more stays."""
        listed = list(self.versions())
        files = [found for found in listed if found.etag is not None]
        with ThreadPoolExecutor(_THREADS) as pool:
            looks = list(pool.map(self._look, files))
        holders = [holder for holder in looks if holder is not None]
        gone = {(holder.key, holder.version) for holder in holders}
        staying = {found.key for found in files if (found.key, found.version) not in gone}
        emptied = {key for key, _ in gone} - staying - {self._destination.active_key}
        markers = [(found.key, found.version) for found in listed if found.etag is None and found.key in emptied]
        return holders, markers

    def _look(self, found: ObjectVersion) -> Holder | None:
        try:
            look = self._known.get((found.etag, found.bytes)) or self._read(found)
        except (PreconditionFailed, ObjectMissing):
            return None  # replaced or removed meanwhile; the next round sees what is there then
        self._known[found.etag, found.bytes] = look
        self._seen.add((found.key, found.version, found.etag))
        holds, is_damaged, sha256 = look
        return Holder(found.key, found.version, sha256, is_damaged) if holds else None

    def _read(self, found: ObjectVersion) -> tuple[bool, bool, str]:
        """Returns whether a version holds one of the ids, whether it is damaged, and its SHA-256."""
        digests = []
        for _ in range(_LOOKS):
            digest = hashlib.sha256()
            with self._store.read_version(found) as pieces:
                rest = _digested(pieces, digest.update)
                try:
                    return count_lines_of(rest, self._wanted) > 0, False, _ended(rest, digest)
                except DamagedFile:
                    digests.append(_ended(rest, digest))
        return True, True, digests[-1]


def _digested(pieces: Iterator[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    for piece in pieces:
        update(piece)
        yield piece


def _ended(rest: Iterator[bytes], digest: hashlib._Hash) -> str:
    """Reads what nobody asked for any more, and returns the digest of all."""
    for _ in rest:
        pass
    return digest.hexdigest()
