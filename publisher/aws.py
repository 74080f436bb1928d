"""What all AWS clients share: how they are set up, and the one translation of what goes wrong into what to do.

An answer of S3 or Glue, or an exception of botocore, becomes a code (`code`), and a code becomes a sentence and an
advice (`failure`). What differs between the destination, tables in S3 and the Glue catalog is a `Service`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from publisher.errors import StoreFailed, UsageError

# What is raised, by botocore too, over an answer that was cut off, or that something else than the service gave.
_UNREADABLE = (KeyError, ValueError, TypeError, AttributeError)
# What is tried again before it is raised: by botocore, or, where a body breaks off, by whoever reads it.
_TRIED_AGAIN = (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.IncompleteReadError)
# Everything that asking a service may raise.
FAILURES = (ClientError, BotoCoreError, *_UNREADABLE)

MISSING = frozenset({"NoSuchKey", "NotFound", "404"})
CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
DAMAGED = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "InvalidDigest"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403", "AllAccessDisabled", "AccountProblem"})
_CREDENTIAL_HINTS = {
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
# What to do about a code, whichever service it is of; a service's own advice wins.
_HINTS = {
    **_CREDENTIAL_HINTS,
    **dict.fromkeys(
        ("ThrottlingException", "Throttling", "RequestLimitExceeded", "ConcurrentModificationException"),
        "boto3 tried five times already: run again later, less often, or ask AWS for a higher limit.",
    ),
    "NotImplemented": "The store lacks this part of S3: `publisher doctor` tells what it can do. Use another store.",
    "NoSuchUpload": "Somebody, or a lifecycle rule of the bucket, ended the multipart upload. Run again.",
    "PermanentRedirect": "The bucket is in another region: set AWS_REGION to it.",
    "GlueEncryptionException": "The catalog is encrypted: grant kms:Decrypt on its key.",
}


@dataclass(frozen=True)
class Service:
    """What is told of one service that is asked.

    Attributes:
        name: How a sentence calls it.
        rights: What to grant when it denies something.
        checks: What to look at when it cannot be reached, or keeps failing.
        hints: What to do about codes that mean something particular here.
    """

    name: str
    rights: str
    checks: str
    hints: Mapping[str, str] = field(default_factory=dict)


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
        if name in _CREDENTIAL_HINTS:
            raise UsageError(f"boto3 cannot be set up: {name}.", _CREDENTIAL_HINTS[name]) from error
        raise StoreFailed(
            f"boto3 cannot be set up: {name}.", "Check AWS_PROFILE, AWS_REGION and ~/.aws/config."
        ) from error


def code(error: Exception) -> str:
    """Returns a service's error code; the HTTP status where the answer is not the service's, such as a gateway's page.

    For an exception that is not a service's answer, its kind. Never the text: it may quote a request.
    """
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "unknown")
        return str(error.response.get("Error", {}).get("Code") or status)
    return type(error).__name__ if isinstance(error, BotoCoreError) else "unreadable answer"


def is_answer(error: Exception) -> bool:
    """Whether a service, or what stands before it, answered at all."""
    return isinstance(error, ClientError)


def is_refusal(error: Exception) -> bool:
    """Whether a service answered that it will not do it, and not that something went wrong while it did."""
    if not isinstance(error, ClientError):
        return False
    return 400 <= error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) < 500


def failure(error: Exception, service: Service, doing: str, where: str = "") -> StoreFailed:
    """Returns what a failure means for a person. The service's own text is kept out: it may quote a request.

    Args:
        error: One of `FAILURES`.
        service: What was asked.
        doing: What for, as `reading s3://…`.
        where: Where it was asked, as ` in eu-west-1`; begins with a space.
    """
    found = code(error)
    hint = service.hints.get(found) or (service.rights if found in _DENIED else _HINTS.get(found))
    checks = f"Retries are spent. {service.checks}" if _was_tried_again(error) else service.checks
    failed = StoreFailed(f"{service.name} failed while {doing}{where}: {found}.", hint or checks)
    failed.is_denied = found in _DENIED
    return failed


def _was_tried_again(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0
    return isinstance(error, _TRIED_AGAIN)


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
