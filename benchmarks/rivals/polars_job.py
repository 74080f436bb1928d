"""The same in Polars, with its streaming engine. Nothing is tested or verified.

Usage: python -m benchmarks.rivals.polars_job CPFS_FOLDER RECORDS_FOLDER s3://bucket/prefix
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import polars as pl

from benchmarks.rivals.upload import promote


def main(cpfs: str, records: str, to: str) -> None:
    """Runs the job."""
    newest = max(Path(records).glob("ano_mes_dia=*"))
    documents = pl.scan_parquet(f"{cpfs}/*.parquet").select(documento="000" + pl.col("documento"))
    matched = pl.scan_parquet(f"{newest}/*.parquet", hive_partitioning=False).join(
        documents, on="documento", how="semi"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "latest.txt.gz"
        matched.select("id").unique().sort("id").sink_csv(
            file, include_header=False, compression="gzip", quote_style="never", engine="streaming"
        )
        promote(file, to)


if __name__ == "__main__":
    main(*sys.argv[1:4])
