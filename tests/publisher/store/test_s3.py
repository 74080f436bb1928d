"""Answers that are none of the store's: of a gateway, or of another service behind the address."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import pytest

from demo.seaweedfs import Endpoint
from publisher.errors import StoreFailed
from publisher.store.s3 import S3Store
from tests.conftest import Bucket
from tests.publisher.crash import fault_proxy
from tests.publisher.crash.fault_proxy import answers_with_a_page

CONTENT = b"abc"
CALLS: dict[str, Callable[[S3Store], object]] = {
    "list": lambda store: list(store.list("stage/")),
    "create": lambda store: store.create("key", io.BytesIO(CONTENT), hashlib.sha256(CONTENT).hexdigest(), {}),
}


@pytest.mark.parametrize(
    ("name", "status"), [("list", "404 Not Found"), ("list", "412 Precondition Failed"), ("create", "404 Not Found")]
)
def test_a_page_where_nothing_can_be_missing_or_unmet_is_a_failure(name: str, status: str, bucket: Bucket) -> None:
    with fault_proxy.running(bucket.endpoint.url) as proxy:
        proxy.inject(answers_with_a_page(status))
        endpoint = Endpoint(proxy.url, bucket.endpoint.access_key, bucket.endpoint.secret_key)
        with pytest.raises(StoreFailed, match=status[:3]):
            CALLS[name](S3Store(bucket.name, client=endpoint.client(attempts=1)))
