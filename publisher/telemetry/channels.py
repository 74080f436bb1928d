"""Where to: the namespace of metrics, the targets of notices, the endpoint of lineage, each checked when it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from publisher.addresses import split_url, warn_of_plain_http
from publisher.errors import UsageError

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
_NAMESPACE = re.compile(r"(?!AWS/)[A-Za-z0-9._/#-][A-Za-z0-9._/#: -]{0,254}")
_TOPIC = re.compile(r"arn:(?:aws[a-z-]*):sns:([a-z0-9-]+):[0-9]{12}:([A-Za-z0-9_-]{1,256})")


@dataclass(frozen=True)
class Topic:
    """A topic of SNS.

    Attributes:
        arn: Its full name.
        region: Where it is, which need not be where everything else is.
        name: The last part of it.
    """

    arn: str
    region: str
    name: str

    def __str__(self) -> str:
        return f"the topic {self.name}"


@dataclass(frozen=True)
class Webhook:
    """An address that takes a POST. Its path is a password as a rule, and is shown nowhere."""

    url: str

    def __str__(self) -> str:
        parts = split_url(self.url)
        host = parts.hostname if parts else None
        return host or "the webhook"


Target = Topic | Webhook


def require_namespace(text: str) -> str:
    """Returns a namespace that CloudWatch takes.

    Raises:
        UsageError: It is none.
    """
    if not _NAMESPACE.fullmatch(text) or not text.strip():
        raise UsageError(
            "--metrics-namespace is not a namespace that CloudWatch takes.",
            "Give up to 255 letters, digits and . _ / # : -, not beginning with a colon or AWS/: MatchedIds.",
        )
    return text


def parse_target(text: str, option: str = "--notify") -> Target:
    """Reads one value of an option. What cannot be read is not quoted: it may be a password.

    Args:
        text: The value.
        option: Which option's.

    Raises:
        UsageError: It is neither a topic nor an address.
    """
    topic = _TOPIC.fullmatch(text)
    if topic:
        return Topic(text, topic[1], topic[2])
    if _is_address(text):
        warn_of_plain_http(text)
        return Webhook(text)
    variable = f"PUBLISHER_{option.lstrip('-').replace('-', '_').upper()}"
    what = "is a FIFO topic, which no e-mail and no pager can subscribe to" if text.endswith(".fifo") else "is neither"
    raise UsageError(
        f"A target of {option} ({variable}) {what}{'' if text.endswith('.fifo') else ' a topic nor an address'}.",
        "Give the ARN of a standard SNS topic, arn:aws:sns:region:account:name, or the https:// address of a webhook.",
    )


def require_address(text: str) -> str:
    """Returns the address of an OpenLineage endpoint.

    Raises:
        UsageError: It is none.
    """
    if not _is_address(text):
        raise UsageError(
            "--openlineage-url (PUBLISHER_OPENLINEAGE_URL, OPENLINEAGE_URL) is not a URL.",
            "Give it as https://host or http://host:port.",
        )
    warn_of_plain_http(text)
    return text


def _is_address(text: str) -> bool:
    parts = split_url(text)
    is_one_word = text.isascii() and text.isprintable() and " " not in text
    return is_one_word and parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
