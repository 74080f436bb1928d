"""An AWS of moto's for one test, or one module of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto import mock_aws
from moto.moto_api._internal import moto_api_backend


@contextmanager
def running(**config: Any) -> Iterator[None]:
    """Runs one with nothing in it.

    moto empties itself where it is entered for the first time. But the strict store of moto's may be there already, for
    all tests of a worker, and then what the test before it made would still be there.
    """
    with mock_aws(config=config):
        moto_api_backend.reset()
        yield
