"""Sends what others are told, side by side, and is done in seconds whatever they do."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from publisher import __version__
from publisher.aws import clients, failures
from publisher.errors import PublisherError, StoreFailed
from publisher.telemetry.channels import Target, Topic, Webhook
from publisher.telemetry.notices import Notice

_PATIENCE = clients.Patience(connect_seconds=2, read_seconds=3, attempts=2)
_PAUSE_SECONDS = 0.3
_AGAIN = (408, 425, 429)
_NETWORK = "and the network; the publish is not concerned."
_CLOUDWATCH = failures.Service(
    name="CloudWatch",
    of="CloudWatch",
    rights={"PutMetricData": "cloudwatch:PutMetricData in this namespace (deploy/policies/optional-metrics.json)"},
    grant="",
    checks=f"Check the region, AWS_ENDPOINT_URL_CLOUDWATCH {_NETWORK}",
)
_SNS = failures.Service(
    name="SNS",
    of="SNS",
    rights={"Publish": "sns:Publish on the topic (deploy/policies/optional-notices.json)"},
    grant="Where a key of yours encrypts the topic, also kms:GenerateDataKey and kms:Decrypt on it.",
    checks=f"Check AWS_ENDPOINT_URL_SNS {_NETWORK}",
    hints={"NotFound": "There is no such topic: correct its ARN."},
)
# boto3's session makes one client at a time.
_making = threading.Lock()


@dataclass(frozen=True)
class Delivery:
    """One thing that is to be sent.

    Attributes:
        what: It, and to whom, for a warning.
        send: Sends it, or raises a `PublisherError`.
    """

    what: str
    send: Callable[[], None]


def deliver(deliveries: Sequence[Delivery], seconds: float) -> list[str]:
    """Sends everything, and returns a warning for each that could not be; raises nothing.

    Args:
        deliveries: What to send.
        seconds: So long in all. What is not over then goes on in a thread that nobody waits for.
    """
    said: list[str | None] = [f"{one.what} could not be sent within {seconds:g} s" for one in deliveries]

    def send(number: int, one: Delivery) -> None:
        try:
            one.send()
            said[number] = None
        except PublisherError as error:
            said[number] = f"{one.what} could not be sent: {error.message} {error.hint}"
        except Exception as error:  # noqa: BLE001 -- whatever it is, it stops nothing; its text may hold an address
            said[number] = f"{one.what} could not be sent: {type(error).__name__}"

    threads = [threading.Thread(target=send, args=pair, daemon=True) for pair in enumerate(deliveries)]
    end = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))
    return [warning for warning in list(said) if warning is not None]


def metrics_to_cloudwatch(namespace: str, data: Sequence[Mapping[str, Any]]) -> Delivery:
    """Returns how metrics are sent by PutMetricData.

    Args:
        namespace: Of the metrics.
        data: As PutMetricData takes them, a thousand at most.
    """

    def send() -> None:
        try:
            _client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)
        except failures.FAILURES as error:
            raise failures.failure(error, _CLOUDWATCH, "taking them") from error

    return Delivery("the metrics", send)


def notice_to_topic(topic: Topic, notice: Notice) -> Delivery:
    """Returns how a notice is published to a topic; its attributes are for a subscription's filter."""
    told = {name: notice.fields.get(name) for name in ("event", "destination", "guard")}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items() if value}

    def send() -> None:
        try:
            _client("sns", topic.region).publish(
                TopicArn=topic.arn, Subject=notice.subject, Message=notice.text, MessageAttributes=attributes
            )
        except failures.FAILURES as error:
            raise failures.failure(error, _SNS, "taking it") from error

    return Delivery(f"the notice to {topic}", send)


def notice_to_webhook(webhook: Webhook, notice: Notice) -> Delivery:
    """Returns how a notice is posted as JSON."""
    return Delivery(f"the notice to {webhook}", lambda: _post(webhook, notice.fields))


def notice_to_all(targets: Sequence[Target], notice: Notice) -> list[Delivery]:
    """Returns how a notice is sent to each of its targets."""
    return [
        notice_to_topic(target, notice) if isinstance(target, Topic) else notice_to_webhook(target, notice)
        for target in targets
    ]


def lineage_to(endpoint: Webhook, event: Mapping[str, Any], api_key: str | None) -> Delivery:
    """Returns how an event of OpenLineage is posted.

    Args:
        endpoint: The whole address.
        event: The event.
        api_key: Is sent as a bearer's token, where there is one.
    """
    return Delivery(f"the lineage to {endpoint}", lambda: _post(endpoint, event, api_key))


def _client(service: str, region: str | None = None) -> Any:
    with _making:
        return clients.client(service, region=region, patience=_PATIENCE)


class _NoRedirects(HTTPRedirectHandler):
    """Lets a redirect be an answer: what is sent is meant for the address that was given, and for no other."""

    def redirect_request(self, *_: Any) -> None:
        """Returns no request."""


def _post(webhook: Webhook, body: Mapping[str, Any], token: str | None = None) -> None:
    """Posts an object as JSON, at most twice.

    Raises:
        StoreFailed: It was not taken.
    """
    request = _request(webhook.url, json.dumps(body).encode(), token)
    opener = build_opener(_NoRedirects)
    for attempt in range(1, _PATIENCE.attempts + 1):
        failure = _try(opener, request)
        if failure is None:
            return
        if attempt == _PATIENCE.attempts or not failure.is_passing:
            raise StoreFailed(failure.message, failure.hint)
        time.sleep(_PAUSE_SECONDS)


@dataclass(frozen=True)
class _Failure:
    message: str
    hint: str
    is_passing: bool


def _try(opener: Any, request: Request) -> _Failure | None:
    """Posts once. An answer's text is kept out: it may quote the request."""
    try:
        opener.open(request, timeout=_PATIENCE.read_seconds).close()
    except HTTPError as answer:
        answer.close()
        if 300 <= answer.code < 400:
            return _Failure(f"HTTP {answer.code}, it sends on.", "Give the address that it leads to.", False)
        is_passing = answer.code >= 500 or answer.code in _AGAIN
        return _Failure(f"HTTP {answer.code}.", "Look up what it means there; check the address.", is_passing)
    except (OSError, ValueError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLError):
            hint = "Its certificate is not accepted: SSL_CERT_FILE names a company's own."
            return _Failure("no TLS.", hint, False)
        return _Failure(f"no answer ({type(reason).__name__}).", "Check the address, proxy and network.", True)
    return None


def _request(url: str, body: bytes, token: str | None) -> Request:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    headers = {"Content-Type": "application/json", "User-Agent": f"matched-ids-publisher/{__version__}"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    whole = parts._replace(netloc=host, fragment="").geturl()
    return Request(whole, body, headers, method="POST")  # noqa: S310 -- http and https alone get here: `channels`
