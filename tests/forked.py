"""dbt and the publisher as processes of their own, forked from one that has imported them already.

What a test starts this way has its own environment, folder, arguments and output, as any process, and nothing of an
earlier one's state. What it does not do is to import and prepare what every dbt imports and prepares before it looks at
a project: that takes up to nine seconds of processor time, more than most of what the tests let it do. Tests about the
start itself (what is imported, signals, a terminal, missing packages), and one build on each target, run the real
program.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from demo import children
from tests import one_loader, repeated_dbt

PROJECT = Path(__file__).resolve().parent.parent
_MESSAGE_BYTES = 1 << 18
_START_SECONDS = 300  # only a test that fails anyway waits so long
_BIN = Path(sys.executable).parent
# Read when the interpreter starts, so that a fork would be without them.
OF_INTERPRETER = ("PYTHON", "LC_", "LANG")


class ForkServer:
    """A process that forks itself into a program whenever it is asked to. It is started when it is first used."""

    def __init__(self, name: str) -> None:
        """Names what it prepares: `dbt` or `publisher`."""
        self._name = name
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def run(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path = PROJECT,
        *,
        function: str = "",
        timeout: float = 900,
    ) -> subprocess.CompletedProcess[str]:
        """Runs the program to its end, with nothing on its stdin; as `subprocess.run` with captured text.

        Args:
            arguments: What stands behind the program's name.
            environment: All of it.
            folder: Where it runs.
            function: `module:function` that runs in the place of the program's.
            timeout: After so many seconds it is killed.

        Raises:
            subprocess.TimeoutExpired: It was.
        """
        asked = json.dumps([list(arguments), dict(environment), str(folder), function]).encode()
        ours, theirs = socket.socketpair()
        # Files and not pipes: what it leaves running may keep them open.
        with ours, tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            with theirs, Path(os.devnull).open() as nothing:
                handed_over = [nothing.fileno(), output.fileno(), errors.fileno(), theirs.fileno()]
                with self._lock:
                    socket.send_fds(self._started(environment), [asked], handed_over)
            told = ours.makefile()
            ours.settimeout(_START_SECONDS)
            pid = told.readline()
            assert pid, "the process that forks has ended; what it said is on stderr"
            ours.settimeout(timeout)
            try:
                code = int(told.readline())
            except TimeoutError:
                os.kill(int(pid), signal.SIGKILL)
                raise subprocess.TimeoutExpired([self._name, *arguments], timeout) from None
            output.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess([self._name, *arguments], code, output.read(), errors.read())

    def _started(self, environment: Mapping[str, str]) -> socket.socket:
        wanted, given = ({name: value for name, value in each.items() if name.startswith(OF_INTERPRETER)}
                         for each in (environment, os.environ))  # fmt: skip
        assert wanted == given, "a fork cannot have another of these than the tests: start the real program"
        if self._control is None:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = children.start(
                    [sys.executable, "-m", "tests.forked", self._name, str(theirs.fileno())],
                    cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
                )  # fmt: skip
            atexit.register(self._stop)
        return self._control

    def _stop(self) -> None:
        if self._control is not None and self._process is not None:
            self._control.close()
            self._process.wait()


dbt = ForkServer("dbt")
publisher = ForkServer("publisher")


# In the server.

_FUNCTIONS = {"dbt": "dbt.cli.main:cli", "publisher": "publisher.cli:main"}  # of the installed scripts
_WARM_PROJECT = {
    "dbt_project.yml": f"""
name: nobodys
profile: nobodys
macro-paths: [{PROJECT / "macros"}]
on-run-start: select 1
flags: {{send_anonymous_usage_stats: false}}
""",
    "profiles.yml": """
nobodys:
  outputs:
    duckdb: {type: duckdb, schema: s}
    spark: {type: spark, method: session, host: localhost, schema: s}
    glue: {type: glue, role_arn: "arn:aws:iam::123456789012:role/r", region: us-east-1, location: "s3://b/t",
           schema: s, workers: 2, worker_type: G.1X}
