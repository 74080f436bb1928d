from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.file.blocks import Block, blocks
from publisher.values import LONGEST_ID_BYTES

TYPES = [pa.string(), pa.large_string()]

# What a line of the file may hold: any text without control characters that is more than white space.
good_ids = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1
).filter(lambda text: text.strip() != "")  # fmt: skip


def only_block(ids: Sequence[str | None], kind: pa.DataType = TYPES[0]) -> Block:
    (block,) = blocks([pa.array(ids, kind)])
    return block


@pytest.mark.parametrize("kind", TYPES)
@given(ids=st.lists(good_ids, min_size=1))
def test_lines_are_the_ids_with_a_line_break_between_each_two(kind: pa.DataType, ids: list[str]) -> None:
    block = only_block(ids, kind)
    assert block.fault is None
    assert bytes(block.lines) == "\n".join(ids).encode()
    assert (block.first_id, block.last_id) == (ids[0].encode(), ids[-1].encode())
    assert block.count == len(ids)


@given(ids=st.lists(good_ids, min_size=1))
def test_ascending_means_strictly_by_utf8_bytes(ids: list[str]) -> None:
    encoded = [value.encode() for value in ids]
    expected = all(one < other for one, other in pairwise(encoded))
    assert only_block(ids).is_ascending is expected
    assert only_block([value.decode() for value in sorted(set(encoded))]).is_ascending


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("offset", [0, 1, 3])
def test_a_slice_of_an_array_is_its_own_ids_only(kind: pa.DataType, offset: int) -> None:
    array = pa.array(["bad\nid", "b", "", "c", "d", "e\x00"], kind).slice(3, 2)
    (block,) = blocks([array])
    assert (block.fault, bytes(block.lines)) == (None, b"c\nd")
    (shorter,) = blocks([pa.array([str(n) for n in range(9)], kind).slice(offset)])
    assert bytes(shorter.lines) == "\n".join(map(str, range(offset, 9))).encode()


@pytest.mark.parametrize("character", [chr(code) for code in [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]])
@pytest.mark.parametrize("template", ["{}", "a{}", "{}a", "a{}b", "é{}"])
def test_every_control_character_is_a_fault(character: str, template: str) -> None:
    block = only_block(["before", template.format(character), "after"])
    assert block.fault is not None
    assert not block.lines


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (["a", None, None], "2 null"),
        (["a", ""], "empty"),
        (["a", " "], "blank"),
        (["a", "\u00a0\u3000"], "blank"),
        ([None], "1 null"),
    ],
)
def test_what_is_no_id_is_a_fault(ids: list[str | None], words: str) -> None:
    fault = only_block(ids).fault
    assert fault is not None
    assert words in fault


def test_an_id_that_no_comparison_would_read_is_a_fault() -> None:
    assert only_block(["a", "x" * LONGEST_ID_BYTES]).fault is None
    assert only_block(["a", "x" * (LONGEST_ID_BYTES + 1)]).fault == "an id of more than 256 KiB"


@pytest.mark.parametrize("raw", [b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\x80"])
def test_bytes_that_are_not_utf8_are_a_fault(raw: bytes) -> None:
    # What a writer that does not check leaves in a column of type string.
    offsets = pa.py_buffer(b"".join(n.to_bytes(4, "little") for n in (0, len(raw))))
    (block,) = blocks([pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(raw)])])
    assert block.fault is not None
    assert "UTF-8" in block.fault


def test_rows_are_numbered_through_and_empty_arrays_skipped() -> None:
    found = list(blocks([pa.array([], pa.string()), pa.array(["a", "b"]), pa.array([], pa.string()), pa.array(["c"])]))
    assert [(block.first_row, block.count) for block in found] == [(1, 2), (3, 1)]
