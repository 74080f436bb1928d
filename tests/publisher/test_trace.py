"""On which days the file held an id: what is told of good files, of damaged ones, and of those that vanish."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import threading
from datetime import datetime, timezone
from typing import Any

import pytest

from publisher.errors import Conflict, StoreFailed, UsageError
from publisher.publish import publish
from publisher.rollback import rollback
from publisher.settings import parse_day
from publisher.store.protocol import ObjectMissing, PreconditionFailed, Store
from publisher.trace import Sighting, active_holds, spans, trace
from tests.conftest import Bucket, WriteTable
from tests.memory_store import MemoryStore
from tests.publisher.cli.test_cli import PUBLISHER, run
from tests.publisher.cli.test_cli import publish as publish_by_cli
from tests.publisher.crash import fault_proxy
from tests.publisher.publishing import ACTIVE, DESTINATION, Between, Clock, promotion_ends, settings

WANTED = "7867"
DAYS = {"20251021": ["1"], "20251022": ["1", WANTED], "20251023": [WANTED, "9"], "20251024": ["9"]}


def publish_days(store: Store, write_table: WriteTable, clock: Clock) -> list[str]:
    return [publish(settings(write_table(ids), day), store, now=clock).staged_key for day, ids in DAYS.items()]


@pytest.fixture
def store(write_table: WriteTable) -> MemoryStore:
    store = MemoryStore()
    publish_days(store, write_table, Clock())
    return store


def put(store: Store, key: str, body: bytes) -> None:
    store.create(key, io.BytesIO(body), hashlib.sha256(body).hexdigest(), {})


def seen(sightings: list[Sighting]) -> list[tuple[str | None, str, bool | None]]:
    return [(sighting.source_partition, sighting.state, sighting.holds) for sighting in sightings]


def test_each_staged_file_is_told_from_the_oldest_to_the_newest(bucket: Bucket, write_table: WriteTable) -> None:
    clock = Clock()
    keys = publish_days(bucket.store, write_table, clock)

    with pytest.raises(Conflict):
        publish(
            settings(write_table([WANTED]), "20251025"),
            promotion_ends(bucket.store, PreconditionFailed(ACTIVE)),
            now=clock,
        )
    sightings = trace(bucket.store, DESTINATION, WANTED)
    assert [sighting.key for sighting in sightings][:4] == keys
    assert [DESTINATION.stage_key(sighting.created_at) for sighting in sightings][:4] == keys
    assert seen(sightings) == [
        ("20251021", "promoted", False),
        ("20251022", "promoted", True),
        ("20251023", "promoted", True),
        ("20251024", "active", False),
        ("20251025", "never promoted", True),
    ]
    # Only what consumers read is part of the answer's few words.
    assert [(span.first.key, span.last.key, span.files, span.holds) for span in spans(sightings)] == [
        (keys[0], keys[0], 1, False),
        (keys[1], keys[2], 2, True),
        (keys[3], keys[3], 1, False),
    ]
    assert active_holds(sightings) is False
    rollback(bucket.store, DESTINATION, keys[1], hold=False)
    sightings = trace(bucket.store, DESTINATION, WANTED)
    assert active_holds(sightings) is True
    assert sightings[1].state == "active"


def test_a_day_limits_the_files_and_not_what_is_known_of_them(store: MemoryStore) -> None:
    put(store, DESTINATION.stage_key("20251022_235959"), gzip.compress(WANTED.encode()))
    everything = trace(store, DESTINATION, WANTED)
    assert [sighting.created_at[:8] for sighting in everything] == ["20251022", *["20251023"] * 4]
    assert trace(store, DESTINATION, WANTED, parse_day("20251023")) == everything[1:]
    assert trace(store, DESTINATION, WANTED, parse_day("20251022")) == everything
    assert trace(store, DESTINATION, WANTED, parse_day("20251024")) == []


DAMAGED: dict[str, bytes] = {
    "nothing": b"",
    "cut": gzip.compress(b"1\n2")[:-1],
    "unsorted": gzip.compress(b"1\n0\n9"),
    "crlf": gzip.compress(f"{WANTED}\r\n".encode()),
    "a line that does not end": gzip.compress(b"1" * (2 << 20)),
    "not utf-8": gzip.compress(b"\xff"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_told_and_stops_no_other(name: str, store: MemoryStore) -> None:
    put(store, DESTINATION.stage_key("20251023_040100"), DAMAGED[name])
    *others, damaged = trace(store, DESTINATION, WANTED)
    assert [sighting.holds for sighting in others] == [False, True, True, False]
    assert (damaged.holds, damaged.state) == (None, "never promoted")
    assert damaged.damage is not None


@pytest.mark.parametrize("reason", [PreconditionFailed, ObjectMissing])
def test_a_file_that_vanishes_between_listing_and_reading_is_told(reason: type[Exception], store: MemoryStore) -> None:
    first = DESTINATION.stage_key("20251023_040001")

    def gone(read: Any, key: str, etag: str) -> Any:
        if key == first:
            raise reason(key)
        return read(key, etag)

    sightings = trace(Between(store, read=gone), DESTINATION, WANTED)
    assert [(sighting.holds, sighting.damage) for sighting in sightings[:2]] == [(None, None), (True, None)]


def test_a_store_that_fails_ends_it(store: MemoryStore) -> None:
    def failing(_read: Any, _key: str, _etag: str) -> Any:
        raise StoreFailed("The store failed.", "Run again.")

    threads = threading.active_count()
    with pytest.raises(StoreFailed):
        trace(Between(store, read=failing), DESTINATION, WANTED)
    assert threading.active_count() == threads


@pytest.mark.parametrize(
    "texts", [{}, {"staged_key": "..", "created_at": "yesterday"}, {"created_at": "20251020_000000"}]
)
def test_an_active_file_that_is_no_staged_one_is_searched_too(texts: dict[str, str], bucket: Bucket) -> None:
    assert trace(bucket.store, DESTINATION, WANTED) == []
    assert active_holds([]) is None
    bucket.client.put_object(
        Bucket=bucket.name, Key=ACTIVE, Body=gzip.compress(f"1\n{WANTED}\n".encode()), Metadata=texts
    )
    (only,) = trace(bucket.store, DESTINATION, WANTED, parse_day("29991231"))
    assert (only.key, only.state, only.holds, only.source_partition) == (ACTIVE, "active", True, None)
    assert len(only.created_at) == len("20251020_000000")
    assert (only.created_at == "20251020_000000") == (texts.get("created_at") == "20251020_000000")


@pytest.mark.parametrize("wanted", ["", " ", "\t", "\u3000", "a\nb", "7867\n", "a\r", "\udcff"])
def test_what_can_be_no_line_is_a_usage_error_that_does_not_show_it(wanted: str) -> None:
    with pytest.raises(UsageError) as raised:
        trace(MemoryStore(), DESTINATION, wanted)
    assert not wanted.strip() or wanted not in raised.value.message + raised.value.hint


@pytest.mark.parametrize("text", ["2026-10-01", "20261001"])
def test_a_day_can_be_written_in_two_ways(text: str) -> None:
    assert parse_day(text) == datetime(2026, 10, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-1-1", "2026-13-01", "01.10.2026", "202610", "20261001_040000"])
def test_what_is_no_day_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_day(text)


def test_on_the_command_line(bucket: Bucket, write_table: WriteTable) -> None:
    assert publish_by_cli(bucket, write_table([WANTED])).returncode == 0
    assert publish_by_cli(bucket, write_table(["1", WANTED])).returncode == 0
    staged = bucket.data_keys()[1:]
    for wanted, is_held in ((WANTED, True), ("786", False), ("-78", False)):
        ended = run(bucket, "trace", wanted, "--json")
        assert (ended.returncode, ended.stderr) == (0, "")
        report = json.loads(ended.stdout)
        assert (report["status"], report["active_holds"]) == ("found" if is_held else "not found", is_held)
        assert [(file["key"], file["holds"], file["state"]) for file in report["files"]] == [
            (staged[0], is_held, "promoted"),
            (staged[1], is_held, "active"),
        ]
        (span,) = report["published"]
        assert (span["files"], span["from"]["key"], span["to"]["key"]) == (2, *staged)
    shown = run(bucket, "trace", WANTED)
    assert shown.returncode == 0
    assert "the active file holds the id" in shown.stdout
    assert "(partition 20251022), 2 files: held" in shown.stdout
    assert "no file was found" in run(bucket, "trace", WANTED, "--since", "29990101").stdout


def test_an_id_from_stdin(bucket: Bucket, write_table: WriteTable) -> None:
    assert publish_by_cli(bucket, write_table(["é"])).returncode == 0

    def asked(given: bytes) -> tuple[int, str]:
        ended = subprocess.run(
            [PUBLISHER, "trace", "-"],
            env={**os.environ, **bucket.endpoint.environment(), "PUBLISHER_TO": f"s3://{bucket.name}"},
            input=given, capture_output=True, check=False,
        )  # fmt: skip
        assert "é".encode() not in ended.stdout + ended.stderr
        return ended.returncode, (ended.stdout + ended.stderr).decode()

    for given in ("é", "é\r\nanother\n"):
        code, said = asked(given.encode())
        assert code == 0
        assert "the active file holds the id" in said
    for bad in (b"", b"\xff\n"):
        code, said = asked(bad)
        assert (code, len(said.splitlines())) == (2, 2)


@pytest.mark.parametrize(
    "arguments", [[], ["78-secret", "78-other"], ["--78-secret", "x"], ["-78-secret", "--sinec", "1"]]
)
def test_no_error_shows_an_id(arguments: list[str], bucket: Bucket) -> None:
    ended = run(bucket, "trace", *arguments)
    assert ended.returncode == 2
    assert "secret" not in ended.stderr + ended.stdout
    assert len(ended.stderr.splitlines()) == 2


def test_the_answer_is_given_and_the_exit_code_tells_of_damage(bucket: Bucket, write_table: WriteTable) -> None:
    for _ in range(3):
        assert publish_by_cli(bucket, write_table([WANTED])).returncode == 0
    _, *damaged, whole = bucket.data_keys()
    for key in damaged:
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"damaged")
    ended = run(bucket, "trace", WANTED, "--json")
    assert ended.returncode == 4
    files = json.loads(ended.stdout)["files"]
    reason = "is not one whole gzip file"
    told = [(file["key"], file["holds"], file["damage"]) for file in files]
    assert told == [*((key, None, reason) for key in damaged), (whole, True, None)]
    said = ended.stderr.splitlines()
    assert len(said) == 2
    assert f"{damaged[0]} {reason}, and 1 more" in said[0]
    assert WANTED not in ended.stderr
    assert f"damaged: {reason}" in run(bucket, "trace", WANTED).stdout


def test_a_file_that_vanishes_ends_it_as_a_conflict_and_the_others_are_told(
    bucket: Bucket, write_table: WriteTable
) -> None:
    for _ in range(2):
        assert publish_by_cli(bucket, write_table([WANTED])).returncode == 0
    _, gone, whole = bucket.data_keys()

    def vanishes(exchange: fault_proxy.Exchange) -> None:
        bucket.client.delete_object(Bucket=bucket.name, Key=gone)
        fault_proxy.forwards(exchange)

    with fault_proxy.running(bucket.endpoint.url) as proxy:
        proxy.inject(vanishes, lambda request: request.kind == "GET stage" and request.path.endswith(gone))
        ended = run(bucket, "trace", WANTED, "--json", "--endpoint-url", proxy.url)
    assert ended.returncode == 6
    files = json.loads(ended.stdout)["files"]
    assert [(file["key"], file["holds"], file["damage"]) for file in files] == [(gone, None, None), (whole, True, None)]
    assert "1 of 2 files were replaced or removed" in ended.stderr
