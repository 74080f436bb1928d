"""What differs between files and tables: counts, ids, and what is refused rather than miscounted."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.diff import DbtTable, Difference, Side, StoredFile, Which, diff, parse_side
from publisher.errors import Conflict, GuardRefusal, IntegrityError, PublisherError, SourceNotReady, UsageError
from publisher.publish import publish
from publisher.store.keys import Destination
from publisher.store.protocol import ObjectMissing, PreconditionFailed, Store
from publisher.values import TableRef
from tests.conftest import Bucket, WriteTable
from tests.memory_store import MemoryStore
from tests.publisher.publishing import ACTIVE, DESTINATION, Between, Clock, settings
from tests.publisher.table.test_dbt_artifacts import write as write_artifacts

STAGED = DESTINATION.stage_key("20251023_040000")
IDS = st.sets(st.text("abc1", min_size=1, max_size=4), max_size=30)


def put(store: Store, key: str, content: bytes, *, is_compressed: bool = False) -> StoredFile:
    body = content if is_compressed else gzip.compress(content)
    store.create(key, io.BytesIO(body), hashlib.sha256(body).hexdigest(), {})
    return StoredFile(key)


def compared(store: Store, a: Side, b: Side, which: Which = "added") -> tuple[Difference, bytes]:
    printed = io.BytesIO()
    return diff(store, DESTINATION, a, b, which=which, sink=printed.write), printed.getvalue()


def table(folder: Path) -> TableRef:
    return TableRef("parquet", str(folder))


@given(a=IDS, b=IDS)
def test_added_is_what_only_b_has_and_removed_what_only_a_has(a: set[str], b: set[str]) -> None:
    store = MemoryStore()
    sides = [
        put(store, DESTINATION.stage_key(name), "\n".join(sorted(ids)).encode()) for name, ids in (("a", a), ("b", b))
    ]
    for which, expected in (("added", b - a), ("removed", a - b)):
        found, printed = compared(store, sides[0], sides[1], which)  # type: ignore[arg-type]
        assert printed == "".join(f"{line}\n" for line in sorted(expected)).encode()
        assert (found.a.total_ids, found.b.total_ids) == (len(a), len(b))
        assert (found.ids_added, found.ids_removed, found.ids_in_both) == (len(b - a), len(a - b), len(a & b))


def test_active_a_staged_file_and_tables_are_compared_with_each_other(bucket: Bucket, write_table: WriteTable) -> None:
    store, clock = bucket.store, Clock()
    first = publish(settings(write_table(["a", "b", "c"]), "20251021"), store, now=clock)
    publish(settings(write_table(["b", "c", "d"]), "20251022"), store, now=clock)
    new = table(write_table(["b"], ["c", "é"], partition="20251023"))
    found = diff(store, DESTINATION, StoredFile(first.staged_key), StoredFile(ACTIVE))
    assert (found.ids_added, found.ids_removed, found.ids_in_both) == (1, 1, 2)
    assert (found.a.name, found.a.source_partition) == (DESTINATION.url(first.staged_key), "20251021")
    assert (found.b.name, found.b.source_partition) == (DESTINATION.url(ACTIVE), "20251022")
    assert found.b.etag == store.head(ACTIVE).etag  # type: ignore[union-attr]
    found, printed = compared(store, StoredFile(ACTIVE), new, "removed")
    assert (found.ids_added, found.ids_removed, printed) == (1, 1, b"d\n")
    assert (found.b.name, found.b.source_partition, found.b.etag) == (str(new), "20251023", None)
    found, printed = compared(store, new, table(write_table(["c"], type=pa.large_string())), "removed")
    assert (found.ids_added, found.ids_removed, printed) == (0, 2, "b\né\n".encode())


def test_the_table_that_dbt_built_is_found_by_its_artifacts(tmp_path: Path) -> None:
    store = MemoryStore()
    active = put(store, ACTIVE, b"a\nb")
    (tmp_path / "int_matched_ids").mkdir()
    pq.write_table(pa.table({"id": ["b", "c"]}), tmp_path / "int_matched_ids" / "part-0.parquet")
    write_artifacts(tmp_path, config={"location_root": str(tmp_path)})
    found, printed = compared(store, active, DbtTable(tmp_path))
    assert (printed, found.ids_removed, found.notes) == (b"c\n", 1, ())
    # What a publish would refuse can be looked at all the same, and this is said.
    statuses = {"model.p.int_matched_ids": "success", "model.p.int_matched_ids_summary": "success"}
    write_artifacts(tmp_path, {**statuses, "test.p.unique_id.1234": "fail"}, config={"location_root": str(tmp_path)})
    found, printed = compared(store, active, DbtTable(tmp_path))
    assert (printed, found.ids_removed) == (b"c\n", 1)
    (note,) = found.notes
    assert "a publish would refuse this table: dbt did not succeed" in note
    with pytest.raises(SourceNotReady):
        diff(store, DESTINATION, active, DbtTable(tmp_path / "nowhere"))


DAMAGED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not one whole gzip file"),
    "text": (b"a\nb", "not one whole gzip file"),
    "cut": (gzip.compress(b"a\nb")[:-1], "not one whole gzip file"),
    "a bit has flipped": (gzip.compress(b"a\nb", 0).replace(b"a\nb", b"a\nc"), "not one whole gzip file"),
    "two members": (gzip.compress(b"a\n") + gzip.compress(b"b"), "not one whole gzip file"),
    "unsorted": (gzip.compress(b"b\na"), "not in strictly ascending order"),
    "twice": (gzip.compress(b"a\na"), "not in strictly ascending order"),
    "blank lines": (gzip.compress(b"\na"), "an empty id"),
    "crlf": (gzip.compress(b"a\r\nb\r\n"), "another control character"),
    "not utf-8": (gzip.compress(b"a\n\xe9"), "not UTF-8"),
    "a line that does not end": (gzip.compress(b"x" * (5 << 20)), "a line of more than 256 KiB"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("key", [ACTIVE, STAGED])
def test_a_damaged_file_is_an_integrity_error_on_either_side(name: str, key: str) -> None:
    content, words = DAMAGED[name]
    store = MemoryStore()
    other, damaged = put(store, DESTINATION.stage_key("other"), b"a\nz"), put(store, key, content, is_compressed=True)
    for a, b in ((other, damaged), (damaged, other), (damaged, damaged)):
        for which in ("added", "removed"):
            with pytest.raises(IntegrityError, match=words) as raised:
                compared(store, a, b, which)
            assert DESTINATION.url(key) in raised.value.message


@pytest.mark.parametrize(("content", "ids"), [(b"", 0), (b"a\nb", 2), (b"a\nb\n", 2)])
def test_what_is_no_damage(content: bytes, ids: int) -> None:
    store = MemoryStore()  # these objects have no metadata
    found = diff(store, DESTINATION, put(store, ACTIVE, content), put(store, STAGED, b"b"))
    assert (found.a.total_ids, found.a.source_partition, found.b.total_ids) == (ids, None, 1)


BAD_TABLES: dict[str, tuple[Sequence[Sequence[str | None]], str]] = {
    "null": ([["a", None]], "bad_ids"),
    "empty": ([["", "a"]], "bad_ids"),
    "blank": ([[" ", "a"]], "bad_ids"),
    "line break": ([["a\nb"]], "bad_ids"),
    "unsorted": ([["b", "a"]], "not_ascending"),
    "twice across files": ([["a", "b"], ["b", "c"]], "not_ascending"),
    "late": ([[f"{number:07}" for number in range(200_000)] + ["0"]], "not_ascending"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_table_that_no_guard_would_let_through_is_refused(name: str, write_table: WriteTable) -> None:
    files, guard = BAD_TABLES[name]
    store = MemoryStore()
    active, bad = put(store, ACTIVE, b"a\nz"), table(write_table(*files))
    for a, b in ((active, bad), (bad, active)):
        with pytest.raises(GuardRefusal) as raised:
            compared(store, a, b)
        assert (raised.value.guard, raised.value.exit_code) == (guard, 3)


def test_what_is_not_there_is_told() -> None:
    store = MemoryStore()
    staged = put(store, STAGED, b"a")
    cases: list[tuple[Side, type[PublisherError], str]] = [
        (StoredFile(ACTIVE), SourceNotReady, "Nothing is published"),
        (StoredFile(DESTINATION.stage_key("20000101_000000")), UsageError, "does not exist"),
        (TableRef("parquet", "/nowhere"), SourceNotReady, "does not exist"),
    ]
    for side, error, words in cases:
        for a, b in ((side, staged), (staged, side)):
            with pytest.raises(error, match=words):
                diff(store, DESTINATION, a, b)


@pytest.mark.parametrize("reason", [PreconditionFailed, ObjectMissing])
def test_a_file_that_is_replaced_or_removed_before_it_is_read_is_a_conflict(reason: type[Exception]) -> None:
    store = MemoryStore()
    a, b = put(store, ACTIVE, b"a"), put(store, STAGED, b"b")

    def changed(read: Any, key: str, etag: str) -> Any:
        if key == ACTIVE:
            raise reason(key)
        return read(key, etag)

    for sides in ((a, b), (b, a)):
        with pytest.raises(Conflict, match="replaced"):
            diff(Between(store, read=changed), DESTINATION, *sides)


def test_a_file_that_is_replaced_after_it_was_looked_at_is_a_conflict(bucket: Bucket, write_table: WriteTable) -> None:
    publish(settings(write_table(["a"])), bucket.store)

    def replaced(head: Any, key: str) -> Any:
        found = head(key)
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=gzip.compress(b"b"))
        return found

    with pytest.raises(Conflict, match="replaced"):
        diff(Between(bucket.store, head=replaced), DESTINATION, StoredFile(ACTIVE), table(write_table(["a"])))


def test_a_table_that_changes_while_it_is_read_is_not_counted(write_table: WriteTable) -> None:
    store, folder = MemoryStore(), write_table(["a"])
    active = put(store, ACTIVE, b"a")

    @contextmanager
    def meddling(read: Any, key: str, etag: str) -> Iterator[Iterator[bytes]]:
        pq.write_table(pa.table({"id": ["b"]}), folder / "part-00001.parquet")
        with read(key, etag) as pieces:
            yield pieces

    with pytest.raises(SourceNotReady) as raised:
        diff(Between(store, read=meddling), DESTINATION, active, table(folder))
    assert (raised.value.guard, raised.value.exit_code) == ("files_changed", 5)


OF_DBT = DbtTable(Path("elsewhere"), "model", "key")


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("active", StoredFile(ACTIVE)),
        ("dbt", OF_DBT),
        ("stage/stage_20251023_040000.txt.gz", StoredFile(STAGED)),
        ("ids/stage/stage_20251023_040000.txt.gz", StoredFile(STAGED)),
        ("s3://bucket/ids/stage/stage_20251023_040000.txt.gz", StoredFile(STAGED)),
        ("s3://bucket/ids/active/latest.txt.gz", StoredFile(ACTIVE)),
        ("active/latest.txt.gz", StoredFile(ACTIVE)),
        ("parquet:/data/ids", TableRef("parquet", "/data/ids", "key")),
        ("glue:db.ids", TableRef("glue", "db.ids", "key")),
    ],
)
def test_what_can_be_compared(text: str, side: Side) -> None:
    assert parse_side(text, DESTINATION, OF_DBT) == side


@pytest.mark.parametrize(
    "text",
    [
        "", "Active", "latest", "stage/", "stage/stage_1.failure.json", "/stage/stage_20251023_040000.txt.gz",
        "s3://other/ids/stage/stage_20251023_040000.txt.gz", "s3://bucket/stage/stage_20251023_040000.txt.gz",
        "s3://bucket", "csv:/data", "parquet:", "glue:", "ids/hold.json",
    ],
)  # fmt: skip
def test_what_is_nothing_that_can_be_compared(text: str) -> None:
    with pytest.raises(UsageError):
        parse_side(text, DESTINATION, OF_DBT)


def test_without_a_prefix_a_staged_key_is_itself() -> None:
    key = "stage/stage_20251023_040000.txt.gz"
    assert parse_side(key, Destination("bucket"), OF_DBT) == StoredFile(key)
