"""What is told of an error of Spark, in this process, behind Thrift or in AWS Glue: never a value.

Kept are Spark's error class and SQLSTATE, the kinds of the exceptions, the file and the column. An error that is about
names or syntax keeps its first line, with long numbers masked; dbt-spark itself reads some of those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from dbt_matched_ids.redaction import (
    NOT_SHOWN,
    Statements,
    is_local_file,
    masked,
    own_words,
    phrases,
    remembered,
    without_documents,
)

_ERROR_CLASS = re.compile(r"(?:^|: )\[([A-Z][A-Z_]*(?:[._][A-Z0-9_]+)*)\]", re.MULTILINE)
_SQLSTATE = re.compile(r"\bSQLSTATE: ([0-9A-Z]{5})\b")
_EXCEPTION = re.compile(r"(?<![\w.])(?:[a-z]\w*\.)+([A-Z]\w*(?:Exception|Error))(?![\w.])")
_NAMES_ONLY = ("AnalysisException", "ParseException")
_ABOUT_NAMES = re.compile(
    r"(?:Analysis|Parse|NoSuch\w+|\w+AlreadyExists|TempTableAlreadyExists)Exception\b|\[[A-Z_]*_NOT_FOUND\]"
)
_ABOUT_DATA = re.compile(r"\bSpark\w*Exception:|stage failure|SQLSTATE: 22")
# A path of this machine may hold spaces, because it is looked for here before it is told.
_PLACE = re.compile(
    r"file:/[^\n\"']*?\.(?:parquet|orc|avro|csv|json|gz)(?![\w.])"
    r"|(?:file|s3a?|s3n|hdfs|abfss?|gs|wasbs?):/[^\s\"'\])},;]+|/[^\s\"'\])},;:]*"
)
_DATA_FILE = re.compile(r"\.(?:parquet|orc|avro|csv|json|gz)$|/part-[^/]+$")
_LONG = re.compile(r"\d{5}")
_MOST_KINDS = 3
_WRAPPERS = ("HiveSQLException", "Py4JJavaError")
# Every one of them is Spark's, Hive's or Parquet's own, whatever the data is.
_WORDS = (
    "is not a Parquet file",
    "Expected magic number at tail",
    "Parquet column cannot be converted",
    "Could not read or convert schema",
    "Failed to read footer",
    "Can not read value",
    "could not read page",
    "FileNotFoundException",
    "It is possible the underlying files have been updated",
    "cannot be cast to",
    "out of range",
    "overflow",
    "Division by zero",
    "malformed",
    "OutOfMemoryError",
    "Java heap space",
    "GC overhead limit exceeded",
    "Cannot broadcast",
    "No space left on device",
    "Connection refused",
    "Connection reset",
    "Job aborted due to stage failure",
    "cancelled",
    "Invalid SessionHandle",
    "AccessDenied",
    "Access Denied",
)
_TYPES = re.compile(
    r"Expected: ([a-z]{3,9}), Found: (BOOLEAN|INT32|INT64|INT96|FLOAT|DOUBLE|BINARY|FIXED_LEN_BYTE_ARRAY)\b"
)
_DERBY = "Another instance of Derby may have already booted the database"
_BY_HAND = (
    "To see it, open the file by hand, where nothing is logged, and look at the types and values of its id and "
    "document columns; then have it written anew."
)
_AGAIN = "Run dbt again; if it stays, run the statement in Spark by hand: dbt's log has it."


def redacted(error: Exception, statements: Statements) -> str:
    """Returns what may be told of an error.

    Args:
        error: What the adapter, PySpark or PyHive raised.
        statements: What has been run.
    """
    kinds = [type(each).__name__ for each in _chain(error)]
    kind = next((name for name in kinds if name in _NAMES_ONLY), kinds[0])
    return redacted_text("\n".join(_texts(error)), kind, statements)


def is_derby_in_use(error: Exception) -> bool:
    """Whether another process has the metastore of this folder open."""
    return any(_DERBY in text for text in _texts(error))


def redacted_text(text: str, kind: str, statements: Statements, engine: str = "Spark") -> str:
    """Returns what may be told of an engine's text.

    Args:
        text: The text, with the stack traces below it.
        kind: What raised it, which is told where the text names no exception of Java's.
        statements: What has been run.
        engine: Where it ran.
    """
    ours = own_words(text)
    if ours is not None:
        return ours
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if not _ABOUT_DATA.search(text) and (_ABOUT_NAMES.search(first) or kind in _NAMES_ONLY):
        return remembered(f"{engine}: {masked(first)}")
    found = [name[1] for name in _EXCEPTION.finditer(text) if not _LONG.search(name[1]) and name[1] not in _WRAPPERS]
    kinds = list(dict.fromkeys(found)) or [kind]
    details = [f"[{name}]" for name in _error_classes(text)]
    if state := _SQLSTATE.search(text):
        details.append(f"SQLSTATE {state[1]}")
    if words := phrases(text, _WORDS):
        details.append("; ".join(words))
    if types := _TYPES.search(text):
        details.append(f"expected {types[1]}, found {types[2]}")
    if column := statements.column_in(text):
        details.append(f"column {column}")
    file = _file_in(text)
    if file:
        details.append(f"file {file}")
    what = f"{engine} failed with {', '.join(kinds[:_MOST_KINDS])}"
    where = f": {', '.join(details)}" if details else ""
    return remembered(f"{what}{where}. {NOT_SHOWN} {_BY_HAND if file else _AGAIN}")


def _error_classes(text: str) -> list[str]:
    names = (name[1] for name in _ERROR_CLASS.finditer(text) if not _LONG.search(name[1]) or "TEMP" in name[1])
    return list(dict.fromkeys(names))[:2]


def _file_in(text: str) -> str | None:
    """Returns the data file that a text names: one of this machine that is there, or one of a store by its name."""
    for found in _PLACE.finditer(text):
        place = found[0].rstrip(".")
        if place.startswith(("/", "file:")):
            path = "/" + place.removeprefix("file:").lstrip("/")
            local = next((way for way in (path, unquote(path)) if is_local_file(way)), None)
            if local:
                return local
        if not place.startswith("/") and _DATA_FILE.search(place):
            return without_documents(place)
    return None


def _chain(error: Exception) -> Iterator[BaseException]:
    """Returns an error and what it came from, the engine's own first: dbt-spark makes one of dbt's from it."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__) is not None and cause not in chain:
        chain.append(cause)
    return reversed(chain)


def _texts(error: Exception) -> Iterator[str]:
    """Returns what an error says in all the places where the libraries put it."""
    for each in _chain(error):
        yield str(getattr(each, "msg", None) or each)  # of an error of dbt's, without the heading above it
        yield str(getattr(each, "stackTrace", ""))
        if state := _sql_state(each):
            yield f"SQLSTATE: {state}"
        for argument in each.args:
            yield from _answer(argument)


def _sql_state(error: BaseException) -> str | None:
    ask = getattr(error, "getSqlState", None)
    try:
        return str(ask() or "") if ask else None
    except Exception:  # noqa: BLE001 -- the JVM may be gone, and then this is the least of it
        return None


def _answer(argument: Any) -> Iterator[str]:
    """Returns what a Thrift server answered."""
    status = getattr(argument, "status", None)
    if status is not None:
        yield str(getattr(status, "errorMessage", None) or "")
        yield from (str(line) for line in getattr(status, "infoMessages", None) or ())
