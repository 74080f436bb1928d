"""How a client of AWS is set up: one session, bounded retries, and what can be told to be wrong before a request."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.utils import is_valid_uri

from publisher.addresses import split_url, warn_of_plain_http
from publisher.aws.credentials import Credentials
from publisher.aws.failures import cannot_be_set_up
from publisher.errors import Misconfigured, StoreFailed
from publisher.redaction import without_passwords

_REDIRECTS = (301, 302, 307)


@dataclass(frozen=True)
class Patience:
    """How long a service is waited for.

    Attributes:
        connect_seconds: Until it takes a connection.
        read_seconds: Until it goes on with an answer.
        attempts: How often a request is sent at most.
    """

    connect_seconds: float = 10
    read_seconds: float = 60
    attempts: int = 5


def client(
    service: str,
    endpoint_url: str | None = None,
    *,
    region: str | None = None,
    patience: Patience = Patience(),
) -> Any:
    """Returns a client. Credentials, region and endpoint are found as boto3 finds them; retries are bounded.

    An endpoint that is asked without encryption, and is not on this machine, is warned about.

    Args:
        service: As boto3 calls it.
        endpoint_url: Where it is; None for what boto3 finds.
        region: Likewise.
        patience: How long it is waited for.

    Raises:
        Misconfigured: The endpoint is not a URL, or what boto3 finds cannot be used.
        StoreFailed: The credentials could not be fetched.
    """
    if endpoint_url is not None:
        _require_url(endpoint_url)
    config = Config(
        connect_timeout=patience.connect_seconds,
        read_timeout=patience.read_seconds,
        retries={"mode": "standard", "total_max_attempts": patience.attempts},
        # The publisher gives the store a SHA-256 of its own and recomputes what it reads: no second checksum.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        _require_certificates(_session().get_config_variable("ca_bundle"))
        made = _session().create_client(service, region, endpoint_url=endpoint_url, config=config)
    except (BotoCoreError, ValueError, OSError) as error:
        raise cannot_be_set_up(error) from error
    if service == "s3":
        made.meta.events.register_first("needs-retry.s3.HeadBucket", _end_redirects)
    warn_of_plain_http(made.meta.endpoint_url)
    return made


def forget_session() -> None:
    """Lets the next client find its credentials and settings anew."""
    _session.cache_clear()


@cache
def _session() -> botocore.session.Session:
    """Returns the one session of this process: credentials are found, and a code for them asked for, once.

    Not boto3's: that is one of these with resources and transfers around it, of which nothing is needed here, and which
    take longer to import than everything else that a request needs.
    """
    made = botocore.session.Session()
    # boto3 itself knows AWS_DEFAULT_REGION only; the target `glue` and AWS's other SDKs take AWS_REGION first. For the
    # whole session, because a role is asked for by a client, too.
    if region := os.environ.get("AWS_REGION"):
        made.set_config_variable("region", region)
    made.register_component("credential_provider", Credentials(made.get_component("credential_provider")))
    _know_services(made.get_component("data_loader"))
    return made


def _know_services(loader: Any) -> None:
    """Tells botocore which services there are by the names of their folders.

    It would look into each of those four hundred folders instead, three times for a client, to see whether the one that
    is asked for exists: a tenth of what a small publish takes.
    """
    folders = [Path(path) for path in loader.search_paths]
    names = sorted({entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir()})

    def list_available_services(type_name: str) -> list[str]:  # noqa: ARG001 -- called by this name, too
        return names

    loader.list_available_services = list_available_services


def _require_url(endpoint_url: str) -> None:
    parts = split_url(endpoint_url)
    if parts is None or parts.scheme not in ("http", "https") or not is_valid_uri(endpoint_url):
        raise Misconfigured(
            f"The endpoint {without_passwords(endpoint_url)!r} is not a URL.",
            "Give it as http://host:port or https://host.",
        )


def _require_certificates(path: str | None) -> None:
    if path and not Path(path).exists():
        raise Misconfigured(
            f"The certificates {path} do not exist.",
            "Correct AWS_CA_BUNDLE (or ca_bundle in the AWS profile), or leave it out.",
        )


def _end_redirects(request_dict: dict[str, Any], response: tuple[Any, dict[str, Any]] | None, **_: Any) -> None:
    """Lets a redirect that names no region be an answer.

    botocore asks the bucket for its region whenever it is redirected, also when it was redirected while it asked that,
    until Python's stack is full.
    """
    if response is None or response[0] is None or response[0].status_code not in _REDIRECTS:
        return
    if "x-amz-bucket-region" not in response[1].get("ResponseMetadata", {}).get("HTTPHeaders", {}):
        request_dict["context"].setdefault("s3_redirect", {})["redirected"] = True


class Deadline:
    """Until when requests may be sent. One that is under way is ended by its own time-outs."""

    def __init__(self, seconds: float | None) -> None:
        """Begins now.

        Args:
            seconds: From now on so long; None for no end.
        """
        self._seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    def require_time(self, doing: str) -> None:
        """Returns while there is time left.

        Args:
            doing: What is about to be done, for the message.

        Raises:
            StoreFailed: The deadline has passed.
        """
        if self._end is not None and time.monotonic() > self._end:
            raise StoreFailed(
                f"The deadline of {self._seconds:g} s for all requests passed before {doing}.",
                "The store or the network is slow: raise --deadline, or run again when it is not; active is whole.",
            )
