"""Lets all AWS sessions of a process share what botocore reads from its own files.

Each test has sessions of its own, so that none finds credentials of another's. With each, botocore would parse S3's
model, the rules of its endpoints and the list of all partitions anew: a sixth of a second, more than most tests take.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.loaders import Loader, create_loader


class _Paths(list[str]):
    """Where botocore looks for models. boto3 adds its own folder with each session."""

    def append(self, path: str) -> None:
        if path not in self:
            super().append(path)


@cache
def _shared(search_path: str | None) -> Loader:
    loader: Any = create_loader(search_path)
    loader._search_paths = _Paths(loader.search_paths)
    loader.search_paths.append(str(Path(boto3.__file__).parent / "data"))
    return loader


def share() -> None:
    """Does so from here on."""
    botocore.session.create_loader = _shared


def read(*services: str) -> None:
    """Reads what a client of each service needs, so that what is forked from here finds it read."""
    for service in services:
        session = botocore.session.Session()
        session.set_credentials("nobody", "nothing")
        session.create_client(service, region_name="us-east-1")
