from __future__ import annotations

import gzip
import io
import tracemalloc
import zlib
from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.file.blocks import blocks
from publisher.file.changes import NotComparable, compare, count_changes, of_file, of_table
from publisher.values import LONGEST_ID_BYTES, Changes

ids = st.sets(st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=5), max_size=50)


def file(lines: set[str], size: int = 1 << 16, end: bytes = b"") -> Iterator[bytes]:
    compressed = gzip.compress(b"\n".join(sorted(line.encode() for line in lines)) + end)
    return (compressed[start : start + size] for start in range(0, len(compressed), size))


@given(new=ids, active=ids, size=st.integers(1, 100))
def test_changes_are_the_differences_of_the_sets(new: set[str], active: set[str], size: int) -> None:
    assert count_changes(file(new, size), file(active, size)) == Changes(
        ids_added=len(new - active), ids_removed=len(active - new), active_ids=len(active)
    )


visible = st.sets(st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=5), max_size=50)


@given(new=visible, active=visible, size=st.integers(1, 100), kind=st.sampled_from([pa.string(), pa.large_string()]))
def test_what_was_added_is_given_in_order_and_a_table_is_like_a_file(
    new: set[str], active: set[str], size: int, kind: pa.DataType
) -> None:
    arrays = [pa.array(sorted(new)[start : start + size], kind) for start in range(0, len(new), size)]
    for side in (of_file("new", file(new, size), ids_only=True), of_table("new", blocks(arrays))):
        added = io.BytesIO()
        changes = compare(side, of_file("active", file(active, size)), added.write)
        assert changes == Changes(len(new - active), len(active - new), len(active))
        assert added.getvalue() == "".join(f"{line}\n" for line in sorted(new - active)).encode()


def test_files_of_many_blocks_that_end_at_different_places() -> None:
    new = {f"{number:09}" for number in range(0, 600_000, 2)} | {"x" * 60_000}
    active = {f"{number:09}" for number in range(0, 500_000, 3)} | {"0" * 50_000}
    added, removed = io.BytesIO(), io.BytesIO()
    changes = compare(of_file("new", file(new)), of_file("active", file(active)), added.write)
    assert changes == Changes(len(new - active), len(active - new), len(active))
    compare(of_file("active", file(active)), of_file("new", file(new)), removed.write)
    for given_ids, expected in ((added, new - active), (removed, active - new)):
        assert given_ids.getvalue().decode().splitlines() == sorted(expected)


@pytest.mark.parametrize("before", ["", "a\n", "".join(f"{number:09}\n" for number in range(200_000))])
def test_the_longest_line_is_as_long_as_the_longest_id(before: str) -> None:
    def with_a_line_of(length_bytes: int) -> Iterator[bytes]:
        return iter([gzip.compress(before.encode() + b"x" * length_bytes + b"\ny")])

    assert count_changes(file({"a"}), with_a_line_of(LONGEST_ID_BYTES)).active_ids == 2 + before.count("\n")
    with pytest.raises(NotComparable, match="active has a line of more than 256 KiB"):
        count_changes(file({"a"}), with_a_line_of(LONGEST_ID_BYTES + 1))


def test_a_line_of_half_a_gigabyte_is_refused_in_little_memory() -> None:
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    compressed = [compressor.compress(b"x" * (1 << 20)) for _ in range(500)] + [compressor.flush()]
    tracemalloc.start()
    try:
        with pytest.raises(NotComparable, match="active has a line of more than 256 KiB"):
            count_changes(file({"a"}), iter(compressed))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 << 20


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a\r\nb\r\n", "active has an id with a line break or another control character"),
        (b"a\nb\x1b[2J", "active has an id with a line break or another control character"),
        (b"\na", "active has an empty id"),
        (b" \na", "active has a blank id"),
        (b"a\n\xff", "active has an id that is not UTF-8"),
    ],
)
def test_lines_that_are_no_ids_are_refused_where_ids_alone_are_wanted(content: bytes, reason: str) -> None:
    compressed = gzip.compress(content)
    with pytest.raises(NotComparable, match=reason):
        compare(of_file("new", file({"a"})), of_file("active", iter([compressed]), ids_only=True))
    # Where a publish replaces it, such a file is compared as it is: a limit on what changes is not left out.
    assert count_changes(file({"a"}), iter([compressed])).active_ids == 2


def test_a_final_line_break_is_no_line() -> None:
    assert count_changes(file({"a", "b"}, end=b"\n"), file({"a", "b"})) == Changes(0, 0, 2)


@pytest.mark.parametrize(
    ("active", "reason"),
    [
        (b"", "active is not one whole gzip file"),
        (b"plain text", "active is not one whole gzip file"),
        (gzip.compress(b"a\nb", mtime=0)[:-1], "active is not one whole gzip file"),
        (gzip.compress(b"a\nb", mtime=0) * 2, "active is not one whole gzip file"),
        (gzip.compress(b"b\na", mtime=0), "active is not in strictly ascending order"),
        (gzip.compress(b"a\na", mtime=0), "active is not in strictly ascending order"),
        (gzip.compress(b"z\n" * 2, mtime=0), "active is not in strictly ascending order"),
    ],
)
@pytest.mark.parametrize("new", [{"a"}, {"y", "zz"}, set()])
def test_what_cannot_be_compared_is_told(active: bytes, reason: str, new: set[str]) -> None:
    with pytest.raises(NotComparable, match=reason):
        count_changes(file(new), iter([active]))
