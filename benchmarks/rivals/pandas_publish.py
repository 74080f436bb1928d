"""The publishing half in pandas. Nothing is verified.

Usage: python -m benchmarks.rivals.pandas_publish PARQUET_FILE s3://bucket/prefix
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.rivals.upload import promote


def main(table: str, to: str) -> None:
    """Runs the job."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "latest.txt.gz"
        pd.read_parquet(table, columns=["id"]).to_csv(file, index=False, header=False, compression="gzip")
        promote(file, to)


if __name__ == "__main__":
    main(*sys.argv[1:3])
