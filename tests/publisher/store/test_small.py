"""Small objects, whose content is read whichever version it is."""

from __future__ import annotations

import hashlib
import io

import pytest

from publisher.errors import StoreFailed
from publisher.store.s3 import S3Store
from tests.conftest import Bucket
from tests.publisher.crash import fault_proxy
from tests.publisher.crash.fault_proxy import Exchange
from tests.publisher.crash.impatient import impatient_client


def written(bucket: Bucket, content: bytes) -> None:
    bucket.store.create("note.json", io.BytesIO(content), hashlib.sha256(content).hexdigest(), {})


def test_it_is_read_as_far_as_it_is_small(any_bucket: Bucket) -> None:
    written(any_bucket, b"0123456789")
    assert any_bucket.store.read_small("note.json", 100) == b"0123456789"
    assert any_bucket.store.read_small("note.json", 4) == b"0123"
    assert any_bucket.store.read_small("other.json", 4) is None


@pytest.mark.parametrize("fault", [fault_proxy.resets_amid_the_answer, fault_proxy.cuts_the_answer])
@pytest.mark.parametrize("key", ["note.json", "other.json"])
def test_one_that_breaks_off_is_asked_for_again(fault: fault_proxy.Fault, key: str, bucket: Bucket) -> None:
    written(bucket, b"0123456789")
    with fault_proxy.running(bucket.endpoint.url) as proxy:
        store = S3Store(bucket.name, client=impatient_client(bucket.endpoint, proxy), wait=lambda _: None)
        proxy.inject(fault, lambda request: request.method == "GET", first=1, last=1)
        assert store.read_small(key, 100) == (b"0123456789" if key == "note.json" else None)
        proxy.inject(fault, lambda request: request.method == "GET")
        with pytest.raises(StoreFailed):
            store.read_small("note.json", 100)


def test_a_page_of_a_gateway_is_no_object_and_no_absence(bucket: Bucket) -> None:
    written(bucket, b"0123456789")

    def page(exchange: Exchange) -> None:
        exchange.forward()
        exchange.refuse("404 Not Found", b"<html>not here</html>")

    with fault_proxy.running(bucket.endpoint.url) as proxy:
        store = S3Store(bucket.name, client=impatient_client(bucket.endpoint, proxy), wait=lambda _: None)
        proxy.inject(fault_proxy.answers_with_a_page("200 OK"), lambda request: request.method == "GET")
        with pytest.raises(StoreFailed):
            store.read_small("note.json", 100)
        proxy.inject(page, lambda request: request.method == "GET")
        with pytest.raises(StoreFailed, match=r"finds note\.json, and does not"):
            store.read_small("note.json", 100)
