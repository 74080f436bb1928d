"""Tries everything that a publish will need, on scratch keys, before the first real run."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from publisher import guards
from publisher.artifacts import StoredObject
from publisher.dbt_artifacts import read_build
from publisher.errors import IntegrityError, PublisherError, StoreFailed
from publisher.keys import Destination
from publisher.promote import Way, honours_conditions, is_refused, prepared
from publisher.source import Lake, open_table, read_summary
from publisher.store import PreconditionFailed, Store

_MAX_SKEW_SECONDS = 300  # S3 refuses requests that are signed with a clock further off (RequestTimeTooSkewed: 15 min)
_NO_ETAG = "0" * 32
_CONTENT = b"publisher doctor"
_SHA256 = hashlib.sha256(_CONTENT).hexdigest()
# Of a store that looks at a condition and does not hold on to it, a single race shows nothing more often than not.
_RACERS = 8
_RACES = 5


@dataclass(frozen=True)
class Check:
    """One thing that was tried.

    Attributes:
        fix: What to do; None when it passed.
        exit_code: What a publish would end with; 0 when it passed.
    """

    name: str
    detail: str
    fix: str | None = None
    exit_code: int = 0

    @property
    def passed(self) -> bool:
        """Whether it works."""
        return self.fix is None


class _Unfit(Exception):
    """The store did something else than S3 does; the text says what."""


def examine(
    store: Store,
    destination: Destination,
    target_path: Path | None,
    model: str,
    now: Callable[[], datetime],
    lake: Lake | None = None,
) -> Iterator[Check]:
    """Tries one thing after the other; what does not pass stops none of the others.

    Args:
        store: The bucket.
        destination: Where in it; scratch objects are written below `doctor/`, and removed.
        target_path: dbt's folder of artifacts; None to leave dbt out.
        model: The model to publish.
        now: The local clock.
        lake: Where the tables are looked for.

    Yields:
        The result of each try.
    """
    scratch = _Scratch(store, destination, now)
    for name, attempt in (
        ("bucket and credentials", scratch.look),
        ("create an object", scratch.create),
        ("create once only", scratch.create_again),
        ("reject a wrong checksum", scratch.create_damaged),
        ("read one version", scratch.read),
        ("list", scratch.list),
        ("copy onto nothing", scratch.copy),
        ("condition on a copy's source", scratch.copy_other_source),
        ("condition on a copy's destination", scratch.copy_unexpected),
        ("compare-and-swap", scratch.swap),
        ("compare-and-swap at once", scratch.race),
        ("files beyond one copy", scratch.parts),
        ("clock", scratch.clock),
        ("remove an object", scratch.remove),
    ):
        yield _tried(name, attempt)
    if target_path is not None:
        yield _tried("dbt's artifacts and tables", lambda: _source(target_path, model, lake or Lake()))


def _tried(name: str, attempt: Callable[[], str]) -> Check:
    try:
        return Check(name, attempt())
    except PublisherError as error:
        return Check(name, error.message, error.hint, error.exit_code)
    except (_Unfit, PreconditionFailed, LookupError) as error:
        unfit = (
            f"The store does not do what S3 does: {error}." if isinstance(error, _Unfit) else "It could not be tried."
        )
        return Check(name, unfit, "Use a store that honours S3's conditions; see the README.", StoreFailed.exit_code)


def _source(target_path: Path, model: str, lake: Lake) -> str:
    build = read_build(target_path, model, "id")
    guards.require_dbt_success(build)
    guards.require_same_invocation(build, read_summary(build.summary, lake))
    return f"{open_table(build.table, lake).rows:,} ids, built by invocation {build.invocation_id}"


class _Scratch:
    """Scratch objects below `doctor/`."""

    def __init__(self, store: Store, destination: Destination, now: Callable[[], datetime]) -> None:
        self._store = store
        self._destination = destination
        self._now = now
        self._one = f"{destination.scratch_prefix}one"
        self._two = f"{destination.scratch_prefix}two"
        self._racers = [f"{destination.scratch_prefix}racer-{number}" for number in range(_RACERS)]
        self._etag: str | None = None
        self._way: Way | None = None

    def look(self) -> str:
        active = self._store.head(self._destination.active_key)
        self._clear()  # an earlier doctor may have been killed
        return "reachable; " + ("something is active" if active else "nothing is active yet")

    def create(self) -> str:
        self._etag = self._store.create(self._one, io.BytesIO(_CONTENT), _SHA256, {"made_by": "doctor"})
        return "s3:PutObject is granted"

    def create_again(self) -> str:
        self._created()
        _must_fail("it overwrites an object that must not exist", lambda: self._put(self._one))
        return "If-None-Match is honoured"

    def create_damaged(self) -> str:
        key = f"{self._one}-damaged"
        try:
            self._store.create(key, io.BytesIO(b"damaged on the way"), _SHA256, {})
        except IntegrityError:
            return "x-amz-checksum-sha256 is checked"
        raise _Unfit("it accepts content that is not what its checksum says")

    def read(self) -> str:
        with self._store.read(self._one, self._created()) as pieces:
            if b"".join(pieces) != _CONTENT:
                raise _Unfit("it returns other content than was written")

        def read_other() -> None:
            with self._store.read(self._one, _NO_ETAG) as pieces:
                b"".join(pieces)

        _must_fail("it ignores If-Match when reading", read_other)
        return "s3:GetObject is granted, If-Match is honoured"

    def list(self) -> str:
        self._created()
        if self._one not in self._store.list(self._destination.scratch_prefix):
            raise _Unfit("it does not list what is there")
        return "s3:ListBucket is granted"

    def copy(self) -> str:
        self._store.copy(self._one, self._created(), self._two, None, {"copied_by": "doctor"})
        if dict(self._found(self._two).texts) != {"copied_by": "doctor"}:
            raise _Unfit("a copy does not get the metadata that it is given")
        return "CopyObject works, metadata is replaced"

    def copy_other_source(self) -> str:
        self._created()
        _must_fail(
            "it copies another version than the one that was asked for",
            lambda: self._store.copy(self._one, _NO_ETAG, self._two, self._found(self._two).etag, {}),
        )
        return "x-amz-copy-source-if-match is honoured"

    def copy_unexpected(self) -> str:
        self._created()
        if self._honours_conditions(Way.COPY):
            self._way = Way.COPY
            return f"If-Match and If-None-Match are honoured by {Way.COPY.value}"
        if self._honours_conditions(Way.PARTS):
            self._way = Way.PARTS
            return f"ignored by {Way.COPY.value}, honoured by {Way.PARTS.value}: files are promoted in parts"
        raise _Unfit("it ignores conditions on a copy's destination")

    def swap(self) -> str:
        way = self._way or Way.COPY
        self._swap(way, self._one, self._created(), self._found(self._two).etag, {"swapped_by": "doctor"})
        found = self._found(self._two)
        if dict(found.texts) != {"swapped_by": "doctor"}:
            raise _Unfit("a copy was confirmed and did not happen")
        with self._store.read(self._two, found.etag) as pieces:
            if b"".join(pieces) != _CONTENT:
                raise _Unfit("a copy has other content than its source")
        return f"{way.value} replaces exactly the version that it expects"

    def race(self) -> str:
        if self._way is None:
            raise LookupError(self._two)
        if (winners := self._most_winners(self._way)) > 1:
            raise _Unfit(
                f"of {_RACERS} requests at once that each expected the same version, {winners} replaced it"
                f" ({self._way.value} looks at the condition, and does not hold on to it)"
            )
        return f"of {_RACERS} at once, one replaces the version that all of them expect"

    def parts(self) -> str:
        """Tells what becomes of larger files; a store that cannot take them is fit for all others."""
        self._created()
        limit = f"more than {self._store.copy_limit_bytes:,} bytes"
        try:
            if not self._honours_conditions(Way.PARTS):
                return f"{Way.PARTS.value} ignores conditions: a file of {limit} will be refused"
        except StoreFailed as error:
            return f"a file of {limit} will be refused: {error.message}"
        if self._way is not Way.PARTS and (winners := self._most_winners(Way.PARTS)) > 1:
            return (
                f"{Way.PARTS.value} looks at conditions, but of {_RACERS} at once {winners} passed:"
                f" let one publisher at a time promote files of {limit}"
            )
        return f"{Way.PARTS.value} honours conditions: files of {limit} can be promoted"

    def clock(self) -> str:
        skew = abs((self._now() - self._found(self._one).last_modified).total_seconds())
        if skew > _MAX_SKEW_SECONDS:
            raise StoreFailed(f"The clocks differ by {skew:.0f} s.", "Synchronise this machine's clock (NTP).")
        return f"differs by less than {max(int(skew) + 1, 2)} s"

    def remove(self) -> str:
        self._created()
        self._clear()
        if self._store.head(self._one) is not None:
            raise _Unfit("what was removed is still there")
        return "s3:DeleteObject is granted (for the hold; a publish removes nothing)"

    def _clear(self) -> None:
        for key in (self._one, self._two, f"{self._one}-damaged", *self._racers):
            if (left := self._store.head(key)) is not None:
                self._store.delete(key, left.etag)

    def _swap(self, way: Way, source: str, etag: str, expected_etag: str | None, texts: dict[str, str]) -> None:
        with prepared(self._store, way, source, etag, self._two, texts) as swap:
            swap(expected_etag)

    def _honours_conditions(self, way: Way) -> bool:
        return honours_conditions(self._store, way, self._one, self._created(), self._two)

    def _most_winners(self, way: Way) -> int:
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
            self._swap(way, self._one, self._created(), self._found(self._two).etag, {})
            expected = self._found(self._two).etag
            with ExitStack() as ready, ThreadPoolExecutor(_RACERS) as pool:
                swaps = [
                    ready.enter_context(prepared(self._store, way, key, etag, self._two, {}))
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
        raise _Unfit(unfit)
