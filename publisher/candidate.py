"""A whole new file, judged by what it would replace for its consumers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from publisher import __version__, guards
from publisher.errors import Conflict
from publisher.file.changes import NotComparable, count_changes
from publisher.records.memory import Memory, Recollection
from publisher.records.runs import promoted_counts
from publisher.settings import PublishSettings
from publisher.source import Source
from publisher.store.protocol import ObjectMissing, PreconditionFailed, Store
from publisher.values import Changes, Encoded, Metadata, StoredObject

_READ_BYTES = 1 << 20
_COMPARISONS = 2


def require_known_and_newer(enforce: guards.Enforcer, partition: str | None, memory: Memory) -> None:
    """Lets through only a partition that is at least as new as what was promoted last, which active must be.

    Args:
        enforce: Runs guards.
        partition: Of the new file.
        memory: What was promoted last.

    Raises:
        GuardRefusal: It is older; or active is not what was promoted last.
    """
    enforce(guards.require_known_active, memory.doubt)
    last = "that of what was promoted last" if memory.is_replaced else "active's"
    known = [(memory.previous.metadata.source_partition if memory.previous else None, last)]
    if memory.announced is not None:
        known.append((memory.announced.source_partition, "one whose promotion was announced, and maybe happened"))
    if memory.doubt is not None and memory.active is not None:
        known.append((memory.active.metadata.source_partition, "active's"))
    for newest, of in known:
        enforce(guards.require_not_older, partition, newest, of)


@dataclass(frozen=True)
class Candidate:
    """A whole new file in the spool, to be judged by what it would replace.

    Attributes:
        source: The table that it was made from.
        warn: Is told what is worth knowing, and no reason to stop.
    """

    store: Store
    settings: PublishSettings
    source: Source
    spool: BinaryIO
    encoded: Encoded
    recollection: Recollection
    enforce: guards.Enforcer
    warn: Callable[[str], None]

    def over(self, active: StoredObject | None) -> Metadata:
        """Runs the guards that depend on what is active, and returns what to say about the new file."""
        encoded, limits = self.encoded, self.settings.limits
        memory = self.recollection.over(active)
        require_known_and_newer(self.enforce, self.source.partition, memory)
        previous = memory.previous
        if memory.is_replaced and previous is not None:
            what = "not what was promoted last" if memory.doubt else "not the publisher's" if active else "gone"
            self.warn(f"active is {what}; judged by what was promoted last, {previous.metadata.staged_key}")
        changes = self._changes(previous, active) if previous else None
        previous_ids = changes.active_ids if changes else previous.metadata.total_ids if previous else None
        counts = self._counts()
        self.enforce(guards.require_enough, encoded, previous_ids, limits.min_percent_of_active, self.source.summary)
        self.enforce(guards.require_few_removed, changes, limits.max_percent_removed)
        self.enforce(guards.require_usual_count, encoded, counts, limits.max_deviation)
        entries = self.source.summary.suppression_entries if self.source.summary else None
        self.enforce(
            guards.require_suppression_kept, entries, previous.metadata.suppression_entries if previous else None
        )
        for near in guards.near_limits(encoded, previous_ids, changes, counts, limits):
            self.warn(near)
        said, snapshot_id = previous.metadata if previous else Metadata(), self.source.table.snapshot_id
        return Metadata(
            total_ids=encoded.total_ids,
            md5_checksum=encoded.md5,
            source_partition=self.source.partition,
            sha256=encoded.sha256,
            content_bytes=encoded.content_bytes,
            dbt_invocation_id=self.source.build.invocation_id if self.source.build else None,
            ids_added=changes.ids_added if changes else None,
            ids_removed=changes.ids_removed if changes else None,
            overruled=",".join(self.enforce.overruled) or None,
            replaces=said.staged_key,
            set_back_from=guards.set_back_from(self.source.partition, said),
            snapshot_id=None if snapshot_id is None else str(snapshot_id),
            tagged_table=str(self.source.table.ref) if self.settings.tag_snapshot else None,
            suppression_entries=entries,
            withheld_ids=self.source.summary.withheld_ids if self.source.summary else None,
            publisher_version=__version__,
        )

    def _counts(self) -> list[int]:
        if self.settings.limits.max_deviation is None:
            return []
        return promoted_counts(self.store, self.settings.destination)

    def _changes(self, previous: StoredObject, active: StoredObject | None) -> Changes | None:
        """Compares the new file with what it replaces; None when no copy of that is what it should be."""
        reasons: list[str] = []
        for copy in self._copies(previous):
            is_active = active is not None and copy.key == active.key
            for _ in range(_COMPARISONS):  # a bit that flipped on the way must not leave the limits on change out
                changes = self._compare(copy, reasons, is_active=is_active)
                if changes is not None:
                    if reasons and not is_active:
                        self.warn(f"{reasons[-1]}; compared with its staged copy")
                    return changes
        # A damaged active file is a reason to replace it, not to keep it.
        self.warn(f"what changes cannot be told: {reasons[-1]}")
        return None

    def _copies(self, previous: StoredObject) -> Iterator[StoredObject]:
        """Yields what is to be compared with, and where that is active and damaged, its staged copy."""
        yield previous
        said = previous.metadata
        if said.staged_key is not None and said.staged_key != previous.key:
            staged = self.store.head(said.staged_key)
            if staged is not None and staged.metadata.sha256 == said.sha256:
                yield replace(staged, texts=previous.texts)

    def _compare(self, copy: StoredObject, reasons: list[str], *, is_active: bool) -> Changes | None:
        """Compares the new file with a copy of what it replaces; None, and a reason more, when that is no use."""
        digest = hashlib.sha256()

        def digested(pieces: Iterator[bytes]) -> Iterator[bytes]:
            for piece in pieces:
                digest.update(piece)
                yield piece

        self.spool.seek(0)
        try:
            with self.store.read(copy.key, copy.etag) as pieces:
                new = iter(lambda: self.spool.read(_READ_BYTES), b"")
                changes = count_changes(new, digested(pieces), copy.metadata.content_bytes)
        except NotComparable as damage:
            reasons.append(str(damage))
        except (PreconditionFailed, ObjectMissing):
            if is_active:
                raise Conflict(
                    "Somebody else replaced active while the new file was compared with it.",
                    "One schedule should own a destination; run again, and the guards look at what is active then.",
                ) from None
            reasons.append(f"the staged file {copy.key} is gone, or another")
        else:
            if copy.metadata.sha256 in (None, digest.hexdigest()):
                return changes
            reasons.append("active is not the file that its metadata describes")
        return None
