from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from publisher.values import Metadata, is_metadata_text


def test_metadata_survives_the_way_through_a_store() -> None:
    metadata = Metadata(total_ids=0, md5_checksum="0" * 32, source_partition="20251022", content_bytes=7)
    assert metadata.to_texts() == {
        "total_ids": "0",
        "md5_checksum": "0" * 32,
        "source_partition": "20251022",
        "content_bytes": "7",
    }
    assert Metadata.from_texts(metadata.to_texts()) == metadata


@given(texts=st.dictionaries(st.sampled_from([*Metadata.__dataclass_fields__, "other"]), st.text()))
def test_any_metadata_can_be_read(texts: dict[str, str]) -> None:
    metadata = Metadata.from_texts(texts)
    assert metadata.total_ids is None or metadata.total_ids >= 0
    assert metadata.md5_checksum != ""


def test_numbers_that_are_none_are_unknown() -> None:
    for text in ("", "-1", "1.5", "1e3", "٣", "ten", "9" * 30):
        assert Metadata.from_texts({"total_ids": text}).total_ids is None


def test_only_ascii_on_one_line_is_metadata() -> None:
    assert is_metadata_text("ano=2025/mes=10/dia=22")
    for text in ("", " ", " x", "x\n", "é", "a\tb"):
        assert not is_metadata_text(text)
