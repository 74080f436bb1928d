"""What must not be shown of a text that is not ours."""

from __future__ import annotations

import re

# What stands before the @ of an address. A password with a slash in it is no valid address, and is typed all the same.
_USER_AND_PASSWORD = re.compile(r"(?<=//)(?:[^\s/@:]*:[^\s@]*|[^\s/@]+)@")


def without_passwords(text: str) -> str:
    """Returns a text without the users and passwords of its addresses: `http://***@host`."""
    return _USER_AND_PASSWORD.sub("***@", text)
