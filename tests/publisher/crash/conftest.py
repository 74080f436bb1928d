"""What processes that get into each other's way share."""

from __future__ import annotations

import pytest

from demo.seaweedfs import Endpoint
from tests.conftest import Bucket, new_bucket


@pytest.fixture(scope="module")
def shared_bucket(seaweed: Endpoint) -> Bucket:
    return new_bucket(seaweed)
