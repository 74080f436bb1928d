"""Which partitions a listing of Glue may leave out, so that what is left decides as all would.

From a first page it is known how the names are written. If all are in one form that begins with a plausible year, the
rest is asked for by an Expression on the first level. It leaves out only what is written with as many characters, and
lies between the year 1900 and so many days ago; nothing that could be newer:

- The same form sorts by time.
- More characters or fewer are all listed, by LIKE: an hour more, a month alone, a number.
- Another sign after the year of the bound, which may sort below it ('2025-10-23' < '20250917'), is listed by BETWEEN.
- The day or the month first is below 1900 or above the bound, but for the 20th: 20-10-2025 is listed by BETWEEN, and
  20102025 by LIKE, because a year stands where the year first has its month.

What was left out may be old and of another form, or no date, or unsafe inside SQL: the macro would refuse it, and here
it is not seen. It is not what is pinned, and a pin is all that then gets into SQL. `--since-days 0` shows all.

For an integer column the same is said with numbers, of which there is no LIKE: all below 2013 are listed, as 20122025
is. This trusts that it holds integers; Glue itself refuses an Expression on a column that meets another value. Columns
of type `date` and others are never narrowed: the catalog compares them as what they are, the rule as text.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from publisher.partitions.rule import form

_INTEGERS = frozenset({"tinyint", "smallint", "int", "bigint", "long"})
_TEXTS = frozenset({"string"})
_FIRST_YEAR, _FIRST_YEAR_OF_INTEGERS = 1900, 2013
_MOST_CHARACTERS = 2048  # of an Expression


@dataclass(frozen=True)
class Narrowing:
    """What is asked for.

    Attributes:
        expression: Glue's filter.
        bound: All first-level values from here on are listed.
    """

    expression: str
    bound: str


def narrowing(values: Collection[str], column: str, kind: str, since: date) -> Narrowing | None:
    """Returns how a listing may be narrowed, None when it is not known how.

    Args:
        values: What a first page has at the first level.
        column: The column of that level.
        kind: Its type in the catalog.
        since: Later days are all listed.
    """
    forms = {form(value) for value in values}
    one = next(iter(forms)) if len(forms) == 1 else ""
    written = re.match("0000(?:00){0,5}$|0000-00(?:-00)?(?!0)", one)
    if not written or not all(map(_has_year, values)) or since.year <= _FIRST_YEAR_OF_INTEGERS:
        return None
    dashes = "-" in one
    bound = since.strftime("%Y-%m-%d" if dashes else "%Y%m%d")[: len(written[0])]
    if kind in _INTEGERS and not dashes:
        bound = bound.ljust(len(one), "0")
        return Narrowing(
            f"{column} >= {bound} or {column} < {str(_FIRST_YEAR_OF_INTEGERS).ljust(len(one), '0')}", bound
        )
    if kind not in _TEXTS:
        return None
    year = bound[:4]
    parts = [f"{column} >= '{bound}'", f"{column} < '{_FIRST_YEAR}'", f"{column} between '20' and '200'"]
    if len(bound) > len(year):
        parts.append(f"{column} between '{year}' and '{year}{'-' if dashes else '0'}'")
        parts += [f"{column} like '____{digit}%'" for digit in (2, 3)]
    # Of two characters and fewer, all are below the first year or above the bound, or 20.
    parts += [f"{column} like '{'_' * length}'" for length in range(3, len(one))]
    parts.append(f"{column} like '{'_' * (len(one) + 1)}%'")
    expression = " or ".join(parts)
    return Narrowing(expression, bound) if len(expression) <= _MOST_CHARACTERS else None


def _has_year(value: str) -> bool:
    return re.match("19[0-9]{2}|20[0-9]{2}|2100", value) is not None
