"""What a publish needs of a store, tried on scratch objects: `doctor` asks for one after the other."""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial

from publisher.errors import IntegrityError, StoreFailed
from publisher.store.conditions import UNDERSCORES, SwapMethod, honours_conditions, is_refused, prepared, reads_other
from publisher.store.keys import Destination
from publisher.store.protocol import NO_ETAG, Store
from publisher.values import StoredObject

_MAX_SKEW_SECONDS = 300  # S3 refuses requests that are signed with a clock further off (RequestTimeTooSkewed: 15 min)
_CONTENT = b"publisher doctor"
_SHA256 = hashlib.sha256(_CONTENT).hexdigest()
# Of a store that looks at a condition and does not hold on to it, a single race shows nothing more often than not.
_RACERS = 8
_RACES = 5
_LIFE = timedelta(hours=1)


class Unfit(Exception):
    """The store did something else than S3 does; the text says what."""


class Trials:
    """Scratch objects below `doctor/`."""

    def __init__(self, store: Store, destination: Destination, now: Callable[[], datetime]) -> None:
        self._store = store
        self._destination = destination
        self._now = now
        own = f"{destination.scratch_prefix}{uuid.uuid4().hex[:12]}-"  # so that two doctors at once do not meet
        self._one = f"{own}one"
        self._two = f"{own}two"
        self._racers = [f"{own}racer-{number}" for number in range(_RACERS)]
        self._etag: str | None = None
        self._method: SwapMethod | None = None

    def all(self) -> tuple[tuple[str, Callable[[], str]], ...]:
        """Returns what to try, in this order: the name of each, and a function that says what works.

        Such a function raises `Unfit` where the store does something else than S3, a `PublisherError` where it fails,
        and a LookupError where something that was tried before did not work.
        """
        return (
            ("bucket and credentials", self._try_look),
            ("create an object", self._try_create),
            ("create once only", self._try_create_again),
            ("reject a wrong checksum", self._try_create_damaged),
            ("read one version", self._try_read),
            ("list", self._try_list),
            ("copy onto nothing", self._try_copy),
            ("condition on a copy's source", self._try_copy_other_source),
            ("condition on a copy's destination", self._try_copy_unexpected),
            ("compare-and-swap", self._try_swap),
            ("compare-and-swap at once", self._try_race),
            ("files beyond one copy", self._try_parts),
            ("clock", self._try_clock),
            ("remove an object", self._try_remove),
        )

    def _try_look(self) -> str:
        active = self._store.head(self._destination.active_key)
        return "reachable; " + ("something is active" if active else "nothing is active yet")

    def _try_create(self) -> str:
        self._etag = self._store.create(self._one, io.BytesIO(_CONTENT), _SHA256, {"made_by": "doctor"})
        if dict(self._found(self._one).texts) != {"made_by": "doctor"}:
            raise Unfit(f"it does not tell the metadata of an object as it was written ({UNDERSCORES})")
        return "s3:PutObject is granted"

    def _try_create_again(self) -> str:
        self._created()
        _must_fail("it overwrites an object that must not exist", lambda: self._put(self._one))
        return "If-None-Match is honoured"

    def _try_create_damaged(self) -> str:
        key = f"{self._one}-damaged"
        try:
            self._store.create(key, io.BytesIO(b"damaged on the method"), _SHA256, {})
        except IntegrityError:
            return "x-amz-checksum-sha256 is checked"
        return "x-amz-checksum-sha256 is not checked; a publish reads back and compares all that it wrote"

    def _try_read(self) -> str:
        with self._store.read(self._one, self._created()) as pieces:
            if b"".join(pieces) != _CONTENT:
                raise Unfit("it returns other content than was written")

        if reads_other(self._store, self._one):
            raise Unfit("it ignores If-Match when reading")
        return "s3:GetObject is granted, If-Match is honoured"

    def _try_list(self) -> str:
        self._created()
        listed = list(self._store.list(self._destination.scratch_prefix))
        if self._one not in listed:
            raise Unfit("it does not list what is there")
        next(iter(self._store.list(self._destination.runs_prefix)), None)  # by which a publish knows the last one
        self._sweep(listed)
        return "s3:ListBucket is granted"

    def _try_copy(self) -> str:
        self._store.copy(self._one, self._created(), self._two, None, {"copied_by": "doctor"})
        if dict(self._found(self._two).texts) != {"copied_by": "doctor"}:
            raise Unfit("a copy does not get the metadata that it is given")
        return "CopyObject works, metadata is replaced"

    def _try_copy_other_source(self) -> str:
        self._created()
        _must_fail(
            "it copies another version than the one that was asked for",
            lambda: self._store.copy(self._one, NO_ETAG, self._two, self._found(self._two).etag, {}),
        )
        return "x-amz-copy-source-if-match is honoured"

    def _try_copy_unexpected(self) -> str:
        self._created()
        if self._honours_conditions(SwapMethod.COPY):
            self._method = SwapMethod.COPY
            return f"If-Match and If-None-Match are honoured by {SwapMethod.COPY.value}"
        if self._honours_conditions(SwapMethod.PARTS):
            self._method = SwapMethod.PARTS
            return (
                f"ignored by {SwapMethod.COPY.value}, honoured by {SwapMethod.PARTS.value}: files are promoted in parts"
            )
        raise Unfit("it ignores conditions on a copy's destination")

    def _try_swap(self) -> str:
        method = self._method or SwapMethod.COPY
        self._swap(method, self._one, self._created(), self._found(self._two).etag, {"swapped_by": "doctor"})
        found = self._found(self._two)
        if dict(found.texts) != {"swapped_by": "doctor"}:
            raise Unfit("a copy was confirmed and did not happen")
        with self._store.read(self._two, found.etag) as pieces:
            if b"".join(pieces) != _CONTENT:
                raise Unfit("a copy has other content than its source")
        return f"{method.value} replaces exactly the version that it expects"

    def _try_race(self) -> str:
        if self._method is None:
            raise LookupError(self._two)
        if (winners := self._most_winners(self._method)) > 1:
            raise Unfit(
                f"of {_RACERS} requests at once that each expected the same version, {winners} replaced it"
                f" ({self._method.value} looks at the condition, and does not hold on to it)"
            )
        return f"of {_RACERS} at once, one replaces the version that all of them expect"

    def _try_parts(self) -> str:
        """Tells what becomes of larger files; a store that cannot take them is fit for all others."""
        self._created()
        limit = f"more than {self._store.copy_limit_bytes:,} bytes"
        try:
            if not self._honours_conditions(SwapMethod.PARTS):
                return f"{SwapMethod.PARTS.value} ignores conditions: a file of {limit} will be refused"
        except StoreFailed as error:
            return f"a file of {limit} will be refused: {error.message}"
        if self._method is not SwapMethod.PARTS and (winners := self._most_winners(SwapMethod.PARTS)) > 1:
            return (
                f"{SwapMethod.PARTS.value} looks at conditions, but of {_RACERS} at once {winners} passed:"
                f" let one publisher at a time promote files of {limit}"
            )
        return f"{SwapMethod.PARTS.value} honours conditions: files of {limit} can be promoted"

    def _try_clock(self) -> str:
        theirs = self._store.clock() or self._found(self._one).last_modified
        skew = abs((self._now() - theirs).total_seconds())
        if skew > _MAX_SKEW_SECONDS:
            raise StoreFailed(
                f"The clocks of this machine and of the store differ by {skew:,.0f} s.",
                "Set this machine's clock by NTP, or the store's, where that is the wrong one.",
            )
        return f"differs by less than {max(int(skew) + 1, 2)} s"

    def _try_remove(self) -> str:
        self._created()
        self._clear()
        if self._store.head(self._one) is not None:
            raise Unfit("what was removed is still there")
        return "s3:DeleteObject is granted (for the hold; a publish removes nothing)"

    def _sweep(self, listed: Iterable[str]) -> None:
        """Removes what doctors that were killed have left; what is younger than an hour may be a living one's."""
        for key in listed:
            left = self._store.head(key)
            if left is not None and self._now() - left.last_modified > _LIFE:
                self._store.delete(key, left.etag)

    def _clear(self) -> None:
        for key in (self._one, self._two, f"{self._one}-damaged", *self._racers):
            if (left := self._store.head(key)) is not None:
                self._store.delete(key, left.etag)

    def _swap(
        self, method: SwapMethod, source: str, etag: str, expected_etag: str | None, texts: dict[str, str]
    ) -> None:
        with prepared(self._store, method, source, etag, self._two, texts) as swap:
            swap(expected_etag)

    def _honours_conditions(self, method: SwapMethod) -> bool:
        return honours_conditions(self._store, method, self._one, self._created(), self._two)

    def _most_winners(self, method: SwapMethod) -> int:
        """Lets several replace one version at once, a few times over, and returns how many succeeded at most."""
        etags = []
        for key in self._racers:
            content = key.encode()  # each its own: an ETag tells contents apart
            if (left := self._store.head(key)) is None:
                etags.append(self._store.create(key, io.BytesIO(content), hashlib.sha256(content).hexdigest(), {}))
            else:
                etags.append(left.etag)
        most = 0
        for _ in range(_RACES):
            self._swap(method, self._one, self._created(), self._found(self._two).etag, {})
            expected = self._found(self._two).etag
            with ExitStack() as ready, ThreadPoolExecutor(_RACERS) as pool:
                swaps = [
                    ready.enter_context(prepared(self._store, method, key, etag, self._two, {}))
                    for key, etag in zip(self._racers, etags, strict=True)
                ]
                refused = pool.map(is_refused, [partial(swap, expected) for swap in swaps])
                most = max(most, list(refused).count(False))
        return most

    def _created(self) -> str:
        if self._etag is None:
            raise LookupError(self._one)
        return self._etag

    def _put(self, key: str) -> None:
        self._store.create(key, io.BytesIO(_CONTENT), _SHA256, {})

    def _found(self, key: str) -> StoredObject:
        found = self._store.head(key)
        if found is None:
            raise LookupError(key)
        return found


def _must_fail(unfit: str, attempt: Callable[[], object]) -> None:
    if not is_refused(attempt):
        raise Unfit(unfit)
