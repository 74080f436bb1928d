from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pyarrow as pa
import pytest

from publisher import guards
from publisher.errors import GuardRefusal, PublisherError, SourceNotReady
from publisher.file.blocks import Block
from publisher.values import Build, Encoded, Lookalikes, StoredObject, Summary, TableRef

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
    guards.require_not_older(new, old)
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
        guards.require_not_older(new, old)
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


def inputs(cpfs: int, usable: int, records: int, sampled: int, with_prefix: int) -> Summary:
    return Summary("20251022", 0, None, None, 0, "one", None, "000", cpfs, usable, records, sampled, with_prefix)


@pytest.mark.parametrize(
    ("summary", "told", "cause"),
    [
        (
            inputs(100_000, 99_990, 300_000_000, 10_000, 0),
            "Table A has 100,000 documents, 99,990 of them usable; the partition has 300,000,000 records; "
            "of 10,000 looked at, 0 begin with the prefix.",
            "The prefix is the likeliest cause",
        ),
        (inputs(0, 0, 9, 9, 9), "Table A has 0 documents", "Table A is empty"),
        (inputs(9, 9, 0, 0, 0), "the partition has 0 records.", "The partition is empty"),
        (inputs(9, 4, 9, 9, 9), "9 documents, 4 of them usable", "Table A is the likeliest cause"),
        (inputs(9, 9, 9, 9, 1), "1 begins with the prefix.", "The prefix is the likeliest cause"),
        (inputs(9, 9, 9, 9, 9), "9 begin with the prefix.", "Check that the partition is"),
        (SUMMARY, None, "Check that the partition is"),  # of an older build
        (None, None, "Check that the partition is"),
    ],
)
def test_no_ids_and_too_few_say_what_was_counted_and_where_to_look(
    summary: Summary | None, told: str | None, cause: str
) -> None:
    empty = Encoded(0, 0, 0, "0" * 32, 20, "0" * 64, None, None)
    for guard, arguments in (
        (guards.require_ids, (empty, "20251022", summary)),
        (guards.require_enough, (ENCODED, 100, 50, summary)),
    ):
        with pytest.raises(GuardRefusal) as raised:
            guard(*arguments)
        assert (told or "") in raised.value.message
        assert ("Table A has" in raised.value.message) is (told is not None)
        assert raised.value.hint.startswith(cause)


@pytest.mark.parametrize(
    ("ids", "documents", "is_refused"),
    [(0, 0, False), (1, 0, False), (1, 1, True), (10, 1, False), (10, 2, True), (1000, 100, False), (1000, 101, True)],
)
def test_ids_look_like_documents_when_more_do_than_by_chance(ids: int, documents: int, is_refused: bool) -> None:
    found = [Lookalikes("the prefix and 11 digits", 1000, 10), Lookalikes("11 digits", ids, documents)]
    if not is_refused:
        guards.require_ids_unlike_documents(found)
        return
    with pytest.raises(GuardRefusal, match=f"Of {ids:,} ids looked at that are 11 digits, {documents:,} ") as raised:
        guards.require_ids_unlike_documents(found)
    assert (raised.value.guard, raised.value.exit_code) == ("ids_look_like_documents", 3)


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


@pytest.mark.parametrize(("documents", "is_near"), [(79, False), (80, True), (100, True), (101, False)])
def test_ids_that_nearly_look_like_documents_are_told(documents: int, is_near: bool) -> None:
    found = [Lookalikes("11 digits", 1000, documents), Lookalikes("the prefix and 11 digits", 12, 1)]
    assert bool(guards.near_documents(found)) == is_near


def test_the_suppression_list_may_lose_half_of_its_entries_and_no_more() -> None:
    for entries, before in ((None, None), (0, None), (5, 10), (12, 10), (0, 0)):
        guards.require_suppression_kept(entries, before)
    for entries, before in ((None, 0), (None, 10), (4, 10), (0, 1)):
        with pytest.raises(GuardRefusal) as raised:
            guards.require_suppression_kept(entries, before)
        assert raised.value.guard == "suppression_shrank"


def test_the_models_agree_on_whether_there_is_a_suppression_list() -> None:
    without = Build("one", "build", TABLE, TABLE)
    guards.require_suppression_told(without, SUMMARY)
    guards.require_suppression_told(replace(without, suppressed=TABLE), replace(SUMMARY, suppression_entries=0))
    for build, summary, words in (
        (without, replace(SUMMARY, suppression_entries=3), "built no table of suppressed ids"),
        (replace(without, suppressed=TABLE), SUMMARY, "tells of no suppression list"),
    ):
        with pytest.raises(GuardRefusal, match=words):
            guards.require_suppression_told(build, summary)
