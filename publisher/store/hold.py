"""The hold: an object in the store that makes every publish refuse until it is released."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import datetime

from publisher.errors import Conflict, UsageError
from publisher.store.keys import Destination, timestamp
from publisher.store.protocol import PreconditionFailed, Store
from publisher.values import Hold

# Whatever else lies there is a hold, too.
_UNREADABLE = Hold("the hold's reason cannot be read", None, None)


def current_hold(store: Store, destination: Destination) -> Hold | None:
    """Returns the hold that is set, None when none is. What cannot be read is a hold all the same.

    Raises:
        StoreFailed: The store failed.
    """
    content = store.read_small(destination.hold_key)
    return None if content is None else _read(content)


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
    hold = current_hold(store, destination) or _UNREADABLE
    try:
        store.delete(found.key, found.etag)
    except PreconditionFailed:
        raise Conflict("Somebody set another hold in between.", "Look at it with `publisher status`.") from None
    return hold


def _read(content: bytes) -> Hold:
    try:
        said = json.loads(content)
        since, by = said.get("since"), said.get("by")
        return Hold(str(said["reason"]), since and str(since), by and str(by))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return _UNREADABLE
