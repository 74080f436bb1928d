from __future__ import annotations

from datetime import datetime, timezone

import pyarrow as pa
import pytest

from publisher import guards
from publisher.artifacts import Build, Encoded, StoredObject, Summary, TableRef
from publisher.errors import GuardRefusal, PublisherError, SourceNotReady
from publisher.ids import Block

TABLE = TableRef("parquet", "/nowhere")
ENCODED = Encoded(2, 3, 4, "0" * 32, 30, "0" * 64, "a", "bb")
SUMMARY = Summary("20251022", 2, "a", "bb", 3, "one")


def active(partition: str | None) -> StoredObject:
    texts = {"source_partition": partition} if partition else {}
    return StoredObject("active/latest.txt.gz", "e", 1, datetime.now(timezone.utc), texts)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("20251022", "20251022"),
        ("20251023", "20251022"),
        ("20260101", "20251231"),
        ("2025-10-22", "2025-10-21"),
        ("ano=2025/mes=10/dia=2", "ano=2025/mes=9/dia=30"),
        ("ano=2025/mes=10/dia=02", "ano=2025/mes=10/dia=1"),
        ("20251022", None),
        (None, None),
    ],
)
def test_the_same_or_a_newer_partition_passes(new: str | None, old: str | None) -> None:
    guards.require_not_older(new, active(old))
    guards.require_not_older(new, None)


@pytest.mark.parametrize(
    ("new", "old", "words"),
    [
        ("20251021", "20251022", "is older than active's"),
        ("9", "10", "is older than active's"),
        ("ano=2025/mes=9/dia=30", "ano=2025/mes=10/dia=1", "is older than active's"),
        (None, "20251022", "not known"),
        ("ano=2025/mes=10/dia=22", "20251021", "cannot be compared"),
        ("ano=2025/mes=10/dia=22", "year=2025/month=10/day=21", "cannot be compared"),
        ("2025-10-22", "20251021", "cannot be compared"),
        ("20251022", "total nonsense", "cannot be compared"),
    ],
)
def test_an_older_partition_or_one_that_cannot_be_compared_is_refused(new: str | None, old: str, words: str) -> None:
    with pytest.raises(GuardRefusal, match=words) as raised:
        guards.require_not_older(new, active(old))
    assert (raised.value.guard, raised.value.exit_code, raised.value.status) == ("older_partition", 3, "refused")


def test_blocks_must_ascend_from_one_to_the_next() -> None:
    block = Block(pa.array(["b", "c"]), memoryview(b"b\nc"), 2, 11, b"b", b"c")
    guards.require_ascending(block, None)
    guards.require_ascending(block, b"a")
    for previous in (b"b", b"c", "é".encode()):
        with pytest.raises(GuardRefusal, match="rows 10 and 12") as raised:
            guards.require_ascending(block, previous)
        assert raised.value.guard == "not_ascending"


def test_no_ids_are_refused_with_the_partition_that_had_none() -> None:
    empty = Encoded(0, 0, 0, "0" * 32, 20, "0" * 64, None, None)
    with pytest.raises(GuardRefusal, match=r"no ids .*20251022"):
        guards.require_ids(empty, "20251022")
    guards.require_ids(ENCODED, None)


@pytest.mark.parametrize(
    ("summary", "partitions", "words"),
    [
        (Summary("20251022", 3, "a", "bb", 3, "one"), {"20251022"}, "total_ids 2 ≠ 3"),
        (Summary("20251022", 2, "a", "bb", 4, "one"), {"20251022"}, "total_id_bytes 3 ≠ 4"),
        (Summary("20251022", 2, "secret", "bb", 3, "one"), {"20251022"}, "min_id"),
        (Summary("20251022", 2, "a", "secret", 3, "one"), {"20251022"}, "max_id"),
        (SUMMARY, {"20251021"}, "source_partition"),
        (SUMMARY, {"20251022", "20251021"}, "source_partition"),
    ],
)
def test_a_table_that_is_not_its_summary_is_refused(summary: Summary, partitions: set[str | None], words: str) -> None:
    with pytest.raises(GuardRefusal, match=words) as raised:
        guards.require_equal_summary(ENCODED, summary, frozenset(partitions))
    assert raised.value.guard == "summary_differs"
    assert "secret" not in raised.value.message  # an id is not for logs


def test_a_table_that_is_its_summary_passes() -> None:
    guards.require_equal_summary(ENCODED, SUMMARY, frozenset({"20251022"}))
    guards.require_equal_summary(ENCODED, SUMMARY, frozenset({None}))
    guards.require_equal_summary(ENCODED, SUMMARY, frozenset())


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (Build("one", "build", TABLE, TABLE, failures=("unique_id",)), "unique_id"),
        (
            Build("one", "build", TABLE, TABLE, failures=tuple("abcdefgh"), skipped=2),
            "a, b, c, d, e and 3 more; 2 skip",
        ),
        (Build("one", "build", TABLE, TABLE, skipped=3), "one: 3 skipped"),
        (Build("one", "run", TABLE, TABLE, untested=("unique_id",)), r"\(dbt run\) did not run unique_id"),
    ],
)
def test_dbt_must_have_built_and_tested(build: Build, words: str) -> None:
    with pytest.raises(SourceNotReady, match=words) as raised:
        guards.require_dbt_success(build)
    assert (raised.value.guard, raised.value.exit_code, raised.value.status) == ("dbt_not_successful", 5, "refused")


def test_the_table_must_be_of_the_invocation_whose_results_are_at_hand() -> None:
    guards.require_same_invocation(Build("one", "build", TABLE, TABLE), SUMMARY)
    with pytest.raises(SourceNotReady, match="built by dbt invocation one"):
        guards.require_same_invocation(Build("two", "build", TABLE, TABLE), SUMMARY)


def test_every_error_has_its_own_exit_code() -> None:
    codes = {kind.__name__: kind.exit_code for kind in PublisherError.__subclasses__()}
    assert codes == {
        "UsageError": 2, "GuardRefusal": 3, "IntegrityError": 4, "SourceNotReady": 5, "Conflict": 6, "StoreFailed": 7,
            "NothingNew": 8,
    }  # fmt: skip
