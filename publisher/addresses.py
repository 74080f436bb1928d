"""Addresses of services that a person names: whether one is a URL, and what may be told of it."""

from __future__ import annotations

import ipaddress
import logging
import re
from functools import cache
from urllib.parse import SplitResult, urlsplit

_LOG = logging.getLogger(__name__)
_OF_THE_WEB = re.compile(r"\b(https?://)(?:[^\s/?#@]*@)?([^\s/?#]+)[^\s'\"]*", re.IGNORECASE)


def split_url(url: str) -> SplitResult | None:
    """Returns the parts of a URL; None where it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # is checked when it is read
    except ValueError:
        return None
    return parts


def warn_of_plain_http(url: str) -> None:
    """Warns, once, of what is asked without encryption and is not on this machine."""
    parts = split_url(url)
    if parts is not None and parts.scheme == "http" and not _is_this_machine(parts.hostname or ""):
        _warn_once(f"{parts.hostname} is asked over plain http: whoever is in between can read and change what is sent")


def without_paths(text: str) -> str:
    """Returns a text whose addresses of the web end with their hosts: a webhook's path is its password."""
    return _OF_THE_WEB.sub(r"\1\2", text)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@cache
def _warn_once(text: str) -> None:
    _LOG.warning(text)
