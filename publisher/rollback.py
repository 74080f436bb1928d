"""Makes an earlier staged file active again, by the same compare-and-swap as a publish."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from publisher import guards
from publisher.errors import GuardRefusal, IntegrityError, UsageError
from publisher.store.active import require_there
from publisher.store.hold import current_hold, release_hold, set_hold
from publisher.store.keys import Destination
from publisher.store.promotion import Promotion
from publisher.store.protocol import Store
from publisher.store.staging import StagedFile
from publisher.values import Metadata, StoredObject
from publisher.verify import verify_object


@dataclass(frozen=True)
class RolledBack:
    """What a rollback did.

    Attributes:
        active: What is active now.
        previous: What was.
        is_held: Whether publishing is held now.
    """

    active: StoredObject
    previous: StoredObject
    is_held: bool


def rollback(
    store: Store,
    destination: Destination,
    staged_key: str | None,
    now: datetime,
    *,
    hold_reason: str | None,
    by: str | None = None,
) -> RolledBack:
    """Verifies an earlier staged file from its bytes and makes it active.

    That its partition may be older is meant, and recorded in the metadata. The hold is set first, so that no schedule
    publishes over the rollback; when the rollback fails, a hold that it set is released again.

    Args:
        store: The bucket.
        destination: Where in it.
        staged_key: The file; None for the one that was active before.
        now: The time, for the hold.
        hold_reason: Why publishing is held afterwards; None to hold nothing.
        by: Who does it.

    Raises:
        UsageError: There is nothing to go back to, or that file is not there or active already.
        IntegrityError: The staged file is not what its metadata says.
        Conflict: Somebody else promoted twice in the meantime.
        StoreFailed: The store failed.
    """
    promotion = Promotion(store, destination)
    active = require_there(promotion.active, destination)
    target = _target(store, destination, active, staged_key)
    verification = verify_object(store, target)
    if verification.differences:
        raise IntegrityError(
            f"The staged file {target.key} is damaged: {'; '.join(verification.differences)}.",
            "Choose another with `publisher history` and --to-staged.",
        )
    was_held = current_hold(store, destination) is not None
    if hold_reason is not None and not was_held:
        set_hold(store, destination, hold_reason, by, now)
    try:
        promoted, previous = _promote(promotion, target)
    except BaseException:
        if hold_reason is not None and not was_held:
            release_hold(store, destination)
        raise
    return RolledBack(promoted, previous or active, was_held or hold_reason is not None)


def _target(store: Store, destination: Destination, active: StoredObject, staged_key: str | None) -> StoredObject:
    key = staged_key or active.metadata.replaces
    hint = "See what there is with `publisher history`, and name one with --to-staged."
    if key is None:
        raise UsageError("It is not known what was active before.", hint)
    if not key.startswith(destination.stage_prefix):
        raise UsageError(f"{key} is not the key of a staged file of this destination.", hint)
    if key == active.metadata.staged_key:
        raise UsageError(f"{key} is active already.", hint)
    target = store.head(key)
    if target is None:
        raise UsageError(f"The staged file {key} does not exist (any more).", hint)
    return target


def _promote(promotion: Promotion, target: StoredObject) -> tuple[StoredObject, StoredObject | None]:
    def metadata(replaced: StoredObject | None) -> Metadata:
        try:
            guards.require_not_older(target.metadata.source_partition, replaced)
            overruled = None
        except GuardRefusal as refusal:
            overruled = refusal.guard
        return replace(
            target.metadata,
            ids_added=None,
            ids_removed=None,
            overruled=overruled,
            replaces=replaced.metadata.staged_key if replaced else None,
        )

    promotion.judge(metadata)
    promotion.take(StagedFile(target.key, target.etag, target.bytes, target.metadata))
    return promotion.promote(), promotion.active
