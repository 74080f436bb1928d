"""moto with the strictness put in front of it that S3 has and moto lacks.

moto 5.2 ignores conditions on a copy, If-Match when a multipart upload is completed, and wrong checksums, so a
promotion against it alone would prove nothing. This front answers such requests itself, as S3 does, and lets one
request through at a time: moto is not made for several.
moto runs in this process and not as a server: its server drops headers with an underscore, and so our metadata.
"""

from __future__ import annotations

import base64
import hashlib
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from moto import mock_aws
from moto.core.models import botocore_stubber
from moto.s3.exceptions import S3ClientError
from moto.s3.models import s3_backends

from demo.seaweedfs import Endpoint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ACCOUNT = "123456789012"
_lock = threading.Lock()


@dataclass(frozen=True)
class StrictMoto(Endpoint):
    """Gives clients that talk to moto through the front."""

    def client(self, *, attempts: int = 1) -> S3Client:
        client = boto3.client(
            "s3",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": attempts}),
        )
        # botocore runs all handlers and takes the first answer: moto's own must not see what the front refuses.
        client.meta.events.unregister("before-send", botocore_stubber)
        client.meta.events.register("before-send", _answer)
        return client


@contextmanager
def running() -> Iterator[Endpoint]:
    """Runs moto for S3 in this process until the block is left; requests to other addresses go through."""
    with mock_aws():
        yield StrictMoto("https://s3.amazonaws.com", "testing", "testing")


def _answer(event_name: str, request: AWSPreparedRequest, **_: object) -> AWSResponse:
    with _lock:
        refusal = _refusal(request) if request.method in ("PUT", "POST") else None
        if refusal is None:
            return botocore_stubber(event_name, request)
    status, code = refusal
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>strict</Message></Error>".encode()
    return AWSResponse(request.url, status, HTTPHeaders(), _Raw(body))


class _Raw(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def _refusal(request: AWSPreparedRequest) -> tuple[int, str] | None:
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    body: Any = request.body
    sent = headers.get("x-amz-checksum-sha256")
    if sent is not None:
        begin = body.tell()
        received = base64.b64encode(hashlib.sha256(body.read()).digest()).decode()
        body.seek(begin)
        if received != sent:
            return 400, "BadDigest"
    if "x-amz-copy-source" in headers:
        source = _etag(unquote(headers["x-amz-copy-source"]))
        if headers.get("x-amz-copy-source-if-match", source) != source:
            return 412, "PreconditionFailed"
    elif request.method == "PUT":
        return None  # moto looks at the conditions of these itself
    present = _etag(unquote(urlsplit(request.url).path))
    if headers.get("if-none-match") == "*" and present is not None:
        return 412, "PreconditionFailed"
    expected = headers.get("if-match")
    if expected is not None and present is None:
        return 404, "NoSuchKey"
    if expected is not None and expected != present:
        return 412, "PreconditionFailed"
    return None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _etag(path: str) -> str | None:
    bucket, _, key = path.lstrip("/").partition("/")
    try:
        found = s3_backends[_ACCOUNT]["aws"].get_object(bucket, key)
    except S3ClientError:
        return None
    return found.etag if found else None
