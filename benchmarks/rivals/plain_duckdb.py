"""What a good engineer writes in an hour: DuckDB, and two calls to the store. Nothing is tested or verified.

Usage: python -m benchmarks.rivals.plain_duckdb CPFS_FOLDER RECORDS_FOLDER s3://bucket/prefix
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import duckdb

from benchmarks.rivals.upload import promote


def main(cpfs: str, records: str, to: str) -> None:
    """Runs the job."""
    newest = max(Path(records).glob("ano_mes_dia=*"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "latest.txt.gz"
        duckdb.execute(
            f"""
            copy (
                select distinct b.id
                from '{newest}/*.parquet' as b
                semi join '{cpfs}/*.parquet' as a on b.documento = '000' || a.documento
                order by b.id
            ) to '{file}' (format csv, header false, quote '', compression gzip)
            """
        )
        promote(file, to)


if __name__ == "__main__":
    main(*sys.argv[1:4])
