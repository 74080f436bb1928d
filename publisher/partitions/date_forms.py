"""How the values of one level are read as dates; the rule is told in `dates`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# The form of a level of one or two digits.
ONE_OR_TWO = "0"
_SEPARATORS = "-./_ "
_PLAUSIBLE = "(?:19[0-9]{2}|20[0-9]{2}|2100)"
_LATER = "(?=210[1-9]|21[1-9][0-9]|2[2-9][0-9]{2}|[3-9][0-9]{3})"
_END = "(?![0-9])"
# The time of day after the date, by the number of digits.
_CLOCKS = {
    8: "",
    10: "(?:[01][0-9]|2[0-3])",
    12: "(?:[01][0-9]|2[0-3])[0-5][0-9]",
    14: "(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]",
    17: "(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9][0-9]{3}",
}
# The same after a sign.
_BAD_CLOCK = "(?:[T ]|[-_](?=[0-9]{2}:))(?:2[4-9]|[3-9][0-9]|[0-9]{2}:?[6-9]|[0-9]{2}:?[0-9]{2}:?[6-9])"
_NO_BAD_CLOCK = f"(?!{_BAD_CLOCK})"
_DAY_OF_YEAR = f"[0-9]{{4}}(?:00[1-9]|0[1-9][0-9]|[12][0-9]{{2}}|3[0-5][0-9]|36[0-6]){_END}"


@dataclass(frozen=True)
class _Level:
    """What a level is read from: its values without what all begin with, one a line, and their form."""

    text: str
    form: str

    def any(self, pattern: str) -> bool:
        return re.search(f"(?m)^(?:{pattern})", self.text) is not None

    def all(self, pattern: str) -> bool:
        return re.search(f"(?m)^(?!{pattern})", self.text) is None


@dataclass(frozen=True)
class Reading:
    """How a level is read.

    Attributes:
        kind: As in `Dates`; empty when it holds no date.
        right: What each of its dates must match.
        first: What is written with the day or the month first, and so refused.
        century: What is missing before each date.
    """

    kind: str = ""
    right: str = ""
    first: str = ""
    century: str = ""


def read_level(values: Sequence[str], form: str, *, is_alone: bool) -> tuple[Reading, list[str]]:
    """Returns how a level is read, and from which texts.

    Args:
        values: The level's values.
        form: Their form.
        is_alone: It is the only level.
    """
    prefix = form.find("0")
    if prefix < 0 or form == ONE_OR_TWO:
        return Reading(), []
    texts = [value[prefix:] for value in values]
    form = form[prefix:]
    level = _Level("\n".join(texts), form)
    run = len(form) - len(form.lstrip("0"))
    if run in _CLOCKS:
        return _read_compact(level, run), texts
    if run == 4:
        return _read_year_first(level, is_alone=is_alone), texts
    if run == 6:
        return _read_six_digits(level), texts
    if run <= 2:
        return _read_separated(level, form[run : run + 1]), texts
    is_day = run > 8 and level.any(_PLAUSIBLE) and level.all(date_pattern(""))
    if is_day:
        return Reading("days", date_pattern("")), texts
    is_day_of_year = run == 7 and level.any(_PLAUSIBLE) and level.all(_DAY_OF_YEAR)
    return Reading("years" if is_day_of_year else "", "[0-9]"), texts


def _read_compact(level: _Level, run: int) -> Reading:
    right = f"{date_pattern('')}{_CLOCKS[run]}{_END}{_NO_BAD_CLOCK}"
    first = f"{_first('')}{_CLOCKS[run]}{_END}"
    if level.any(_PLAUSIBLE) or level.any(_LATER + right):
        return Reading("days", right, first)
    # Ten digits and more may be seconds, which look like such a date now and then.
    is_first = level.any(first) if run == 8 else level.all(first)
    return Reading(first=first if is_first else "")


def _read_year_first(level: _Level, *, is_alone: bool) -> Reading:
    separator = level.form[4:5]
    is_separated = separator != "" and separator in _SEPARATORS
    right = date_pattern(f"[{separator}]") + _NO_BAD_CLOCK
    if is_separated and level.form.startswith(f"0000{separator}00{separator}00"):
        is_date = level.any(_PLAUSIBLE) or level.any(_LATER + right)
        return Reading("days", right) if is_date else Reading()
    right = month_pattern(f"[{separator}]")
    if is_separated and re.match("0000.00(?!0)", level.form):
        is_date = level.any(_PLAUSIBLE) or level.any(_LATER + right)
        return Reading("months", right) if is_date else Reading()
    is_year = level.any(_PLAUSIBLE) or (level.any(_LATER) and not (is_alone and level.form == "0000"))
    return Reading("years", "(?!0000)[0-9]") if is_year else Reading()


def _read_six_digits(level: _Level) -> Reading:
    right, first = month_pattern("") + _END, _month_first("")
    is_month, is_short = level.all(right), level.all(_short("") + _END)
    if level.any(_PLAUSIBLE) and (is_month or not is_short):
        return Reading("months", right, first)
    if level.any(first):
        return Reading(first=first)
    short = _read_short(level, "")
    return Reading("months", right) if is_month and not short.kind and not short.first else short


def _read_separated(level: _Level, separator: str) -> Reading:
    if separator == "" or separator not in _SEPARATORS:
        return Reading()
    sign = f"[{separator}]"
    for first in (_first(sign) + _END, _month_first(sign)):
        if level.any(first):
            return Reading(first=first)
    return _read_short(level, sign) if re.match(f"00{sign}00{sign}00(?!0)", level.form) else Reading()


def _read_short(level: _Level, sign: str) -> Reading:
    """Reads years of two digits. Where either end may be the day, it is the one that has more values."""
    right, day_first = _short(sign) + _END, f"{DAY}{sign}{MONTH}{sign}[0-9]{{2}}{_END}"
    month_first = f"{MONTH}{sign}{DAY}{sign}[0-9]{{2}}{_END}"
    if level.all(right):
        firsts = set(re.findall("(?m)^[0-9]{2}", level.text))
        lasts = set(re.findall(f"(?m)^[0-9]{{2}}{sign}[0-9]{{2}}{sign}([0-9]{{2}})", level.text))
        if level.all(day_first) and len(firsts) > len(lasts):
            return Reading(first=day_first)
        return Reading("days", right, century="20")
    if level.all(day_first):
        return Reading(first=day_first)
    return Reading(first=month_first if level.all(month_first) else "")


# Days and months, as parts of a regular expression. A sign is what stands between them, or nothing.

DAY, MONTH = "(?:0[1-9]|[12][0-9]|3[01])", "(?:0[1-9]|1[0-2])"


def date_pattern(sign: str) -> str:
    """Returns what matches a day of the calendar, the year first, with a sign or nothing between its parts."""
    days = (
        f"(?:0[13578]|1[02]){sign}(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11){sign}(?:0[1-9]|[12][0-9]|30)"
        f"|02{sign}(?:0[1-9]|1[0-9]|2[0-8])"
    )
    leap_year = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
    return f"(?:(?!0000)(?:[0-9]{{4}}{sign}(?:{days})|{leap_year}{sign}02{sign}29))"


def month_pattern(sign: str) -> str:
    """Returns what matches a year and a month."""
    return f"(?:(?!0000)[0-9]{{4}}{sign}{MONTH})"


def _short(sign: str) -> str:
    """A date whose year has two digits; of 2000 to 2099."""
    days = (
        f"(?:0[13578]|1[02]){sign}(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11){sign}(?:0[1-9]|[12][0-9]|30)"
        f"|02{sign}(?:0[1-9]|1[0-9]|2[0-8])"
    )
    return f"(?:[0-9]{{2}}{sign}(?:{days})|(?:[02468][048]|[13579][26]){sign}02{sign}29)"


def _first(sign: str) -> str:
    """A date with the day, or the month, before the year."""
    day, month = (DAY, MONTH) if not sign else (DAY.replace("0[", "0?["), MONTH.replace("0[", "0?["))
    return f"(?:(?:{day}{sign}{month}|{month}{sign}{day}){sign}{_PLAUSIBLE})"


def _month_first(sign: str) -> str:
    month = MONTH if not sign else MONTH.replace("0[", "0?[")
    return f"(?:{month}{sign}{_PLAUSIBLE}{_END})"
