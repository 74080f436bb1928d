"""What is told of an error of DuckDB: its kind, the file and the column, and nothing of its text."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable
from pathlib import Path

import duckdb

from dbt_matched_ids import folder_lock
from dbt_matched_ids.redaction import NOT_SHOWN, Statements, masked, own_words, phrases, remembered

# About names and syntax: no row was read. Long numbers are masked all the same, because constants are computed then,
# and because columns may be called like the first row of a file that had no header.
_ABOUT_NAMES = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException)
# Every one of them is DuckDB's own, whatever the data is. Of a text that has one, these words are told and no others.
_WORDS = (
    "Could not convert string",
    "Could not cast value",
    "Failed to cast",
    "Unimplemented type for cast",
    "can't be cast",
    "Could not parse string",
    "Malformed JSON",
    "out of range",
    "overflow",
    "division by zero",
    "field format",
    "is not valid UTF8",
    "No magic bytes found at end of file",
    "Footer length error",
    "too small to be a Parquet file",
    "Parquet file is likely corrupted",
    "Parquet metadata is corrupt",
    "TProtocolException",
    "Out of buffer",
    "don't know what type",
    "Snappy decompression failure",
    "ZSTD decompression failure",
    "Failed to decompress GZIP block",
    "LZ4 decompression failure",
    "Brotli decompression failure",
    "Could not read enough bytes",
    "automatically install the required extension",
    "No files found that match the pattern",
    "schema mismatch",
    "database has been invalidated because of a previous fatal error",
    "Information loss on integer cast",
    "current transaction is aborted",
    "no transaction is active",
)
_TYPE = re.compile(
    r"(?:\bto |-> )(U?INT(?:8|16|32|64|128)|U?(?:TINY|SMALL|BIG|HUGE)INT|INTEGER|DECIMAL|DOUBLE|FLOAT|BOOL(?:EAN)?|DATE"
    r"|TIME(?:STAMP)?(?: WITH TIME ZONE)?|TIMESTAMP_(?:S|MS|NS)|INTERVAL|UUID|BLOB|BIT|ENUM|BIGNUM|VARCHAR)\b"
)
_HOLDER = re.compile(r"Conflicting lock is held in (.{0,200}?) ?\(PID (\d{1,10})\)")

_BY_HAND = (
    "To see it, open the file with DuckDB by hand, where nothing is logged, and look at the types and values of its id "
    "and document columns; then have it written anew."
)
_PLACE = "Check that the path is there, that this user may read and write it, and that the disk has room."
_MEMORY = "Give it more by MATCHED_IDS_DUCKDB_MEMORY, or room to spill over to by MATCHED_IDS_DUCKDB_TEMP_DIR."
_AGAIN = "Run dbt again; if it stays, run the statement in DuckDB by hand: dbt's log has it."
_HINTS: tuple[tuple[type[Exception], str], ...] = (
    (duckdb.OutOfMemoryException, _MEMORY),
    (duckdb.IOException, _PLACE),
    (duckdb.DataError, _BY_HAND),
    (duckdb.InvalidInputException, _BY_HAND),
)


class DuckDBFailed(RuntimeError):
    """What may be told of an error of DuckDB. dbt-duckdb rolls back for it, as it does for DuckDB's own."""


def redacted(error: Exception, statements: Statements, known: Callable[[str], bool] = lambda _: False) -> DuckDBFailed:
    """Returns what may be told of an error.

    Args:
        error: What DuckDB raised.
        statements: What has been run.
        known: Whether an address is that of an object that was listed or opened.
    """
    text = str(error)
    ours = own_words(text)
    if ours is not None:
        return DuckDBFailed(ours)
    if isinstance(error, _ABOUT_NAMES):
        return DuckDBFailed(remembered_lines(masked(text)))
    kind = type(error).__name__
    details = []
    if words := phrases(text, _WORDS):
        details.append("; ".join(words))
    if isinstance(error, duckdb.Error) and (python := _python_error(text)):
        details.append(f"{python} in Python")
    if type_ := _TYPE.search(text):
        details.append(f"to {type_[1]}")
    if column := statements.column_in(text):
        details.append(f"column {column}")
    if file := statements.file_in(text, known):
        details.append(f"file {file}")
    what = f"DuckDB failed with {kind}" + (f": {', '.join(details)}." if details else ".")
    hint = next((hint for kind_, hint in _HINTS if isinstance(error, kind_)), _BY_HAND if file else _AGAIN)
    return DuckDBFailed(remembered(f"{what} {NOT_SHOWN} {hint}"))


def redacted_opening_error(error: Exception, database: str) -> DuckDBFailed:
    """Returns what may be told when the database cannot be opened; it holds views, and none of the raw data.

    Args:
        error: What DuckDB raised.
        database: The path of its file.
    """
    text = str(error)
    held = _HOLDER.search(text)
    if held:
        return DuckDBFailed(
            folder_lock.in_use_message(Path(database).absolute().parent, f"process {held[2]}, {Path(held[1]).name}")
        )
    return DuckDBFailed(own_words(text) or remembered(f"DuckDB cannot open {database}: {masked(text)}"))


def remembered_lines(text: str) -> str:
    """Returns a text as it is, and recognises it when it is passed on."""
    remembered(text)
    return text


def _python_error(text: str) -> str | None:
    """Returns the kind of an error that our file systems raised, of which DuckDB gives the traceback."""
    if "Traceback (most recent call last)" not in text:
        return None
    for found in re.finditer(r"^(?:\w+\.)*(\w+)(?::|$)", text, re.MULTILINE):
        kind = getattr(builtins, found[1], None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            return found[1]
    return None
