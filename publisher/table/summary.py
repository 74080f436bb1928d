"""Reads the one row of `int_matched_ids_summary`: what the engine says it wrote."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pyarrow as pa

from publisher.errors import SourceNotReady
from publisher.file import arrow
from publisher.lake.access import LakeAccess
from publisher.lake.footers import parquet_file
from publisher.table.contents import contents_of
from publisher.table.deleted_rows import without_deleted
from publisher.values import Summary, TableRef

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# What an older build's summary row lacks.
_OPTIONAL = frozenset(
    {"document_prefix", "total_cpfs", "usable_cpfs", "total_records", "sampled_records", "sampled_with_prefix"}
    | {"suppression_entries", "suppressed_ids", "withheld_ids"}
)


def read_summary(ref: TableRef, lake: LakeAccess | None = None) -> Summary:
    """Reads the one-row summary table.

    Raises:
        SourceNotReady: It is missing, has not exactly one row, or lacks a column.
        StoreFailed: The store or the catalog failed.
    """
    hint = "Run `dbt build` again; if it stays so, open that table."
    contents = contents_of(ref, lake or LakeAccess())
    names = list(Summary.__dataclass_fields__)
    rows: list[dict[str, Any]] = []
    for file, deleted in contents.files:
        with parquet_file(contents.reader, file) as parquet:
            physical = {name: contents.physical_name(name, parquet.schema_arrow) for name in names}
            present = {name: found for name, found in physical.items() if found is not None}
            missing = [name for name in names if name not in present and name not in _OPTIONAL]
            if missing:
                raise SourceNotReady(f"The summary table {ref} lacks {', '.join(missing)}.", hint)
            if len(rows) + parquet.metadata.num_rows - len(deleted) > 1:
                raise SourceNotReady(f"The summary table {ref} has more than one row.", hint)
            for batch in parquet.iter_batches(columns=list(present.values()), use_threads=False):
                columns = {name: batch.column(batch.schema.get_field_index(found)) for name, found in present.items()}
                if not pa.types.is_timestamp(columns["built_at"].type):
                    raise SourceNotReady(f"The column built_at of the summary table {ref} is not a time.", hint)
                # As a number: a timestamp's own conversion imports pandas.
                built_at = arrow.cast(columns["built_at"], pa.timestamp("us"), safe=False)
                columns["built_at"] = built_at.view(pa.int64())
                values = pa.table({name: without_deleted(column, 0, deleted) for name, column in columns.items()})
                rows += values.to_pylist()
    if not rows:
        raise SourceNotReady(f"The summary table {ref} has no row.", hint)
    (row,) = rows
    micros = row.pop("built_at")
    return Summary(**row, built_at=None if micros is None else _EPOCH + timedelta(microseconds=micros))
