"""What went wrong between here and AWS, as a sentence and an advice: the one translation for all services.

What differs between the destination, tables in S3 and the Glue catalog is a `Service`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from publisher.aws.causes import (
    BUSY,
    DENIED,
    LOCKED,
    NO_ADDRESS,
    REDIRECTED,
    SKEWED,
    Cause,
    cause_of_code,
    cause_of_exception,
)
from publisher.errors import Misconfigured, StoreFailed

# What is raised, by botocore too, over an answer that was cut off, or that something else than the service gave.
_UNREADABLE = (KeyError, ValueError, TypeError, AttributeError, ResponseParserError)
# What is tried again before it is raised: by botocore, or, where a body breaks off, by whoever reads it.
_TRIED_AGAIN = (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.IncompleteReadError)
# Everything that asking a service may raise.
FAILURES = (ClientError, BotoCoreError, *_UNREADABLE)

# What of a service's own text is told: the action that is denied, and by which kind of policy. Nothing else fits these.
_ACTION = re.compile(r"\b(?:s3|kms|glue|sts|lakeformation|cloudwatch|sns):[A-Z][A-Za-z]{2,60}\b")
_BY_POLICY = re.compile(r"explicit deny in an? ((?:[a-zA-Z]+[- ]){1,4}policy)")
_LOCK = re.compile(r"object lock|WORM protected", re.IGNORECASE)  # with a blank, as no name of a role has
# Whatever answers may put anything there.
_MOST_OF_A_CODE = 80
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}")
_CLOCK = re.compile(r"Signature expired|Signature not yet current", re.IGNORECASE)


@dataclass(frozen=True)
class Service:
    """What is told of one service that is asked.

    Attributes:
        name: How a sentence calls it.
        of: What its codes are documented for.
        rights: For each request, what to grant when it is denied.
        grant: What to say of rights beyond their names; follows them.
        checks: What to look at when it cannot be reached, or keeps failing.
        hints: What to do about codes that mean something particular here.
    """

    name: str
    of: str
    rights: Mapping[str, str]
    grant: str
    checks: str
    hints: Mapping[str, str] = field(default_factory=dict)


def code(error: Exception) -> str:
    """Returns a service's error code; the HTTP status where the answer is not the service's, such as a gateway's page.

    For an exception that is not a service's answer, its kind. Never the text: it may quote a request.
    """
    if isinstance(error, ClientError):
        told = error.response.get("Error", {}).get("Code") or _metadata(error).get("HTTPStatusCode", "unknown")
        return str(told)[:_MOST_OF_A_CODE]
    return type(error).__name__ if isinstance(error, BotoCoreError) else "unreadable answer"


def is_answer(error: Exception) -> bool:
    """Whether a service, or what stands before it, answered at all."""
    return isinstance(error, ClientError)


def is_refusal(error: Exception) -> bool:
    """Whether a service answered that it will not do it, and not that something went wrong while it did."""
    return isinstance(error, ClientError) and 400 <= _status(error) < 500


def is_unexplained(error: Exception) -> bool:
    """Whether a service refused without a body that says why, as it does to a HEAD."""
    found = code(error)
    return isinstance(error, ClientError) and found.isdigit() and found[0] in "34" and found not in ("404", "412")


def is_passing(error: Exception) -> bool:
    """Whether it may pass by itself: nobody answered, or something that is overloaded."""
    if isinstance(error, ClientError):
        found = cause_of_code(code(error))
        return found is BUSY or _status(error) >= 500
    return cause_of_exception(type(error)) is BUSY


def told_at(error: Exception) -> datetime | None:
    """Returns what the clock of whoever answered showed; None where it did not tell."""
    return date_of(_metadata(error)) if isinstance(error, ClientError) else None


def date_of(metadata: Mapping[str, Any]) -> datetime | None:
    """Returns the Date of an answer; None where it has none.

    Args:
        metadata: botocore's `ResponseMetadata`.
    """
    try:
        return parsedate_to_datetime(metadata.get("HTTPHeaders", {})["date"]).astimezone(timezone.utc)
    except (KeyError, ValueError, TypeError):
        return None


def failure(error: Exception, service: Service, doing: str, where: str = "") -> StoreFailed:
    """Returns what a failure means for a person. The service's own text is kept out: it may quote a request.

    Args:
        error: One of `FAILURES`.
        service: What was asked.
        doing: What for, as `reading s3://…`.
        where: Where it was asked, as ` in eu-west-1`; begins with a space.
    """
    found, cause = code(error), _cause(error, service)
    if cause is None:  # of no service that we know, or newer than this: told as it is
        status = f" ({error.operation_name}, HTTP {_status(error)})" if isinstance(error, ClientError) else ""
        cause = Cause(f"Look up what {found} means in the documentation of {service.of}.")
        told = f"{found}{status}"
    else:
        told = f"{found}, {cause.means}" if cause.means else found
    checks = f"Retries are spent. {service.checks}" if _was_tried_again(error) else service.checks
    kind = Misconfigured if cause.is_configuration else StoreFailed
    failed = kind(f"{service.name} failed while {doing}{where}: {told}.", cause.hint or checks)
    failed.is_denied = found in DENIED
    return failed


def cannot_be_set_up(error: Exception) -> Misconfigured:
    """Returns what to do about a client that boto3 does not make of its settings."""
    if str(error).startswith("Invalid endpoint"):
        return Misconfigured(
            "The endpoint that AWS_ENDPOINT_URL, one of its kind, or the AWS profile names is not a URL.",
            "Give it as http://host:port or https://host.",
        )
    cause = cause_of_exception(type(error)) or Cause(
        "Check AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL and the other variables of AWS, and ~/.aws/config."
    )
    means = f", {cause.means}" if cause.means else ""
    return Misconfigured(f"boto3 cannot be set up: {type(error).__name__}{means}.", cause.hint)


def _cause(error: Exception, service: Service) -> Cause | None:
    found = code(error)
    if found in service.hints:
        return Cause(service.hints[found])
    if isinstance(error, ClientError):
        if found in DENIED:
            return _denial(error, service)
        if found in REDIRECTED:
            return _redirect(error)
        if found in SKEWED or _CLOCK.search(_text(error)):
            return _skew(error)
        return cause_of_code(found)
    if isinstance(error, exceptions.SSLError) and "WRONG_VERSION_NUMBER" in str(error):
        return Cause("The endpoint answers without TLS: give it as http://.", is_configuration=True)
    if isinstance(getattr(error, "kwargs", {}).get("error"), ValueError):
        return NO_ADDRESS
    return cause_of_exception(type(error)) if isinstance(error, BotoCoreError) else BUSY


def _denial(error: ClientError, service: Service) -> Cause:
    """Says what was denied, as far as the service tells, and what the request takes."""
    text = _text(error)
    if _LOCK.search(text):
        return LOCKED
    action, policy = _ACTION.search(text), _BY_POLICY.search(text)
    by = f"by an explicit deny in a {policy[1]}" if policy else ""
    means = " ".join(part for part in (action[0] if action else "", by) if part)
    if policy:
        return Cause(f"A {policy[1]} forbids it, whatever is granted: ask whoever wrote that.", means)
    if action and action[0].startswith("kms:"):
        return Cause(f"Grant these credentials {action[0]} on the key (deploy/policies/optional-kms-*.json).", means)
    rights = service.rights.get(error.operation_name)
    return Cause(f"{f'Grant these credentials {rights}. ' if rights else ''}{service.grant}", means)


def _redirect(error: ClientError) -> Cause:
    """Says where to, as far as the answer tells."""
    known = cause_of_code("PermanentRedirect") or BUSY
    headers = _metadata(error).get("HTTPHeaders", {})
    if str(headers.get("location", "")).lower().startswith("https://"):
        return replace(known, hint="The endpoint wants TLS: give it with https://.", means="it sends on to https")
    told = [str(headers.get("x-amz-bucket-region")), str(error.response.get("Error", {}).get("Region"))]
    region = next(filter(_REGION.fullmatch, told), None)
    if region:
        return replace(known, hint=f"Set AWS_REGION to {region}.", means=f"the bucket is in {region}")
    return known


def _skew(error: ClientError) -> Cause:
    """Says how far the clocks are apart."""
    known, theirs = cause_of_code("RequestTimeTooSkewed") or BUSY, told_at(error)
    if theirs is None:
        return known
    apart = abs((datetime.now(timezone.utc) - theirs).total_seconds())
    return replace(known, means=f"the clocks differ by {apart:,.0f} s")


def _was_tried_again(error: Exception) -> bool:
    if isinstance(error, ClientError):
        return _metadata(error).get("RetryAttempts", 0) > 0
    return isinstance(error, _TRIED_AGAIN)


def _metadata(error: ClientError) -> Mapping[str, Any]:
    return error.response.get("ResponseMetadata", {})


def _status(error: ClientError) -> int:
    return int(_metadata(error).get("HTTPStatusCode", 0))


def _text(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", ""))
