"""What the tests of the flows are given."""

from __future__ import annotations

import pytest

from tests.publisher.publishing import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()
