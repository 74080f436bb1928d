"""What a column's type makes of its values: texts and integers are read, everything else is refused.

Texts and integers are the types whose text every engine writes alike. A double 12345678 is `12345678.0` in DuckDB and
`1.2345678E7` in Spark; decimals with a scale, times and booleans differ too, and none of them is an id or a document.
"""

from __future__ import annotations

import re
from enum import Enum

import pyarrow as pa


class Kind(Enum):
    """What a column holds, as people say it."""

    TEXT = "a text"
    INTEGER = "an integer"
    OTHER = "neither a text nor an integer"


# The most digits that a decimal has in Parquet's readers; DuckDB takes more for a double.
_DECIMAL_DIGITS = 38
_CATALOG_TEXTS = re.compile(r"string|varchar(\([0-9]+\))?|binary")
_CATALOG_INTEGERS = re.compile(r"(tiny|small|big)?int|integer|long|decimal\(([0-9]+)(,\s*0)?\)")


def kind_of(kind: pa.DataType) -> Kind:
    """Returns what a column of an Arrow type holds: any form of text or integer is one.

    Binary without an annotation is how older writers (Impala, Hive, Avro's converter) write texts.
    """
    while pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    is_text = (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
    )
    if is_text:
        return Kind.TEXT
    if pa.types.is_integer(kind):
        return Kind.INTEGER
    if pa.types.is_decimal(kind) and kind.scale == 0 and kind.precision <= _DECIMAL_DIGITS:
        return Kind.INTEGER
    return Kind.OTHER


def kind_in_catalog(text: str) -> Kind:
    """Returns what a column of a type holds that a catalog (Hive, Glue, Spark) names.

    `char(n)` is none: engines fill it up with blanks, so that an id would not be itself.
    """
    text = text.strip().lower()
    if _CATALOG_TEXTS.fullmatch(text):
        return Kind.TEXT
    found = _CATALOG_INTEGERS.fullmatch(text)
    return Kind.INTEGER if found and (found[2] is None or int(found[2]) <= _DECIMAL_DIGITS) else Kind.OTHER
