"""Whatever a table holds: it is published exactly as it is, or refused for a reason that is there."""

from __future__ import annotations

import gzip
import tempfile
import unicodedata
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import GuardRefusal
from publisher.guards.limits import NO_LIMITS
from publisher.publish import publish
from publisher.settings import PublishSettings
from publisher.store.keys import Destination
from publisher.values import TableRef
from tests.memory_store import MemoryStore

DESTINATION = Destination("bucket")

characters = st.characters(codec="utf-8") | st.sampled_from("ab0 \n\r\t\x00\x1f\x7f\x85\u00a0\u2028\u3000é𝄞")
any_id = st.none() | st.text(characters, max_size=4) | st.text("ab", min_size=1, max_size=4) | st.just("x" * 3_000)
any_file = st.lists(any_id, max_size=8) | st.lists(st.text("abcdé", min_size=1), max_size=30, unique=True).map(
    lambda ids: sorted(ids, key=str.encode)
)


def is_good(value: str | None) -> bool:
    if value is None or not value.strip():
        return False
    return not any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in value)


def expected(files: list[list[str | None]]) -> bytes | None:
    """Returns the content to publish, None where the table must be refused."""
    ids = [value for file in files for value in file]
    if not ids or not all(is_good(value) for value in ids):
        return None
    encoded = sorted([value.encode() for value in file if value is not None] for file in files if file)
    ordered = [value for file in encoded for value in file]
    # sorted() above compares whole files: sorted by their first ids, unless a file is not ascending itself
    return b"\n".join(ordered) if all(one < other for one, other in pairwise(ordered)) else None


@settings(max_examples=300)
@given(
    files=st.lists(any_file, max_size=4),
    begin=st.sampled_from(["", "", "x" * 63, "é" * 32, "x" * 5_000]),
    group=st.integers(1, 5),
    writer=st.sampled_from(["plain", "dictionary", "no statistics", "polars"]),
)
def test_it_is_published_as_it_is_or_refused(
    files: list[list[str | None]], begin: str, group: int, writer: str
) -> None:
    store = MemoryStore()
    files = [[value and begin + value for value in ids] for ids in files]
    with tempfile.TemporaryDirectory() as folder:
        for number, ids in enumerate(files):
            path = Path(folder, f"part-{number}.parquet")
            if writer == "polars":
                pl.DataFrame({"id": ids}, {"id": pl.String}).write_parquet(path, row_group_size=group)
                continue
            pq.write_table(
                pa.table({"id": pa.array(ids, pa.string())}), path, row_group_size=group,
                use_dictionary=writer == "dictionary", write_statistics=writer != "no statistics",
            )  # fmt: skip
        table_ref = TableRef("parquet", folder)
        try:
            publish(PublishSettings(DESTINATION, table=table_ref, limits=NO_LIMITS), store)
        except GuardRefusal as refusal:
            assert refusal.guard in ("no_ids", "bad_ids", "not_ascending")
            published = None
        else:
            found = store.head(DESTINATION.active_key)
            assert found is not None
            with store.read(found.key, found.etag) as pieces:
                published = gzip.decompress(b"".join(pieces))
    assert published == expected(files)
