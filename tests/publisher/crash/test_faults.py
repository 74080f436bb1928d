"""Everything that a network, a gateway or a store can do to one request, done to each request of a publish.

Whatever it is: the publish succeeds, or ends with the error that fits; active is the old file or the new one, whole;
and the next publish works.
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo.seaweedfs import Endpoint
from publisher.errors import PublisherError, StoreFailed
from publisher.store.keys import Destination
from publisher.store.protocol import PreconditionFailed
from publisher.store.s3 import S3Store
from tests.conftest import Bucket, new_bucket
from tests.publisher.crash import fault_proxy
from tests.publisher.crash.days import Day, active_day, day_of_active, new_destination, write_day
from tests.publisher.crash.fault_proxy import Exchange, Fault, FaultProxy, answers, answers_with_a_page
from tests.publisher.crash.impatient import impatient_client

PUBLISHED, INTEGRITY, CONFLICT, STORE_FAILED = 0, 4, 6, 7
# How a publish may end where it depends on what else the store's answers hold.
ANY = (PUBLISHED, INTEGRITY, CONFLICT, STORE_FAILED)
METHODS = frozenset({"HEAD", "GET", "PUT", "COPY"})
# What the expectations below were thought through for.
KNOWN_KINDS = {
    "HEAD bucket", "HEAD active", "GET hold.json", "GET active", "PUT stage", "GET stage", "COPY stage", "COPY active",
    "PUT record", "HEAD stage", "GET probe", "PUT probe",
}  # fmt: skip


class Scene:
    """A store, yesterday's file in it, and today's table."""

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self.endpoint = bucket.endpoint
        self.bucket = bucket.name
        self.client = bucket.client
        self.store = S3Store(bucket.name, client=self.client)
        self.yesterday = write_day(folder, "20251021", 3_000)
        self.today = write_day(folder, "20251022", 3_100)
        self._template = new_destination(self.bucket)
        self.yesterday.publish(self._template, self.store)
        self.kinds = {first: self._kinds(first=first) for first in (True, False)}

    def new_destination(self, *, first: bool) -> Destination:
        destination = new_destination(self.bucket)
        if not first:
            source = {"Bucket": self.bucket, "Key": self._template.active_key}
            self.client.copy_object(Bucket=self.bucket, Key=destination.active_key, CopySource=source)
        return destination

    def active(self, destination: Destination) -> Day | None:
        return active_day(destination, self.client, self.yesterday, self.today)

    def _kinds(self, *, first: bool) -> list[str]:
        """Returns the kinds of the requests of a publish that nothing happens to, in order."""
        destination = self.new_destination(first=first)
        with fault_proxy.running(self.endpoint.url) as proxy:
            self.today.publish(destination, S3Store(self.bucket, client=impatient_client(self.endpoint, proxy)))
            assert self.active(destination) == self.today
            return [request.kind for request in proxy.requests]


@pytest.fixture(scope="module")
def scene(seaweed: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(new_bucket(seaweed), tmp_path_factory.mktemp("days"))


Codes = tuple[int, ...]


@dataclass(frozen=True)
class Trouble:
    """A fault, and how a publish ends to one of whose requests it happens.

    Attributes:
        once: The exit codes that are right after it happened once.
        once_by_kind: The same for kinds of requests where they are others.
        lasting: The exit codes that are right when it does not stop.
        lasting_by_kind: The same for kinds of requests where they are others.
        acts: Whether the store does what was asked, so that active is new though the publish may not know; None where
            that is a race.
        methods: The methods of the requests that it can happen to.
        hint: What the advice must speak of.
        is_like_another: Whether the client takes it for the same as another trouble, which is tried everywhere (a hang
            ends as a reset does: nothing comes any more): then each kind of request is enough, and the promotion where
            it does not stop.
    """

    fault: Fault
    once: Codes = (PUBLISHED,)
    once_by_kind: Mapping[str, Codes] = field(default_factory=dict)
    lasting: Codes = (STORE_FAILED,)
    lasting_by_kind: Mapping[str, Codes] = field(default_factory=dict)
    acts: bool | None = False
    methods: frozenset[str] = METHODS
    hint: str = ""
    is_like_another: bool = False

    def can_happen_to(self, kind: str) -> bool:
        return kind.split()[0] in self.methods


# Whether the bucket may be looked at decides nothing.
_BUCKET_UNSEEN: Mapping[str, Codes] = {"HEAD bucket": (PUBLISHED,)}

TROUBLES = {
    "500": Trouble(answers("500 Internal Server Error", "InternalError"), hint="network"),
    "503 slow down": Trouble(answers("503 Slow Down", "SlowDown"), hint="network", is_like_another=True),
    "400 expired token": Trouble(
        answers("400 Bad Request", "ExpiredToken"),
        once=(STORE_FAILED,),
        once_by_kind=_BUCKET_UNSEEN,
        hint="credentials",
        is_like_another=True,
    ),
    "403 access denied": Trouble(
        answers("403 Forbidden", "AccessDenied"),
        once=(STORE_FAILED,),
        # A GET is asked then, whose word counts: that there is nothing yet.
        once_by_kind={**_BUCKET_UNSEEN, "HEAD active": (PUBLISHED, STORE_FAILED)},
        hint="credentials",
    ),
    "a gateway's 502 page": Trouble(answers_with_a_page("502 Bad Gateway"), is_like_another=True),
    "a gateway's 403 page": Trouble(
        answers_with_a_page("403 Forbidden"),
        once=(STORE_FAILED,),
        once_by_kind=_BUCKET_UNSEEN,
        hint="credentials",
        is_like_another=True,
    ),
    "a portal's 200 page": Trouble(
        answers_with_a_page("200 OK"),
        once=(STORE_FAILED,),
        once_by_kind={
            "HEAD bucket": (PUBLISHED,),
            "GET active": (PUBLISHED,),
            "GET stage": (INTEGRITY,),
            "GET probe": (STORE_FAILED,),
        },
        lasting_by_kind={"GET stage": (INTEGRITY,), "GET probe": (STORE_FAILED,)},
    ),
    "200 with an error": Trouble(answers("200 OK", "InternalError"), methods=frozenset({"COPY"})),
    "reset at once": Trouble(fault_proxy.resets_at_once, is_like_another=True),
    "reset amid the request": Trouble(fault_proxy.resets_amid_the_request, methods=frozenset({"PUT"})),
    "reset before the answer": Trouble(fault_proxy.loses_the_answer, acts=True),
    "reset amid the answer": Trouble(fault_proxy.resets_amid_the_answer, acts=True),
    "end without an answer": Trouble(fault_proxy.says_nothing, acts=True, is_like_another=True),
    "end while the store works": Trouble(fault_proxy.leaves_the_store_alone, acts=None),
    "cut body": Trouble(
        fault_proxy.cuts_the_answer,
        acts=True,
        # That a copy was refused is told by the status, and whether it happened by the look at active behind it.
        lasting_by_kind={"COPY stage": (PUBLISHED,), "COPY active": (PUBLISHED,), "GET probe": (PUBLISHED,)},
        methods=frozenset({"GET", "COPY"}),
    ),
    **{
        f"headers cut at {share:.0%}": Trouble(
            fault_proxy.cuts_the_head(share),
            once=ANY,
            lasting=ANY,
            acts=None,
            methods=METHODS - {"GET"},
            is_like_another=share != 0.5,
        )
        for share in (0.2, 0.5, 0.8)
    },
    "hang before": Trouble(fault_proxy.hangs_before, is_like_another=True),
    "hang after": Trouble(fault_proxy.hangs_after, acts=True, is_like_another=True),
    "hang amid the answer": Trouble(fault_proxy.hangs_amid_the_answer, acts=True, is_like_another=True),
    "a bit flipped on the way up": Trouble(
        fault_proxy.flips_a_bit_of_the_request,
        once=(INTEGRITY,),
        once_by_kind={"PUT probe": (PUBLISHED,)},  # which has nothing in it
        lasting=(INTEGRITY,),
        lasting_by_kind={"PUT probe": (PUBLISHED,)},
        methods=frozenset({"PUT"}),
    ),
    **{
        f"a bit flipped on the way down, at {share:.0%}": Trouble(
            fault_proxy.flips_a_bit_of_the_answer(share),
            once=(INTEGRITY,),
            # Of an error's code, here that there is no hold, a flipped bit makes another, or none.
            # That a probe was refused is told by the status.
            once_by_kind={
                "GET active": (PUBLISHED,),
                "GET hold.json": (PUBLISHED, STORE_FAILED),
                "GET probe": (PUBLISHED,),
            },
            lasting=(INTEGRITY,),
            lasting_by_kind={"GET hold.json": (INTEGRITY, STORE_FAILED), "GET probe": (PUBLISHED, STORE_FAILED)},
            methods=frozenset({"GET"}),
            is_like_another=share != 0.5,
        )
        for share in (0, 0.5, 1)
    },
}


@dataclass(frozen=True)
class Case:
    """Where in a publish trouble begins, and how long it goes on.

    Attributes:
        kinds: The requests of a publish without trouble.
        number: The request, from 1.
        extent: `once`, `from then on`, or `always there`: with each request of that kind, and no other.
    """

    first: bool
    kinds: tuple[str, ...]
    number: int
    extent: str

    def __str__(self) -> str:
        return f"{'first publish' if self.first else 'replacement'}: {self.extent}, {self.number} {self.kind}"

    @property
    def kind(self) -> str:
        return self.kinds[self.number - 1]

    @property
    def promotion(self) -> int:
        return self.kinds.index("COPY active") + 1

    def inject(self, proxy: FaultProxy, trouble: Trouble) -> None:
        if self.extent == "always there":
            proxy.inject(trouble.fault, lambda request: request.kind == self.kind)
            return
        possible = [kind for kind in self.kinds[: self.number] if trouble.can_happen_to(kind)]
        proxy.inject(
            trouble.fault,
            lambda request: trouble.can_happen_to(request.kind),
            first=len(possible),
            last=len(possible) if self.extent == "once" else sys.maxsize,
        )

    def codes(self, trouble: Trouble) -> Codes:
        """Returns the exit codes that are right."""
        if self.kind not in KNOWN_KINDS:
            return ANY
        if self.number > self.promotion and trouble.once != ANY:  # once active is new, nothing makes the publish fail
            return (PUBLISHED,)
        if self.extent == "once" and self.kind == "PUT record":
            return (PUBLISHED,)  # a record that cannot be written stops nothing
        if self.kind == "PUT record" and "COPY" not in trouble.methods:
            return (PUBLISHED,)
        if self.extent == "once":
            return trouble.once_by_kind.get(self.kind, trouble.once)
        if self.extent == "always there" and trouble.acts is not False:
            return (PUBLISHED,) if trouble.acts else (PUBLISHED, STORE_FAILED)
        return trouble.lasting_by_kind.get(self.kind, trouble.lasting)

    def is_new(self, trouble: Trouble, code: int) -> bool | None:
        """Returns whether the new file must be active; None where both is right."""
        if code == PUBLISHED:
            return True
        if self.number == self.promotion or (trouble.lasting == ANY and self.extent == "from then on"):
            return trouble.acts
        return self.number > self.promotion


# Where a first publish is not like a replacement: nothing is there that could be looked at, and none may be replaced.
OF_A_FIRST_PUBLISH = frozenset({"HEAD active", "HEAD bucket", "COPY active"})


def cases(kinds: list[str], trouble: Trouble, *, first: bool) -> list[Case]:
    """Returns what to try: trouble once at each request, and lasting trouble that begins at each kind of request.

    Of requests of one kind, such as pages of a listing, one is enough before the file is staged, and one behind that;
    of a trouble that is like another one, each kind is.
    """
    if first and trouble.is_like_another:
        return []
    numbers = [number for number, kind in enumerate(kinds, 1) if trouble.can_happen_to(kind)]
    if first:
        numbers = [number for number in numbers if kinds[number - 1] in OF_A_FIRST_PUBLISH]
    promotion = kinds.index("COPY active") + 1
    staging = kinds.index("PUT stage") + 1

    def one_of_each(name: Callable[[int], tuple[object, ...]]) -> list[int]:
        """Returns the first number of each name, and the last request, which is behind everything."""
        firsts = {name(number): number for number in reversed(numbers)}
        return sorted({*firsts.values(), *({len(kinds)} & set(numbers))})

    of_each_kind = one_of_each(lambda number: (kinds[number - 1],))
    # The copies that try the store's conditions ask for different ones.
    once = one_of_each(
        lambda number: (
            kinds[number - 1], number >= staging, number > promotion, number * (kinds[number - 1] == "COPY stage"),
        )
    )  # fmt: skip
    # Once active is new, nothing may make the publish fail.
    lasting = one_of_each(lambda number: (kinds[number - 1], number > promotion))
    lasting = [number for number in lasting if number >= promotion or not first]
    if trouble.is_like_another:
        once, lasting = of_each_kind, [promotion] if promotion in numbers else []
    points = [(number, "once") for number in once] + [(number, "from then on") for number in lasting]
    points += [(promotion, "always there")] if promotion in numbers else []
    return [Case(first, tuple(kinds), *point) for point in points]


def check(scene: Scene, trouble: Trouble, case: Case) -> None:
    """Lets a publish meet trouble, and looks at what comes of it."""
    destination = scene.new_destination(first=case.first)
    code = PUBLISHED
    with fault_proxy.running(scene.endpoint.url) as proxy:
        case.inject(proxy, trouble)
        try:
            scene.today.publish(destination, S3Store(scene.bucket, client=impatient_client(scene.endpoint, proxy)))
        except PublisherError as error:
            code = error.exit_code
            assert not error.message.endswith(": ."), "an error without a reason"
            assert trouble.hint in error.hint.lower()
    assert code in case.codes(trouble), f"it ended with {code}"
    found = scene.active(destination)
    assert found or case.first
    if case.is_new(trouble, code) is not None:
        assert (found == scene.today) == case.is_new(trouble, code), "the other file is active"
    scene.today.publish(destination, scene.store)
    assert day_of_active(destination, scene.client, scene.yesterday, scene.today) == scene.today


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_with_any_request_leaves_a_whole_file_and_the_next_run_works(name: str, scene: Scene) -> None:
    trouble = TROUBLES[name]
    tried = [case for first in (True, False) for case in cases(scene.kinds[first], trouble, first=first)]
    failures: dict[str, str] = {}

    def attempt(case: Case) -> None:
        try:
            check(scene, trouble, case)
        except Exception as error:  # noqa: BLE001 -- all cases are tried, then all failures are shown
            failures[str(case)] = f"{type(error).__name__}: {error}".partition("\n")[0]

    with ThreadPoolExecutor(8) as pool:  # most of them wait until they try again
        list(pool.map(attempt, tried))
    assert failures == {}
    assert tried


def test_a_publish_meets_all_the_requests_that_the_expectations_speak_of(scene: Scene) -> None:
    assert set(scene.kinds[True]) | set(scene.kinds[False]) >= KNOWN_KINDS


class Recording:
    """Lets the store answer once, and then gives the first bytes of that answer again and again."""

    def __init__(self) -> None:
        self.raw = b""
        self.length = 0

    def record(self, exchange: Exchange) -> None:
        answer = exchange.forward()
        self.raw = answer.head + answer.body
        exchange.answer(self.raw)

    def replay(self, exchange: Exchange) -> None:
        exchange.receive()
        exchange.answer(self.raw[: self.length])


def breaks(raw: bytes, *, everywhere: bool) -> list[int]:
    """Returns after how many bytes an answer is to break off.

    Args:
        raw: The answer.
        everywhere: After each; otherwise where something begins or ends, be it a line, a name or a value, and after
            each byte of the body. All heads are read by the same parser.
    """
    head, _, _ = raw.partition(b"\r\n\r\n")
    ends = [end for found in re.finditer(rb"[\r\n: ]+", head) for end in found.span()]
    near = {end + step for end in (0, len(head), *ends) for step in (-1, 0, 1)}
    return [length for length in range(len(raw)) if everywhere or length in near or length > len(head)]


CONTENT = b"abc" * 30
TEXTS = {"source_partition": "20251022", "total_ids": "3"}


@pytest.mark.filterwarnings("ignore:tzname")  # of a date that breaks off in its time zone
@pytest.mark.parametrize("name", ["look", "read", "create", "copy", "refused copy"])
def test_an_answer_may_break_off_after_any_byte(name: str, scene: Scene) -> None:
    prefix = new_destination(scene.bucket).prefix
    one, two = f"{prefix}stage/one", f"{prefix}stage/two"
    with fault_proxy.running(scene.endpoint.url) as proxy:
        client = impatient_client(scene.endpoint, proxy, attempts=1)
        store = S3Store(scene.bucket, client=client, wait=lambda _: None)

        def create(key: str) -> str:
            return store.create(key, io.BytesIO(CONTENT), hashlib.sha256(CONTENT).hexdigest(), TEXTS)

        def look() -> None:
            found = store.head(one)
            assert found is not None
            assert (found.etag, found.bytes) == (etag, len(CONTENT))

        def read() -> None:
            with store.read(one, etag) as pieces:
                content = b"".join(pieces)
            # Without an announced length nobody can tell; that is what the digests are for.
            assert content in (CONTENT, b"")

        etag = create(one)
        call: Callable[[], object] = {
            "look": look,
            "read": read,
            "create": lambda: create(two),
            "copy": lambda: store.copy(one, etag, two, None, TEXTS),
            "refused copy": lambda: store.copy(one, etag, one, None, TEXTS),
        }[name]
        recording = Recording()
        proxy.inject(recording.record)
        assert outcome(call) in (None, PreconditionFailed if name == "refused copy" else None)
        proxy.inject(recording.replay)
        for length in breaks(recording.raw, everywhere=name == "look"):
            recording.length = length
            assert outcome(call) in (None, StoreFailed, PreconditionFailed if name == "refused copy" else None)


def outcome(call: Callable[[], object]) -> type[Exception] | None:
    try:
        call()
    except (StoreFailed, PreconditionFailed) as error:
        return type(error)
    return None
