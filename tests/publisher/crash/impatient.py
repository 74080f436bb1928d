"""A client whose patience ends when the proxy tells it that a request hangs.

A short time-out would do the same on a quiet machine. On a busy one it also strikes requests that nothing was done to,
and then a test meets faults that nobody injected. So no clock decides here: the client waits as long as it takes, and
sees its time-out as soon as nothing more can come.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool
from botocore.config import Config
from urllib3.util import wait_for_read

from demo.seaweedfs import Endpoint
from tests.publisher.crash.fault_proxy import FaultProxy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ATTEMPTS = 2
# Only a test that fails anyway waits so long.
_PATIENCE_SECONDS = 120
_LOOK_EVERY_SECONDS = 0.05

_making_clients = threading.Lock()


def impatient_client(
    endpoint: Endpoint, proxy: FaultProxy, attempts: int = ATTEMPTS, *, is_payload_signed: bool = True
) -> S3Client:
    """Returns a client like the publisher's own, but for its patience and the number of its attempts.

    Args:
        endpoint: The store, for its credentials.
        proxy: What stands before it.
        attempts: How often a request is sent at most.
        is_payload_signed: Without, as over HTTPS, nothing but a checksum tells a store what was damaged.
    """
    config = Config(
        connect_timeout=_PATIENCE_SECONDS,
        read_timeout=_PATIENCE_SECONDS,
        retries={"mode": "standard", "total_max_attempts": attempts},
        s3={"payload_signing_enabled": is_payload_signed},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    with _making_clients:  # boto3 is not made for several at once
        client = boto3.client(
            "s3",
            endpoint_url=proxy.url,
            aws_access_key_id=endpoint.access_key,
            aws_secret_access_key=endpoint.secret_key,
            region_name="us-east-1",
            config=config,
        )
    # As botocore gives its own classes to urllib3; neither has a public way.
    manager: Any = client._endpoint.http_session._manager
    manager.pool_classes_by_scheme = {"http": _pool_class(proxy)}
    return client


def _pool_class(proxy: FaultProxy) -> type[AWSHTTPConnectionPool]:
    class ImpatientConnection(AWSHTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _ImpatientSocket(super()._new_conn(), proxy)

    class ImpatientPool(AWSHTTPConnectionPool):
        ConnectionCls = ImpatientConnection

    return ImpatientPool


class _ImpatientSocket(socket.socket):
    """A connection to a proxy whose reads time out when the proxy is through with it."""

    def __init__(self, connected: socket.socket, proxy: FaultProxy) -> None:
        """Takes a connection over."""
        timeout = connected.gettimeout()
        super().__init__(fileno=connected.detach())
        self.settimeout(timeout)
        self._proxy = proxy

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        end = time.monotonic() + _PATIENCE_SECONDS
        is_over = False
        while not wait_for_read(self, _LOOK_EVERY_SECONDS):
            if is_over or time.monotonic() > end:
                raise TimeoutError("timed out")
            # One look more: what was sent before the proxy began to hang is still read.
            is_over = self._proxy.is_hanging(self.getsockname())
        return super().recv_into(*args, **kwargs)
