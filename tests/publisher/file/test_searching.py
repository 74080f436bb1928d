from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.file.decompressing import DamagedFile
from publisher.file.searching import count_lines_of, has_line

IDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=4)


def cut(compressed: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    return (compressed[start : start + size] for start in range(0, len(compressed), size))


@given(ids=st.sets(IDS, max_size=50), other=IDS, end=st.sampled_from([b"", b"\n"]), size=st.integers(1, 100))
def test_a_line_is_found_if_it_is_there_as_a_whole(ids: set[str], other: str, end: bytes, size: int) -> None:
    content = b"\n".join(sorted(line.encode() for line in ids))
    compressed = gzip.compress(content + (end if ids else b""))
    for line in {*ids, other, *(line[:-1] for line in ids), *(f"{line}0" for line in ids)} - {""}:
        assert has_line(cut(compressed, size), line) == (line in ids)


def test_lines_on_both_sides_of_every_piece_are_found() -> None:
    ids = [f"{number:07}" for number in range(0, 400_000, 2)]
    compressed = gzip.compress("\n".join(ids).encode())
    for place in (0, 1, 32_767, 32_768, 65_535, 65_536, 131_072, 199_999):
        assert has_line(cut(compressed), ids[place])
        assert not has_line(cut(compressed), f"{int(ids[place]) + 1:07}")


@pytest.mark.parametrize(("line", "is_there"), [("0000002", True), ("0000003", False)])
def test_reading_ends_where_the_line_would_stand(line: str, is_there: bool) -> None:
    compressed = gzip.compress("\n".join(f"{number:07}" for number in range(0, 2_000_000, 2)).encode())
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        for piece in cut(compressed, 10_000):
            read += len(piece)
            yield piece

    assert has_line(pieces(), line) is is_there
    assert read < len(compressed) / 10
    assert has_line(iter([compressed[:-8]]), line) is is_there  # what comes behind is not looked at


DAMAGED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not one whole gzip file"),
    "text": (b"a\nb", "not one whole gzip file"),
    "cut": (gzip.compress(b"a\nb")[:-1], "not one whole gzip file"),
    "two members": (gzip.compress(b"a\n") + gzip.compress(b"b"), "not one whole gzip file"),
    "unsorted": (gzip.compress(b"b\na"), "not in strictly ascending order"),
    "unsorted across pieces": (
        gzip.compress(b"\n".join(b"%07d" % number for number in (*range(30_000), 0, *range(40_000, 90_000)))),
        "not in strictly ascending order",
    ),
    "twice": (gzip.compress(b"a\na"), "not in strictly ascending order"),
    "blank line": (gzip.compress(b"\na"), "a blank line"),
    "blank line within": (gzip.compress(b"a\n\nb"), "a blank line"),
    "crlf": (gzip.compress(b"a\r\nb\r\n"), "a control character"),
    "not utf-8": (gzip.compress(b"a\n\xe9"), "not UTF-8"),
    "a line that does not end": (gzip.compress(b"x" * (5 << 20)), "a line of more than 256 KiB"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_holds_nothing_and_lacks_nothing(name: str) -> None:
    content, words = DAMAGED[name]
    with pytest.raises(DamagedFile, match=words):
        has_line(iter([content]), "z")


def test_a_line_of_half_a_gigabyte_is_refused_in_little_memory() -> None:
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    compressed = [compressor.compress(b"x" * (1 << 20)) for _ in range(500)] + [compressor.flush()]
    tracemalloc.start()
    try:
        with pytest.raises(DamagedFile, match="a line of more than 256 KiB"):
            has_line(iter(compressed), "z")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 8 << 20


def test_lines_are_counted_whatever_their_order_and_wherever_a_piece_ends() -> None:
    compressed = gzip.compress(b"\n".join([b"c", *(b"%07d" % number for number in range(60_000)), b"a", b"c", b"last"]))
    wanted = frozenset({b"a", b"c", b"0031415", b"last", b"nowhere", b"31415"})
    for size in (1, 1000, len(compressed)):
        pieces = (compressed[start : start + size] for start in range(0, len(compressed), size))
        assert count_lines_of(pieces, wanted) == 4


def test_what_would_not_be_found_in_a_file_is_damage_and_not_an_absence() -> None:
    whole = gzip.compress(b"a\nb")
    for damaged in (gzip.compress(b"a\r\nb\r\n"), whole[:-4], whole + b"x", b"a\nb", b""):
        with pytest.raises(DamagedFile):
            count_lines_of([damaged], frozenset({b"a"}))
