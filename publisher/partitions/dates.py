"""The dates that partition names hold: whether a level's values are dates, which of them are none, and of which day.

As in macros/partitions/dates/partition_dates.sql; what changes here must change there. The values of one level have
one form by then (`rule.order`). They are read together, by regular expressions over all of them, because the macro
would take seconds for one after the other. What is read are the digits that a value begins with, and what follows; a
prefix without a digit is left out (`dt20251022`).

Plausible years are 1900 to 2100; later ones are sentinels, as 9999. A level holds dates when one of its values begins
with a plausible year, or is a date of a later one. Then all must be dates, of whatever year:

- 8 digits are yyyymmdd; 10, 12, 14 and 17 digits have a time of day after it.
- `0000-00-00`, or with `/`, `.`, `_` or a space, is a day, whatever follows; `0000-00` is a month.
- 6 digits are yyyymm. Where all make sense as yymmdd alone, they are that, and so is `00-00-00`.
- 4 digits are a year, and so is what begins with four otherwise (`2025-W43`, `2025295`). One or two digits in the
  levels after a year are the month and the day: of two levels the second is a month when its column's name says so
  (mes, month), of more when nothing speaks against it. A level of months may have one of days after it.

Names with the day or the month first (ddmmyyyy, mmddyyyy, `00/00/0000`, mmyyyy, ddmmyy) do not sort by time and are
refused, and so are columns from the finest to the coarsest. Digits with no such reading are numbers: 00000123,
10000001, the seconds since 1970.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from publisher.errors import SourceNotReady
from publisher.partitions.date_forms import DAY, MONTH, ONE_OR_TWO, Reading, date_pattern, month_pattern, read_level

_KINDS = ("", "years", "months", "days")
# What a level after a year is, where the name of its column tells.
_OTHER_NAME = "^[hqstw]|sem|tri|qua|week|hor|hour"
_MONTH_NAME = "^m|mes|month"
_DAY_NAME = "^d|dia|day"

HOW_TO_GO_ON = (
    "Narrow partition_value_pattern so that it leaves them out, drop them, or pin a partition with the setting "
    "pinned_partition."
)


@dataclass(frozen=True)
class Dates:
    """The dates of partitions, in the partitions' order.

    Attributes:
        kind: What the names hold: days, months or years; empty when it is no date.
        texts: What the dates are read from.
        start: The first level that holds a part of the date.
    """

    kind: str
    texts: tuple[str, ...]
    start: int

    def day(self, number: int) -> date | None:
        """Returns a partition's day, a month's or a year's first one; None when the names hold no date."""
        if not self.kind:
            return None
        digits = re.sub("[^0-9]", "", self.texts[number])
        month = 1 if self.kind == "years" else int(digits[4:6])
        return date(int(digits[:4]), month, int(digits[6:8]) if self.kind == "days" else 1)


def read_dates(levels: Sequence[Sequence[str]], forms: Sequence[str], columns: Sequence[str], table: str) -> Dates:
    """Reads the dates of partitions, as fine as they are.

    Args:
        levels: The values of each level, all levels in the partitions' order.
        forms: The one form of each level.
        columns: The columns of the levels.
        table: The table, for messages.

    Raises:
        SourceNotReady: Some names look like dates and are none, or are written so that they do not sort by time.
    """
    found = Dates("", (), 0)
    number = 0
    while number < len(levels) and found.kind != "days":
        reading, texts = read_level(levels[number], forms[number], is_alone=len(levels) == 1)
        _require_dates(reading, texts, levels, table)
        is_last = number == len(levels) - 1
        if reading.kind in ("years", "months") and is_last and set(forms[:number]) == {ONE_OR_TWO}:
            raise SourceNotReady(
                f"The partition columns of {table}, {', '.join(columns)}, go from the finest to the coarsest.",
                "Set partition_columns from the coarsest to the finest: ano,mes,dia.",
            )
        kind, start = reading.kind, number
        number += 1
        if (
            kind == "years"
            and re.fullmatch("[^0]*0000", forms[start])
            and _is_of_months(levels, forms, columns, number)
        ):
            kind, texts = "months", _joined(texts, levels[number])
            number += 1
        if kind == "months" and _is_of_days(levels, forms, columns, number):
            texts = _joined([re.sub("[^0-9]", "", text)[:6] for text in texts], levels[number])
            kind = "days"
            number += 1
        if number > start + 1:
            _require_dates(
                Reading(kind, date_pattern("") if kind == "days" else month_pattern("")), texts, levels, table
            )
        if _KINDS.index(kind) > _KINDS.index(found.kind):
            texts = [reading.century + text for text in texts]
            found = Dates(kind, tuple(texts), found.start if found.kind else start)
    return found


def _is_of_months(levels: Sequence[Sequence[str]], forms: Sequence[str], columns: Sequence[str], number: int) -> bool:
    if number >= len(levels) or forms[number] != ONE_OR_TWO or re.search(_OTHER_NAME, columns[number]):
        return False
    if re.search(_MONTH_NAME, columns[number]):
        return True
    is_plain = not re.search(_DAY_NAME, columns[number]) and len(levels) > 2
    return is_plain and all(re.fullmatch(MONTH, value.rjust(2, "0")) for value in set(levels[number]))


def _is_of_days(levels: Sequence[Sequence[str]], forms: Sequence[str], columns: Sequence[str], number: int) -> bool:
    if number >= len(levels) or forms[number] != ONE_OR_TWO or re.search(_OTHER_NAME, columns[number]):
        return False
    is_named = re.search(_DAY_NAME, columns[number]) is not None
    return is_named or all(re.fullmatch(DAY, value.rjust(2, "0")) for value in set(levels[number]))


def _joined(texts: Sequence[str], values: Sequence[str]) -> list[str]:
    return [text + value.rjust(2, "0") for text, value in zip(texts, values, strict=True)]


def _require_dates(reading: Reading, texts: Sequence[str], levels: Sequence[Sequence[str]], table: str) -> None:
    """Refuses what looks like a date and is none, or is written so that it does not sort by time."""
    text = "\n".join(texts)
    if reading.right and not re.search(f"(?m)^(?!{reading.right})", text):
        return
    if reading.first and re.search(f"(?m)^(?:{reading.first})", text):
        words = "do not sort by time, because the day or the month comes first"
        wrong = [number for number, text in enumerate(texts) if re.match(reading.first, text)]
    elif reading.right:
        words = "look like dates and are none"
        wrong = [number for number, text in enumerate(texts) if not re.match(reading.right, text)]
    else:
        return
    example = "/".join(level[wrong[0]] for level in levels)
    raise SourceNotReady(
        f"{table} has partitions that {words}: {len(wrong)} of {len(texts)}, such as {example}.", HOW_TO_GO_ON
    )
