"""A store that is running already, to be held to the contract in the place of the tests' own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from demo.seaweedfs import Endpoint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_VARIABLE = "STORE_OF_THE_CONTRACT"


@dataclass(frozen=True)
class GivenStore(Endpoint):
    """A store, and how its buckets are made.

    Attributes:
        has_object_lock: Whether they are made with S3 Object Lock, and so with versions.
    """

    has_object_lock: bool = False

    def client(self, *, attempts: int = 3) -> S3Client:
        client = super().client(attempts=attempts)
        if self.has_object_lock:
            client.meta.events.register("provide-client-params.s3.CreateBucket", _lock)
        return client

    def named(self) -> Mapping[str, str]:
        """Returns the variable that names this store to a run of the tests."""
        return {_VARIABLE: json.dumps(asdict(self))}


def given() -> GivenStore | None:
    """Returns the store that the environment names; None where it names none."""
    said = os.environ.get(_VARIABLE)
    return GivenStore(**json.loads(said)) if said else None


def _lock(params: dict[str, Any], **_: object) -> None:
    params["ObjectLockEnabledForBucket"] = True