""",
    "models/one.sql": "{{ config(materialized='table', contract={'enforced': true}) }} select 1 as id",
    "models/two.sql": "select id from {{ ref('one') }} join {{ source('lake', 'raw') }} using (id)",
    "models/models.yml": """
sources: [{name: lake, tables: [{name: raw, columns: [{name: id}]}]}]
models:
  - {name: one, description: d, columns: [{name: id, data_type: integer, data_tests: [unique, not_null]}]}
  - {name: two, description: d, meta: {a: b}}
unit_tests:
  - {name: u, model: two, given: [{input: ref('one'), rows: [{id: 1}]}, {input: "source('lake', 'raw')", rows: []}],
     expect: {rows: []}}
exposures: [{name: e, type: application, owner: {email: a@b.c}, depends_on: [ref('two')]}]
""",
    "tests/none.sql": "select * from {{ ref('two') }}",
}


def _prepare_dbt() -> None:
    """Imports dbt and its adapters, and lets them parse a project of nobody's.

    dbt builds its validators and serializers when it first needs them. The plugin does nothing for that project, so
    what it changes in dbt it has still to change in each fork. The static parser starts threads, which no fork would
    have.
    """
    repeated_dbt.prepare()
    for module in ("boto3", "duckdb", "pyarrow.parquet", "dbt.adapters.spark", "dbt.adapters.glue"):
        importlib.import_module(module)
    from dbt.cli.main import dbtRunner

    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        for name, content in _WARM_PROJECT.items():
            file = Path(folder, name)
            file.parent.mkdir(exist_ok=True)
            file.write_text(content)
        for target in ("glue", "spark", "duckdb"):
            places = ("--project-dir", folder, "--profiles-dir", folder, "--log-path", folder, "--target", target)
            ended = dbtRunner().invoke(["--no-static-parser", "parse", "--quiet", *places])
            assert ended.success, ended.exception
    os.chdir(here)


def _prepare_publisher() -> None:
    lake = ("pyarrow.parquet", "pyiceberg.table", "publisher.lake.glue")
    flows = ("publisher.cli", "publisher.doctor", "publisher.publish", "tests.publisher.crash.child")
    for module in ("boto3", "isal.igzip", *lake, *flows):
        importlib.import_module(module)


def _serve(name: str, control: socket.socket) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of Ctrl-C the tests tell by closing
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    one_loader.share()
    one_loader.read("s3", "glue")
    _prepare_dbt() if name == "dbt" else _prepare_publisher()
    assert threading.active_count() == 1, "a fork has one thread"
    gc.collect()
    gc.freeze()
    while True:
        asked, descriptors, _, _ = socket.recv_fds(control, _MESSAGE_BYTES, 4)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not asked:
            return
        server = os.getpid()
        if os.fork() == 0:
            children.end_with(server)
            control.close()
            _supervise(name, asked, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _supervise(name: str, asked: bytes, descriptors: Sequence[int]) -> None:
    """Forks once more, into the program, and tells how that ends; returns in the program alone."""
    *standard, reply = descriptors
    supervisor = os.getpid()
    pid = os.fork()
    if pid == 0:
        children.end_with(supervisor)
        os.close(reply)
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
            os.close(descriptor)
        _become(name, *json.loads(asked))
    os.write(reply, f"{pid}\n".encode())
    os.write(reply, f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
    os._exit(0)


def _become(name: str, arguments: list[str], environment: dict[str, str], folder: str, function: str) -> NoReturn:
    """Is the program from here on, with what a process of its own would have."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [str(_BIN / name), *arguments]
    sys.path[0] = str(_BIN)
    module, _, called = (function or _FUNCTIONS[name]).partition(":")
    code: object = 0
    try:
        code = getattr(importlib.import_module(module), called)()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 -- as the interpreter itself does
        sys.excepthook(*sys.exc_info())
        code = 1
    _end(code if isinstance(code, int) else int(code is not None))


def _end(code: int) -> NoReturn:
    """Ends as the interpreter does, but for taking apart what was imported."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
    _end(0)
