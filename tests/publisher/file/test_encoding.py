from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tracemalloc
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.file.encoding import Encoder
from publisher.file.inspecting import Inspector
from publisher.values import Encoded, Inspection


def encode(ids: list[str], sizes: list[int] | None = None, *, final_newline: bool = False) -> tuple[bytes, Encoded]:
    """Encodes ids, handed over in blocks of these sizes."""
    spool = io.BytesIO()
    encoder = Encoder(spool, final_newline=final_newline)
    borders = [0, *sorted(size % (len(ids) + 1) for size in sizes or []), len(ids)]
    for start, end in pairwise(borders):
        part = [value.encode() for value in ids[start:end]]
        if part:
            encoder.write(memoryview(b"\n".join(part)), len(part), part[0], part[-1])
    encoded = encoder.finish()
    return spool.getvalue(), encoded


def inspect(compressed: bytes, piece: int = 1 << 16) -> Inspection:
    inspector = Inspector()
    for start in range(0, len(compressed), piece):
        inspector.feed(compressed[start : start + piece])
    return inspector.finish()


lists_of_ids = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1), min_size=1)


@given(ids=lists_of_ids, sizes=st.lists(st.integers(0, 100)))
def test_the_content_is_the_ids_joined_by_line_breaks(ids: list[str], sizes: list[int]) -> None:
    compressed, encoded = encode(ids, sizes)
    content = "\n".join(ids).encode()
    assert gzip.decompress(compressed) == content
    assert encoded == Encoded(
        total_ids=len(ids),
        total_id_bytes=sum(len(value.encode()) for value in ids),
        content_bytes=len(content),
        md5=hashlib.md5(content).hexdigest(),
        bytes=len(compressed),
        sha256=hashlib.sha256(compressed).hexdigest(),
        min_id=ids[0],
        max_id=ids[-1],
    )


@given(ids=lists_of_ids)
def test_a_final_line_break_is_a_setting(ids: list[str]) -> None:
    compressed, encoded = encode(ids, final_newline=True)
    assert gzip.decompress(compressed) == "".join(f"{value}\n" for value in ids).encode()
    assert encoded.total_id_bytes == sum(len(value.encode()) for value in ids)


def test_the_same_ids_give_the_same_bytes_however_they_arrive() -> None:
    # Across several of the encoder's pieces: ISA-L's output depends on how its input is cut.
    ids = [f"{number:010}" for number in range(250_000)]
    files = {encode(ids, sizes)[0] for sizes in ([], [1], [100_000, 7], list(range(0, 250_000, 997)))}
    assert len(files) == 1


def test_the_header_tells_neither_a_time_nor_a_name() -> None:
    compressed, _ = encode(["a"])
    assert compressed[:3] == b"\x1f\x8b\x08"
    assert compressed[3] == 0  # no flags: no name, no comment, no extra field
    assert compressed[4:8] == bytes(4)  # mtime


@pytest.mark.parametrize("last_id_length", [1, 2, 1_048_565, 1_048_566, 3_000_000])
def test_piece_borders_cut_nothing(last_id_length: int) -> None:
    ids = ["0123456789", "x" * last_id_length]
    compressed, encoded = encode(ids)
    assert gzip.decompress(compressed) == "\n".join(ids).encode()
    assert inspect(compressed).md5 == encoded.md5


def test_other_programs_read_the_file() -> None:
    ids = [f"{number:010}" for number in range(1000)]
    compressed, encoded = encode(ids)
    content = subprocess.run(["zcat"], input=compressed, stdout=subprocess.PIPE, check=True).stdout
    assert content.decode().split("\n") == ids
    digest = subprocess.run(["md5sum"], input=content, stdout=subprocess.PIPE, check=True).stdout
    assert digest.split()[0].decode() == encoded.md5
    tested = subprocess.run(["gzip", "--test", "-"], input=compressed, stderr=subprocess.PIPE, check=False)
    assert (tested.returncode, tested.stderr) == (0, b"")  # no "trailing garbage ignored"


def test_no_ids_are_an_empty_content() -> None:
    compressed, encoded = encode([])
    assert gzip.decompress(compressed) == b""
    assert (encoded.total_ids, encoded.content_bytes, encoded.min_id, encoded.max_id) == (0, 0, None, None)


@given(ids=lists_of_ids, piece=st.integers(1, 50))
def test_an_inspection_finds_what_was_encoded(ids: list[str], piece: int) -> None:
    compressed, encoded = encode(ids)
    assert inspect(compressed, piece) == Inspection(
        bytes=encoded.bytes,
        sha256=encoded.sha256,
        is_whole_gzip=True,
        content_bytes=encoded.content_bytes,
        md5=encoded.md5,
        lines=encoded.total_ids,
        has_blank_line=False,
    )


@given(content=st.binary(max_size=200) | st.text("a\n", max_size=20).map(str.encode), piece=st.integers(1, 50))
def test_an_inspection_describes_any_content(content: bytes, piece: int) -> None:
    found = inspect(gzip.compress(content), piece)
    assert (found.md5, found.content_bytes) == (hashlib.md5(content).hexdigest(), len(content))
    lines = content.removesuffix(b"\n").split(b"\n") if content else []
    assert found.lines == len(lines)
    assert found.has_blank_line == (b"" in lines)


def damaged_files() -> dict[str, bytes]:
    whole = gzip.compress(b"a\nb\nc" * 100, mtime=0)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0x10
    wrong_crc = bytearray(whole)
    wrong_crc[-8] ^= 1
    wrong_length = bytearray(whole)
    wrong_length[-1] ^= 1
    return {
        "nothing": b"",
        "not gzip": b"a\nb\nc",
        "cut in the middle": whole[: len(whole) // 2],
        "cut before the last byte": whole[:-1],
        "a flipped bit": bytes(flipped),
        "a wrong checksum": bytes(wrong_crc),
        "a wrong length": bytes(wrong_length),
        "two members": whole + whole,
        "trailing bytes": whole + b"\n",
        "zlib, not gzip": zlib.compress(b"a\nb"),
    }


@pytest.mark.parametrize("name", damaged_files())
@pytest.mark.parametrize("piece", [1, 7, 1 << 16])
def test_a_damaged_file_is_not_whole(name: str, piece: int) -> None:
    compressed = damaged_files()[name]
    found = inspect(compressed, piece)
    assert not found.is_whole_gzip
    assert (found.bytes, found.sha256) == (len(compressed), hashlib.sha256(compressed).hexdigest())


def test_a_file_that_grows_a_thousandfold_is_inspected_in_constant_memory() -> None:
    compressed = gzip.compress(b"0" * 200_000_000)
    tracemalloc.start()
    try:
        found = inspect(compressed)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.content_bytes == 200_000_000
    assert peak < 20_000_000
