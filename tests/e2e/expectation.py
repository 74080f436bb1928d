"""What must come out, computed row by row in Python from the raw files: no engine, no code of the product."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq


def expected_content(cpfs: Path, partitions: Iterable[Path]) -> bytes:
    """Returns the content of the published file.

    Args:
        cpfs: The folder of table A.
        partitions: The folders of table B's newest partition.
    """
    documents = {document for file in cpfs.iterdir() for document in pq.read_table(file)["documento"].to_pylist()}
    wanted = {"000" + document for document in documents if document is not None}
    ids = set()
    for folder in partitions:
        for file in folder.rglob("*"):
            if file.is_file() and file.stat().st_size and not file.name.startswith(("_", ".")):
                table = pq.read_table(file, columns=["id", "documento"], partitioning=None)
                pairs = zip(table["id"].to_pylist(), table["documento"].to_pylist(), strict=True)
                ids |= {str(found) for found, document in pairs if document in wanted}
    return b"\n".join(sorted(value.encode() for value in ids))
