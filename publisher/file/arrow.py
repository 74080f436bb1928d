"""Arrow's functions on arrays of ids, by their names in `pyarrow.compute`, without importing that.

On import it makes a Python function, with its documentation, of each of the two hundred that Arrow has: a tenth of what
a small publish takes from its start to its end. These ask for theirs as those do.
"""

from __future__ import annotations

import pyarrow as pa
from pyarrow._compute import (
    CastOptions,
    FilterOptions,
    MatchSubstringOptions,
    SetLookupOptions,
    SplitPatternOptions,
    call_function,
)


def less(left: pa.Array, right: pa.Array) -> pa.Array:
    """Returns, of each two values, whether the left one is the smaller; texts are compared as unsigned bytes."""
    return call_function("less", [left, right])


def equal(left: pa.Array, right: pa.Array | pa.Scalar) -> pa.Array:
    """Returns, of each two values, whether they are equal."""
    return call_function("equal", [left, right])


def invert(values: pa.Array) -> pa.Array:
    """Returns the opposite of each truth value."""
    return call_function("invert", [values])


def are_all(values: pa.Array) -> bool:
    """Whether all of some truth values are true; they are when there are none."""
    return bool(call_function("all", [values]).as_py())


def is_any(values: pa.Array) -> bool:
    """Whether one of some truth values is true."""
    return bool(call_function("any", [values]).as_py())


def total(values: pa.Array) -> int:
    """Returns the sum of values; of truth values, how many are true; 0 where there are none."""
    return call_function("sum", [values]).as_py() or 0


def min_max(values: pa.Array) -> tuple[int | None, int | None]:
    """Returns the smallest and the largest of some numbers; None twice where there are none."""
    found = call_function("min_max", [values]).as_py()
    return found["min"], found["max"]


def binary_length(texts: pa.Array) -> pa.Array:
    """Returns the length of each text in bytes."""
    return call_function("binary_length", [texts])


def binary_join(lists: pa.Array, separator: pa.Scalar) -> pa.Array:
    """Returns the texts of each list as one, with a separator between each two."""
    return call_function("binary_join", [lists, separator])


def split_pattern(texts: pa.Array, pattern: str) -> pa.Array:
    """Returns each text as a list of its parts between a separator."""
    return call_function("split_pattern", [texts], SplitPatternOptions(pattern))


def is_in(values: pa.Array, value_set: pa.Array) -> pa.Array:
    """Returns, of each value, whether it is among others."""
    return call_function("is_in", [values], SetLookupOptions(value_set, skip_nulls=False))


def filtered(values: pa.Array, mask: pa.Array) -> pa.Array:
    """Returns those of some values of which a truth value says so."""
    return call_function("filter", [values, mask], FilterOptions())


def cast(values: pa.Array, to: pa.DataType, *, safe: bool = True) -> pa.Array:
    """Returns values as another type.

    Raises:
        ArrowInvalid: A value cannot be, and `safe`.
    """
    return call_function("cast", [values], CastOptions.safe(to) if safe else CastOptions.unsafe(to))


def ascii_is_decimal(texts: pa.Array) -> pa.Array:
    """Returns, of each text, whether it consists of digits."""
    return call_function("ascii_is_decimal", [texts])


def match_substring_regex(texts: pa.Array, pattern: str) -> pa.Array:
    """Returns, of each text, whether a regular expression is found in it."""
    return call_function("match_substring_regex", [texts], MatchSubstringOptions(pattern))


def utf8_trim_whitespace(texts: pa.Array) -> pa.Array:
    """Returns each text without the white space around it."""
    return call_function("utf8_trim_whitespace", [texts])
