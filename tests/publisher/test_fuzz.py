"""Whatever lies in the bucket, and in a consumer's folder: a command ends with an answer, or says what to do.

A good publication is made, something in it is replaced by what nobody of ours wrote, and every command is run over it.
"""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.cli import output as cli_output
from publisher.cli.main import cli
from publisher.errors import PublisherError, UsageError
from publisher.publish import publish
from publisher.pull_state import read_state
from publisher.redaction import shown
from publisher.settings import PublishSettings
from publisher.store.keys import Destination
from publisher.values import TableRef
from tests.memory_store import MemoryStore

DESTINATION = Destination("bucket", "x/")
ACTIVE, HOLD = DESTINATION.active_key, DESTINATION.hold_key
COMMANDS = (
    ("status",),
    ("status", "--json", "--max-age", "1h"),
    ("verify",),
    ("history",),
    ("history", "--json"),
    ("history", "--csv"),
    ("diff",),
    ("diff", "--ids", "added"),
    ("trace", "b"),
    ("rollback", "--to-last"),
    ("rollback", "--reason", "x"),
    ("release",),
    ("prune", "--keep-days", "1"),
    ("pull", "TARGET"),
    ("publish", "--table", "TABLE", "--source-partition", "20251027"),
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
# What a header can hold, and what some program might write into one.
header_texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12) | st.sampled_from(
    ["", "-1", "0", "1e9", "NaN", "9" * 30, "2026-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "../..", "stage/", "s3://a/b",
     "x/stage/stage_20251022_000000.txt.gz", "x/runs/", "١٢", "\x1b[2J"]
)  # fmt: skip
NAMES = (
    "total_ids", "md5_checksum", "source_partition", "created_at", "staged_key", "sha256", "content_bytes", "ids_added",
    "overruled", "replaces", "promoted_by", "set_back_from", "record", "snapshot_id", "publisher_version",
)  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("table")
    pq.write_table(pa.table({"id": [*"abcdefghij"]}), folder / "a.parquet")
    return folder


def published(table: Path) -> MemoryStore:
    """Three publications, the second of which was refused."""
    store = MemoryStore()
    for day in ("20251024", "20251023", "20251025"):
        wanted = PublishSettings(DESTINATION, table=TableRef("parquet", str(table)), source_partition=day)
        moment = datetime(2026, 1, int(day[-1]), tzinfo=timezone.utc)
        try:
            publish(wanted, store, now=lambda moment=moment: moment)  # type: ignore[misc]  # a default binds it
        except PublisherError:
            assert day == "20251023"
    return store


def flipped(content: bytes, at: int, to: int) -> bytes:
    return content[: at % len(content)] + bytes([to]) + content[at % len(content) + 1 :] if content else bytes([to])


contents: st.SearchStrategy[Callable[[bytes], bytes]] = st.one_of(
    st.binary(max_size=60).map(lambda new: lambda _: new),
    st.binary(max_size=60).map(lambda new: lambda _: gzip.compress(new)),
    st.integers(0, 10_000).map(lambda end: lambda old: old[: end % (len(old) + 1)]),
    st.tuples(st.integers(0, 10_000), st.integers(0, 255)).map(lambda flip: lambda old: flipped(old, *flip)),
    st.binary(min_size=1, max_size=9).map(lambda more: lambda old: old + more),
    json_values.map(lambda value: lambda _: json.dumps(value).encode()),
    st.just(lambda _: b"[" * 50_000),
    st.just(lambda _: b'"\\ud800"'),
)


