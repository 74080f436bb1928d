"""What all AWS clients of the publisher share: how they are set up, and what their error codes ask a person to do."""

from __future__ import annotations

import os
import time
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from publisher.errors import StoreFailed, UsageError

# What to do about a code of a service, or an exception of botocore, by its name.
CREDENTIAL_HINTS = {
    **dict.fromkeys(
        # 400: what is left of the others where an answer has no body to tell, as a HEAD's.
        (
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidToken",
            "InvalidSignatureException",
            "InvalidClientTokenId",
            "TokenRefreshRequired",
            "UnrecognizedClientException",
            "400",
        ),
        "These credentials are not accepted: renew them, or check AWS_ACCESS_KEY_ID and AWS_PROFILE.",
    ),
    **dict.fromkeys(
        ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"),
        "No usable credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role.",
    ),
    "NoRegionError": "Set AWS_REGION (or AWS_DEFAULT_REGION, or a region in the AWS profile).",
}


def client(service: str, endpoint_url: str | None = None) -> Any:
    """Returns a boto3 client. Credentials, region and endpoint are found as boto3 finds them; retries are bounded.

    Raises:
        UsageError: The endpoint is not a URL, or no region is set.
        StoreFailed: boto3's own configuration cannot be used.
    """
    config = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 5},
        # The publisher gives the store a SHA-256 of its own and recomputes what it reads: no second checksum.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        # boto3 itself knows AWS_DEFAULT_REGION only; the target `glue` and AWS's other SDKs take AWS_REGION first.
        region = os.environ.get("AWS_REGION") or None
        return boto3.client(service, region_name=region, endpoint_url=endpoint_url, config=config)
    except ValueError as error:
        raise UsageError(
            f"The endpoint {endpoint_url!r} is not a URL.", "Give it as http://host:port or https://host."
        ) from error
    except BotoCoreError as error:
        name = type(error).__name__
        if name in CREDENTIAL_HINTS:
            raise UsageError(f"boto3 cannot be set up: {name}.", CREDENTIAL_HINTS[name]) from error
        raise StoreFailed(
            f"boto3 cannot be set up: {name}.", "Check AWS_PROFILE, AWS_REGION and ~/.aws/config."
        ) from error


def code(error: Exception) -> str:
    """Returns a service's error code; the HTTP status where the answer is not the service's, such as a gateway's page.

    For an exception that is not a service's answer, its kind. Never the text: it may quote a request.
    """
    if not isinstance(error, ClientError):
        return type(error).__name__
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "unknown")
    return str(error.response.get("Error", {}).get("Code") or status)


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
