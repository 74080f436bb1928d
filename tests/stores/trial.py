"""One store tried: by the contract's tests, by `publisher doctor`, and by a day with everything that happens on one."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from publisher.errors import Conflict, GuardRefusal, PublisherError, StoreFailed
from publisher.store.conditions import SwapMethod
from publisher.store.keys import Destination
from publisher.store.protocol import Swap
from publisher.store.s3 import S3Store
from tests.conftest import PROJECT
from tests.given_store import GivenStore
from tests.publisher.crash.days import Day, active_day, write_day
from tests.stores.products import Product, Verdict

RACERS = 8
RACES = 5
_PATIENCE_SECONDS = 120
_SECONDS = 900
_BUCKET = "a-bucket"
_CONTRACT = "tests/publisher/store/test_contract.py"
_OF_DBT = "dbt's artifacts and tables"


class Unfit(Exception):
    """Something went wrong that must not; says what."""


@dataclass(frozen=True)
class Result:
    """What was found.

    Attributes:
        held: Cases of the contract that hold.
        broken: Those that do not.
        refusals: What `doctor` refuses the store for.
        problems: What is not as it was expected to be.
    """

    verdict: Verdict
    held: int
    broken: tuple[str, ...]
    refusals: tuple[str, ...]
    race: str
    problems: tuple[str, ...]


def tried(product: Product, store: GivenStore, folder: Path) -> Result:
    """Tries a store that is running, with its files below `folder`."""
    held, broken = _contract(store, folder)
    client = store.client()
    client.create_bucket(Bucket=_BUCKET)
    if product.has_object_lock:
        client.put_object_lock_configuration(
            Bucket=_BUCKET,
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
            },
        )
    runs = _Runs(store, folder)
    method, refusals = runs.doctor()
    race, problems = "–", []
    try:
        runs.a_day()
        if not refusals:  # who was told that a store is unfit does not let publishers race there
            runs.race_of_processes()
            for number in range(RACES):
                runs.race(number)
            race = f"one of them, {RACES} times"
        verdict = Verdict.REFUSED_BY_DOCTOR if refusals else Verdict(method)
    except _Refused:
        verdict = Verdict.REFUSED
        if client.list_objects_v2(Bucket=_BUCKET, Prefix="active/").get("Contents"):
            problems.append("publish refused the store, and something is active")
    except Unfit as error:
        verdict = Verdict(method) if method else Verdict.REFUSED
        problems.append(str(error))
    if verdict is not product.expected:
        problems.append(f"{verdict.value}, not {product.expected.value}")
    if product.expected in (Verdict.COPY, Verdict.PARTS):
        unknown = [name for name in broken if not all(part in name for part in product.known or ("nothing",))]
        problems += [f"the contract does not hold: {name}" for name in unknown]
    return Result(verdict, held, broken, refusals, race, tuple(problems))


def _contract(store: GivenStore, folder: Path) -> tuple[int, tuple[str, ...]]:
    report = folder / "contract.xml"
    # One case is about what the client sends, and brings its own store.
    command = [
        sys.executable, "-m", "pytest", _CONTRACT, "-q", "-p", "no:cacheprovider", f"--junit-xml={report}",
        "-k", "not test_an_object_is_removed_under_the_condition",
    ]  # fmt: skip
    with (folder / "contract.log").open("w") as log:
        subprocess.run(
            command, cwd=PROJECT, env={**os.environ, **store.named()}, stdout=log, stderr=log, timeout=_SECONDS,
            check=False,
        )  # fmt: skip
    cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314 -- written by the line above
    broken = [
        case.attrib["name"] for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]
    return len(cases) - len(broken), tuple(broken)


class _Refused(Exception):
    """`publish` refused the store."""


class _Runs:
    """Runs the real program against the store."""

    def __init__(self, store: GivenStore, folder: Path) -> None:
        self._store = store
        self._folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PUBLISHER_"))}
        self._environment: Mapping[str, str] = {
            **inherited, **store.environment(), "PUBLISHER_TO": f"s3://{_BUCKET}/a/prefix", "PUBLISHER_JSON": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip
        # Each day's list holds the ids of the one before, so that no limit on change is in the way.
        self._days = [write_day(folder, f"202510{number:02}", 4_000 + 50 * number) for number in range(1, RACERS + 4)]
        self._target = folder / "latest.txt.gz"

    def doctor(self) -> tuple[str | None, tuple[str, ...]]:
        """Returns by which request `publisher doctor` says that files are promoted, and what it refuses."""
        said = json.loads(self._ended(self._begun("doctor")).stdout)
        checks = [check for check in said["checks"] if check["name"] != _OF_DBT]
        refusals = tuple(f"{check['name']}: {check['detail']}" for check in checks if not check["passed"])
        conditions = next(check for check in checks if check["name"] == "condition on a copy's destination")
        methods = [way.value for way in SwapMethod if f"honoured by {way.value}" in conditions["detail"]]
        return (methods[0] if methods and conditions["passed"] else None), refusals

    def a_day(self) -> None:
        """Publishes, replaces, verifies, pulls, sets back, releases and publishes again."""
        one, two, three = self._days[:3]
        first = self._publish(one)
        if first.returncode == StoreFailed.exit_code:
            raise _Refused
        self._require(first, one)
        self._require(self._publish(two), two)
        self._require(self._run("pull", str(self._target)), two)
        self._require(self._run("rollback", "--reason", "INC-1"), one)
        if self._publish(three).returncode != GuardRefusal.exit_code:
            raise Unfit("a publish passed a hold")
        self._require(self._run("pull", str(self._target), "--accept-rollback"), one)
        self._require(self._run("release"), one)
        self._require(self._publish(three), three)

    def race_of_processes(self) -> None:
        """Lets publishers of different days begin at once."""
        racing = self._days[3:]
        processes = [self._begun("publish", *_of(day)) for day in racing]
        ended = [self._ended(process) for process in processes]
        codes = [each.returncode for each in ended]
        if unknown := {*codes} - {0, GuardRefusal.exit_code, Conflict.exit_code}:
            raise Unfit(f"of racing publishers, some ended with {sorted(unknown)}: {_said(ended)}")
        winners = [day for day, code in zip(racing, codes, strict=True) if code == 0]
        if not winners:
            raise Unfit("of racing publishers, none won")
        self._require(self._run("pull", str(self._target)), winners[-1])

    def race(self, number: int) -> None:
        """Lets publishers of different days meet right before the request that makes theirs active."""
        destination = Destination(_BUCKET, f"race-{number}/")
        yesterday, racing = self._days[0], self._days[1 : RACERS + 1]
        yesterday.publish(destination, S3Store(_BUCKET, client=self._store.client()))
        gate = threading.Barrier(RACERS)
        stores = [_Gathering(self._store, destination, gate) for _ in racing]

        def publish(day: Day, store: _Gathering) -> PublisherError | None:
            try:
                day.publish(destination, store)
            except PublisherError as error:
                if not store.has_met:
                    gate.abort()  # the others wait for nobody
                return error
            except threading.BrokenBarrierError:
                pass
            return None

        with ThreadPoolExecutor(RACERS) as pool:
            errors = list(pool.map(publish, racing, stores))
        if not all(store.has_met for store in stores):
            raise Unfit(f"a publisher failed before the race: {next(filter(None, errors), None)}")
        confirmed = sum(store.is_confirmed for store in stores)
        if confirmed != 1:
            raise Unfit(f"of {RACERS} requests that each expected the same version, {confirmed} were confirmed")
        if unknown := [error for error in errors if error and not isinstance(error, Conflict | GuardRefusal)]:
            raise Unfit(f"of racing publishers, one failed: {unknown[0]}")
        winners = [day for day, error in zip(racing, errors, strict=True) if error is None]
        if not winners or active_day(destination, self._store.client(), yesterday, *racing) != winners[-1]:
            raise Unfit("active is not the newest day that was promoted")

    def _publish(self, day: Day) -> subprocess.CompletedProcess[str]:
        return self._run("publish", *_of(day))

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._ended(self._begun(*arguments))

    def _require(self, ended: subprocess.CompletedProcess[str], day: Day) -> None:
        """Requires that a command succeeded, and that a day's file is active then, whole, and known to be."""
        for each in (ended, self._run("verify"), self._run("status")):
            if each.returncode:
                raise Unfit(f"{' '.join(each.args[1:2])} ended with {each.returncode}: {_said([each])}")
        status: dict[str, Any] = json.loads(self._run("status").stdout)
        if status["source_partition"] != day.partition:
            raise Unfit(f"active is of {status['source_partition']}, not of {day.partition}")
        if ended.args[1] == "pull" and gzip.decompress(self._target.read_bytes()) != day.content:
            raise Unfit("what was pulled is another day's file")

    def _begun(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("publisher")), *arguments], cwd=self._folder, env=self._environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    @staticmethod
    def _ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        stdout, stderr = process.communicate(timeout=_SECONDS)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


