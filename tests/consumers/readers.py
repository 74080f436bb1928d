"""The three readers as something that can be called: the Python one, the shell one, and the Java one in one JVM."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import children
from demo.seaweedfs import Endpoint
from docs.consumers import pull
from tests.conftest import PROJECT, Bucket
from tests.glue.jars import jars_or_skip

READERS = PROJECT / "docs/consumers"
JAVA = READERS / "java"
SOURCES = JAVA / "src/main/java/matchedids"


@dataclass(frozen=True)
class Ended:
    """A reader that is over: what its exit code was, and all that it said."""

    code: int
    said: str


# Reads the file below a prefix of a bucket to a target, with further options.
Reader = Callable[[Bucket, str, Path, Sequence[str]], Ended]


def read_in_python(bucket: Bucket, prefix: str, target: Path, options: Sequence[str]) -> Ended:
    with pytest.MonkeyPatch.context() as patch, _captured() as said:
        for name, value in bucket.endpoint.environment().items():
            patch.setenv(name, value)
        code = pull.main([*options, f"s3://{bucket.name}/{prefix}", str(target)])
    return Ended(code, "".join(said))


@contextmanager
def _captured() -> Iterator[list[str]]:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pull, "print", lambda text, **_: said.append(f"{text}\n"), raising=False)
        yield said


def read_in_shell(bucket: Bucket, prefix: str, target: Path, options: Sequence[str]) -> Ended:
    if shutil.which("aws") is None:
        pytest.skip("the reader in shell asks the store by the AWS CLI, and there is no `aws`")
    ended = subprocess.run(
        [READERS / "read.sh", *options, bucket.name, f"{prefix}/active/latest.txt.gz", target],
        env={**os.environ, **bucket.endpoint.environment()}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return Ended(ended.returncode, ended.stdout + ended.stderr)


class JavaReader:
    """The Java reader, compiled by `javac` against the pinned jars, for as many runs as are wanted."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, bucket: Bucket, prefix: str, target: Path, options: Sequence[str]) -> Ended:
        said = self._ask(*options, bucket.name, f"{prefix}/active/latest.txt.gz", str(target))
        while not (code := re.search(r"^exit (\d)$", said, re.MULTILINE)):
            said += self._line()
        return Ended(int(code[1]), said[: code.start()])

    def is_older(self, partition: str, than: str) -> bool:
        return self._ask("isOlder", partition, than) == "true\n"

    def _ask(self, *arguments: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join(arguments) + "\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the JVM ended with {self._process.wait()}"
        return line


@contextmanager
def java_reader(endpoint: Endpoint, folder: Path) -> Iterator[JavaReader]:
    """Compiles the reader and runs it until the block is left; skips where there is no JDK."""
    javac, java = shutil.which("javac"), shutil.which("java")
    if javac is None or java is None:
        pytest.skip("the reader in Java is compiled, and there is no `javac`")
    jars = os.pathsep.join(map(str, jars_or_skip(JAVA)))
    sources = [*sorted(SOURCES.glob("*.java")), Path(__file__).parent / "java/matchedids/Repeatedly.java"]
    # A warning is an error, as it is for Python.
    subprocess.run(
        [javac, "--release", "17", "-Xlint:all,-serial", "-Werror", "-cp", jars, "-d", folder, *sources],
        check=True,
        timeout=300,
    )
    process = children.start(
        [java, "-XX:TieredStopAtLevel=1", "-cp", os.pathsep.join([str(folder), jars]), "matchedids.Repeatedly"],
        env={**os.environ, **endpoint.environment(), "AWS_REGION": "us-east-1"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with process:
        yield JavaReader(process)
        assert process.stdin is not None
        process.stdin.close()
