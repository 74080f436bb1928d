"""The hold: an object in the store that makes every publish refuse until it is released."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import datetime

from publisher.errors import Conflict, UsageError
from publisher.store.keys import Destination, timestamp
from publisher.store.protocol import ObjectMissing, PreconditionFailed, Store
from publisher.values import Hold, StoredObject


def current_hold(store: Store, destination: Destination) -> Hold | None:
    """Returns the hold that is set, None when none is. What cannot be read is a hold all the same.

    Raises:
        StoreFailed: The store failed.
    """
    found = store.head(destination.hold_key)
    return _read(store, found) if found else None


def set_hold(store: Store, destination: Destination, reason: str, by: str | None, now: datetime) -> Hold:
    """Sets a hold.

    Args:
        store: The bucket.
        destination: What to hold.
        reason: Why, in a person's words; one line.
        by: Who; None when it cannot be told.
        now: Since when.

    Raises:
        UsageError: The reason is blank or not one line, or a hold is set already.
        StoreFailed: The store failed.
    """
    if not reason.strip() or not reason.isprintable():
        raise UsageError(
            "The reason of a hold must be one line of text.", 'Say why: --reason "wrong partition, INC-1".'
        )
    hold = Hold(reason.strip(), timestamp(now), by)
    body = json.dumps(vars(hold), ensure_ascii=False).encode()
    try:
        store.create(destination.hold_key, io.BytesIO(body), hashlib.sha256(body).hexdigest(), {})
    except PreconditionFailed:
        held = current_hold(store, destination)
        since = f" since {held.since}: {held.reason}" if held else ""
        raise UsageError(
            f"{destination.url(destination.hold_key)} is set already{since}.", "Release it first to set another."
        ) from None
    return hold


def release_hold(store: Store, destination: Destination) -> Hold | None:
    """Removes the hold and returns it, None when none was set.

    Raises:
        Conflict: It was replaced by another in between.
        StoreFailed: The store failed.
    """
    found = store.head(destination.hold_key)
    if found is None:
        return None
    hold = _read(store, found)
    try:
        store.delete(found.key, found.etag)
    except PreconditionFailed:
        raise Conflict("Somebody set another hold in between.", "Look at it with `publisher status`.") from None
    return hold


def _read(store: Store, found: StoredObject) -> Hold:
    try:
        with store.read(found.key, found.etag) as pieces:
            said = json.loads(b"".join(pieces))
        return Hold(str(said["reason"]), said.get("since"), said.get("by"))
    except (PreconditionFailed, ObjectMissing, ValueError, TypeError, KeyError, AttributeError):
        return Hold("the hold's reason cannot be read", None, None)