class _Gathering(S3Store):
    """A store that meets others at a gate before its first request that replaces active."""

    def __init__(self, store: GivenStore, destination: Destination, gate: threading.Barrier) -> None:
        super().__init__(destination.bucket, client=store.client())
        self._active_key = destination.active_key
        self._gate = gate
        self.has_met = False
        self.is_confirmed = False  # whether that request was, and not a later one

    def copy(
        self, source: str, source_etag: str, destination: str, expected_etag: str | None, texts: Mapping[str, str]
    ) -> str:
        def swap() -> str:
            return super(_Gathering, self).copy(source, source_etag, destination, expected_etag, texts)

        return self._gathered(swap) if destination == self._active_key else swap()

    @contextmanager
    def copy_in_parts(
        self, source: str, source_etag: str, destination: str, texts: Mapping[str, str]
    ) -> Iterator[Swap]:
        with super().copy_in_parts(source, source_etag, destination, texts) as swap:
            is_gathering = destination == self._active_key
            yield (lambda expected: self._gathered(lambda: swap(expected))) if is_gathering else swap

    def _gathered(self, swap: Callable[[], str]) -> str:
        if self.has_met:
            return swap()
        self._gate.wait(_PATIENCE_SECONDS)
        self.has_met = True
        etag = swap()
        self.is_confirmed = True
        return etag


def _of(day: Day) -> list[str]:
    return ["--table", f"parquet:{day.folder}", "--source-partition", day.partition]


def _said(ended: Sequence[subprocess.CompletedProcess[str]]) -> str:
    return " | ".join(each.stderr.strip().splitlines()[0] for each in ended if each.returncode and each.stderr.strip())
