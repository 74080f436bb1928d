"""What must not be shown of a text that is not ours."""

from __future__ import annotations

import re
from operator import mul

# What stands before the @ of an address. A password with a slash in it is no valid address, and is typed all the same.
_USER_AND_PASSWORD = re.compile(r"(?<=//)(?:[^\s/@:]*:[^\s@]*|[^\s/@]+)@")
# Eleven digits, grouped as people write a CPF or not at all, with or without the zeros that table B writes before them.
_ELEVEN_DIGITS = re.compile(r"(?<![0-9])0{0,3}([0-9]{3}[. ]?[0-9]{3}[. ]?[0-9]{3}[-. ]?[0-9]{2})(?![0-9])")
_ZERO = ord("0")
_FIRST_WEIGHTS = tuple(range(10, 1, -1))
_SECOND_WEIGHTS = tuple(range(11, 1, -1))


def without_passwords(text: str) -> str:
    """Returns a text without the users and passwords of its addresses: `http://***@host`."""
    return _USER_AND_PASSWORD.sub("***@", text)


def shown(text: str) -> str:
    """Returns a text as it may stand on a terminal, in a log or in a notice: one line, control characters escaped.

    What comes from the store or a table was written by anybody: a line break would forge a line, an escape sequence
    would clear the screen.
    """
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def without_documents(text: str) -> str:
    """Returns a text without the CPFs that somebody wrote into it, such as into the reason of a hold."""

    def masked(found: re.Match[str]) -> str:
        return "***" if is_document(re.sub("[^0-9]", "", found[1]).encode()) else found[0]

    return _ELEVEN_DIGITS.sub(masked, text)


def is_document(text: bytes) -> bool:
    """Whether eleven digits, with or without a mask, are a CPF as they are issued.

    Its last two digits are check digits, each the weighted sum of those before it, times ten, modulo 11, where 10
    counts as 0. Those of eleven equal digits are valid too, but none is issued.
    """
    digits = [byte - _ZERO for byte in text if byte >= _ZERO]
    return (
        sum(map(mul, _FIRST_WEIGHTS, digits)) * 10 % 11 % 10 == digits[9]
        and sum(map(mul, _SECOND_WEIGHTS, digits)) * 10 % 11 % 10 == digits[10]
        and len(set(digits)) > 1
    )