@st.composite
def damages(draw: st.DrawFn) -> Callable[[MemoryStore], None]:
    """Something that is replaced, or put where nothing was."""
    kind = draw(st.sampled_from(["content", "metadata", "record", "hold", "note", "removed", "extra"]))
    pick, change, fields = (
        draw(st.integers(0, 999)),
        draw(contents),
        draw(st.dictionaries(st.sampled_from(NAMES), header_texts)),
    )
    value = draw(json_values)
    name = draw(
        st.sampled_from(["runs/", "stage/", "doctor/", "runs/2026/01/01/", "stage/stage_20251022_000000.txt.gz"])
    )
    end = draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20))

    def damage(store: MemoryStore) -> None:
        objects = store._objects
        keys = sorted(objects)
        records = [key for key in keys if "/runs/" in key]
        key = {"record": records, "metadata": [key for key in keys if key not in records]}.get(kind, keys)
        chosen = key[pick % len(key)]
        kept = objects[chosen]
        if kind == "metadata":
            objects[chosen] = replace(kept, texts={**kept.texts, **fields})
        elif kind == "record":
            said = json.loads(kept.content)
            field = sorted(said)[pick % len(said)]
            objects[chosen] = replace(kept, content=json.dumps({**said, field: value}).encode())
        elif kind == "removed":
            del objects[chosen]
        elif kind in ("hold", "note", "extra"):
            new = {"hold": HOLD, "note": DESTINATION.failure_key(keys[0])}.get(kind, f"x/{name}{end}")
            body = json.dumps({"reason": value, "since": value, "by": value, "error": value, "message": value}).encode()
            objects[new] = replace(kept, content=change(body), texts=fields)
        else:
            objects[chosen] = replace(kept, content=change(kept.content))

    return damage


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, table: Path, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Runs a command over a store; a failure that says nothing of what to do is none that it may end with."""
    opened: list[MemoryStore] = []
    for module in ("connect", "diff", "publish"):
        monkeypatch.setattr(f"publisher.cli.{module}.open_bucket", lambda *_: opened[-1])
    monkeypatch.setenv("PUBLISHER_TO", "s3://bucket/x")

    def run(store: MemoryStore, command: tuple[str, ...]) -> None:
        opened[:] = [store]
        target = tmp_path / f"{random.random()}.gz"  # a name that is new
        arguments = [{"TARGET": str(target), "TABLE": f"parquet:{table}"}.get(text, text) for text in command]
        try:
            cli.main(arguments, prog_name="publisher", standalone_mode=False, obj=cli_output.Output())
        except PublisherError as error:
            assert error.exit_code in range(2, 9)
            assert error.message
            assert error.hint
            shown(error.message).encode()
        except SystemExit as end:
            assert end.code in range(9)

    yield run


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(damages(), min_size=1, max_size=3))
def test_whatever_lies_there_every_command_ends_as_it_should(
    damage: list[Callable[[MemoryStore], None]],
    run: Callable[..., None],
    table: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    good = published(table)
    for each in damage:
        each(good)
    before = dict(good._objects)
    for command in COMMANDS:
        good._objects = dict(before)
        run(good, command)
    told = capfd.readouterr()
    assert "Traceback" not in told.out + told.err
    assert not [sign for sign in told.out + told.err if not sign.isprintable() and sign != "\n"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=100) | json_values.map(lambda value: json.dumps(value).encode()) | st.just(b"[" * 99_999))
def test_a_state_file_is_one_or_is_told_to_be_none(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_bytes(raw)
    with pytest.raises(UsageError, match="is damaged"):
        read_state(tmp_path / "state.json")


def test_what_is_no_state_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "state.json").open("wb") as file:
        file.truncate(1 << 30)
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match="is damaged"):
            read_state(tmp_path / "state.json")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


BOMBS: dict[str, Any] = {
    "one endless line": lambda: gzip.compress(b"x" * (64 << 20)),
    "line breaks alone": lambda: gzip.compress(b"\n" * (64 << 20)),
    "a thousand members": lambda: gzip.compress(b"a\n" * 1000) * 1000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_that_unpacks_to_much_takes_no_memory_and_stops_no_publish(
    name: str, run: Callable[..., None], table: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = published(table)
    content = BOMBS[name]()
    kept = store._objects[ACTIVE]
    # With metadata that announces all of it, so that nothing but the lines can tell.
    texts = {**kept.texts, "content_bytes": str(64 << 20), "total_ids": "1"}
    for key in (ACTIVE, kept.texts["staged_key"]):
        store._objects[key] = replace(kept, content=content, texts=texts)
    before = dict(store._objects)
    for command in COMMANDS:
        if command[0] in ("history", "status", "prune", "release"):
            continue
        store._objects = dict(before)
        tracemalloc.start()
        try:
            run(store, command)
            assert tracemalloc.get_traced_memory()[1] < 24 << 20, command
        finally:
            tracemalloc.stop()


def test_the_age_of_what_lies_there_is_not_trusted(run: Callable[..., None], table: Path) -> None:
    for moment in (datetime.min, datetime.max - timedelta(days=1)):
        store = published(table)
        for key, kept in list(store._objects.items()):
            store._objects[key] = replace(kept, at=moment.replace(tzinfo=timezone.utc))
        for command in COMMANDS:
            run(store, command)
