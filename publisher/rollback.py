"""Makes an earlier staged file active again: verified from its bytes, recorded, held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from publisher import guards
from publisher.errors import GuardRefusal, IntegrityError, SourceNotReady, UsageError
from publisher.file.inspecting import differences
from publisher.lake.access import LakeAccess
from publisher.records.journal import Journal
from publisher.records.memory import Memory, Recollection
from publisher.records.record import ROLLED_BACK
from publisher.records.runs import refusal_of
from publisher.settings import PublishSettings
from publisher.store.hold import current_hold, release_hold, set_hold
from publisher.store.keys import Destination
from publisher.store.promotion import Promotion
from publisher.store.protocol import Store
from publisher.store.staging import StagedFile
from publisher.tagging import Tagged, tag_active, tag_after
from publisher.values import Metadata, StoredObject
from publisher.verify import verify_object

_SEE = "See what there is with `publisher history`, and name one with --to-staged."


@dataclass(frozen=True)
class RolledBack:
    """What a rollback did.

    Attributes:
        active: What is active now.
        previous: What was, or was promoted last where active was gone; None where that is not known.
        is_held: Whether publishing is held now.
    """

    active: StoredObject
    previous: StoredObject | None
    is_held: bool


def rollback(
    store: Store,
    destination: Destination,
    staged_key: str | None = None,
    *,
    to_last: bool = False,
    hold: bool = True,
    reason: str | None = None,
    by: str | None = None,
    force: bool = False,
    keep_tags: int = PublishSettings.keep_tags,
    lake: LakeAccess | None = None,
    warn: Callable[[str], None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> RolledBack:
    """Verifies an earlier staged file from its bytes and makes it active.

    That its partition may be older is meant, and recorded in the metadata. The hold is set first, so that no schedule
    publishes over the rollback; a hold that it set is released again when the rollback certainly did not happen.

    Args:
        store: The bucket.
        destination: Where in it.
        staged_key: The file, as a key or as s3://…; None for the one that was active before, or, where active is gone
            or not what was promoted last, for what was.
        to_last: Puts back what was promoted last, whatever is active.
        hold: Whether publishing is held afterwards. What comes back in its own place is held with a reason only: the
            next publish is to replace it, as ever.
        reason: Why, in a person's words; one line.
        by: Who does it.
        force: Whether a file that a guard refused may become active.
        keep_tags: How many of the partitions' tags stay, where the tag `published` of an Iceberg table follows.
        lake: What writes those.
        warn: Is told what is worth knowing.
        now: The clock.

    Raises:
        UsageError: There is nothing to go back to, or that file is not there, refused or active already.
        SourceNotReady: Nothing was ever published.
        IntegrityError: The staged file is not what its metadata says.
        Conflict: Somebody else promoted twice in the meantime.
        StoreFailed: The store failed.
    """
    journal = Journal(store, destination, "rollback", warn=warn, now=now)
    journal.know(reason=reason, forced=force or None)
    recollection = Recollection(store, destination)

    def announce(said: Metadata, active: StoredObject | None) -> str:
        before = recollection.over(active)
        journal.saw(before.latest)
        return journal.announce_file(said, before.previous, active)

    with journal.ending():
        promotion = Promotion(store, destination, "rollback", announce, warn=warn)
        journal.reached()
        memory = recollection.over(promotion.active)
        if memory.unfinished is not None:
            journal.complete(memory.unfinished, None, promotion.active)
        target = _target(store, destination, promotion.active, memory, staged_key, to_last=to_last)
        journal.know(staged_key=target.key, source_partition=target.metadata.source_partition)
        _require_whole(store, target, promotion.active)
        _warn_of_the_list(target.metadata, memory, warn)
        was_promoted = memory.last is not None and memory.last.staged_key == target.key
        refusal = None if force or was_promoted else refusal_of(store, destination, target.key)
        if refusal is not None:
            raise UsageError(
                f"A guard refused {target.key} when it was to be promoted: {refusal}",
                "Choose another with `publisher history`; if it must be this one, give --force, which is recorded.",
            )
        was_held = current_hold(store, destination) is not None
        is_same = memory.previous is not None and memory.previous.metadata.staged_key == target.key
        sets_hold = hold and not was_held and (reason is not None or not is_same)
        is_held = was_held or sets_hold
        if sets_hold:
            set_hold(store, destination, reason or "rolled back", by, now())
        journal.know(is_held=is_held)
        try:
            promoted = _promote(promotion, target, recollection)
        except BaseException:
            if sets_hold and not promotion.is_outcome_unknown:
                release_hold(store, destination)
            raise
    before = memory.previous.metadata if memory.previous else None

    def tag() -> list[Tagged]:
        return tag_active(store, destination, lake or LakeAccess(), keep_tags, before)

    warnings: list[str] = []

    def warn_and_record(text: str) -> None:
        warn(text)
        warnings.append(text)
        journal.know(warnings="; ".join(warnings))

    tag_after(promoted, before, tag, warn_and_record)
    journal.promoted(ROLLED_BACK, promoted, memory.abandoned)
    return RolledBack(promoted, memory.previous or promotion.active, is_held)


def _target(
    store: Store,
    destination: Destination,
    active: StoredObject | None,
    memory: Memory,
    staged_key: str | None,
    *,
    to_last: bool,
) -> StoredObject:
    if to_last and staged_key:
        raise UsageError("--to-last and --to-staged cannot both be meant.", "Choose one.")
    if staged_key:
        key = destination.key(staged_key)
    elif to_last or active is None or memory.is_replaced:
        key = _last_key(destination, memory)
    else:
        key = _key_before(active)
    if not destination.is_staged_file(key):
        raise UsageError(f"{key} is not the key of a staged file of this destination.", _SEE)
    target = store.head(key)
    if target is None:
        raise UsageError(
            f"The staged file {key} does not exist (any more).",
            f"{_SEE} What `publisher prune --holding` removed, because it held an id that had to go, is gone for good.",
        )
    return target


def _last_key(destination: Destination, memory: Memory) -> str:
    """Returns the staged key of what was promoted last."""
    key = memory.previous.metadata.staged_key if memory.previous else None
    if key is None:
        raise SourceNotReady(
            f"It is not known what was promoted last to {destination.url(destination.active_key)}.", _SEE
        )
    return key


def _key_before(active: StoredObject) -> str:
    """Returns the staged key of what was active before."""
    said = active.metadata
    if said.promoted_by == "rollback":
        raise UsageError(
            f"Active was rolled back to already: it is {said.staged_key} of partition "
            f"{said.source_partition or 'unknown'}, in the place of {said.replaces or 'an unknown file'}.",
            "Nothing is left to do. To go further back, see `publisher history`, and name a file with --to-staged.",
        )
    if said.replaces is None:
        raise UsageError("It is not known what was active before.", _SEE)
    return said.replaces


def _require_whole(store: Store, target: StoredObject, active: StoredObject | None) -> None:
    """Lets through only a staged file that is what its metadata says, and of which active is not a whole copy."""
    verification = verify_object(store, target)
    if verification.differences:
        raise IntegrityError(
            f"The staged file {target.key} is damaged: {'; '.join(verification.differences)}.",
            "Choose another with `publisher history` and --to-staged.",
        )
    if active is not None and active.metadata.staged_key == target.key:
        found = verify_object(store, active).found
        if not differences(active.bytes, target.metadata, found) and not differences(
            active.bytes, active.metadata, found
        ):
            raise UsageError(f"{target.key} is active already.", _SEE)


def _warn_of_the_list(target: Metadata, memory: Memory, warn: Callable[[str], None]) -> None:
    """Says when a file was held to fewer entries of the suppression list than what it replaces."""
    before = memory.previous.metadata.suppression_entries if memory.previous else None
    if before is not None and (target.suppression_entries or 0) < before:
        warn(
            f"this file was held to {target.suppression_entries or 0:,} entries of the suppression list, what it "
            f"replaces to {before:,}: who objected since may be in it (`publisher trace`, `publisher prune --holding`)"
        )


def _promote(promotion: Promotion, target: StoredObject, recollection: Recollection) -> StoredObject:
    def metadata(replaced: StoredObject | None) -> Metadata:
        previous = recollection.over(replaced).previous
        said = previous.metadata if previous else Metadata()
        is_same = said.staged_key == target.key
        overruled = list(target.metadata.overruled_guards)
        try:
            guards.require_not_older(target.metadata.source_partition, said.source_partition)
        except GuardRefusal as refusal:
            if refusal.guard is not None and refusal.guard not in overruled:
                overruled.append(refusal.guard)
        return replace(
            target.metadata,
            ids_added=None,
            ids_removed=None,
            overruled=",".join(overruled) or None,
            # What comes back in its own place replaces what it replaced when it was promoted.
            replaces=said.replaces if is_same else said.staged_key,
            promoted_by=said.promoted_by if is_same else None,
            set_back_from=guards.set_back_from(target.metadata.source_partition, said),
            tagged_table=target.metadata.tagged_table or said.tagged_table,
        )

    promotion.judge(metadata)
    promotion.take(StagedFile(target.key, target.etag, target.bytes, target.metadata))
    return promotion.promote()
