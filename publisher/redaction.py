"""What must not be shown of a text that is not ours."""

from __future__ import annotations

import re

# What stands before the @ of an address. A password with a slash in it is no valid address, and is typed all the same.
_USER_AND_PASSWORD = re.compile(r"(?<=//)(?:[^\s/@:]*:[^\s@]*|[^\s/@]+)@")


def without_passwords(text: str) -> str:
    """Returns a text without the users and passwords of its addresses: `http://***@host`."""
    return _USER_AND_PASSWORD.sub("***@", text)


def shown(text: str) -> str:
    """Returns a text as it may stand on a terminal, in a log or in a notice: one line, control characters escaped.

    What comes from the store or a table was written by anybody: a line break would forge a line, an escape sequence
    would clear the screen.
    """
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
