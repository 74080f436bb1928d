"""Runs the Glue job as Glue does: its package in an environment of Glue's modules, started by spark-submit."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark

from demo import children
from deploy.glue import package
from tests.conftest import PROJECT
from tests.deploy.stack import Stack
from tests.glue.catalog import REGION
from tests.glue.conftest import GlueLake
from tests.glue.spark import Surroundings
from tests.glue.standin import MIRROR

_UV = Path(sys.executable).with_name("uv")
PYTHON = "3.11"
_RUN_SECONDS = 900


class NoPackage(Exception):
    """A module cannot be had here; says why."""


@dataclass(frozen=True)
class Ended:
    """A run of the job that is over.

    Attributes:
        error: The exception's type, or None.
        text: What Glue would show as the run's error message.
        is_chained: Whether a traceback would show what it was raised for.
        has_begun_spark: Whether there is a Spark, of this run or one before it in the same process.
        statements: The SQL that the job gave to Spark.
        log: What it printed.
    """

    error: str | None
    text: str
    is_chained: bool
    has_begun_spark: bool
    statements: tuple[str, ...]
    log: str


def has_python() -> bool:
    """Whether there is the Python of Glue; nobody may be made to have a second one."""
    found = subprocess.run(
        [str(_UV), "python", "find", "--no-python-downloads", PYTHON], capture_output=True, check=False
    )
    return found.returncode == 0


def make_packages(folder: Path) -> dict[str, Path]:
    """Makes the package for every version of Glue, and returns their folders.

    Raises:
        NoPackage: That is not possible here.
    """
    work = folder / "work"
    work.mkdir()
    try:
        wheels = package.fetch(package.VERSIONS, work)
    except package.PackageFailed as failure:
        raise NoPackage(str(failure)) from None
    return {version: package.make(version, wheels, folder / version).parent for version in package.VERSIONS}


def make_environment(version: str, made: Path, folder: Path) -> Path:
    """Makes what a worker of Glue has, and installs the package there without network; returns its Python.

    Raises:
        NoPackage: Glue's own modules cannot be had.
    """
    python = folder / "bin" / "python"
    install = [str(_UV), "pip", "install", "--quiet", "--python", str(python)]
    listed = PROJECT / "deploy" / "glue" / f"glue-{version}.txt"
    _do([str(_UV), "venv", "--quiet", "--no-python-downloads", "--python", PYTHON, str(folder)])
    _do([*install, "--system-certs", "--no-deps", "--requirement", str(listed)])
    with zipfile.ZipFile(made / package.ARCHIVE) as archive:
        archive.extractall(folder)
    # As the job's arguments say it, and Glue does.
    options = json.loads((made / "default_arguments.json").read_text())["--python-modules-installer-option"].split()
    assert "--no-index" in options
    wheels = folder / "wheels"
    _do([*install, *options, "--find-links", str(wheels), "--requirement", str(wheels / "requirements.txt")])
    shutil.rmtree(wheels)
    return python


def _do(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise NoPackage((ended.stderr.strip().splitlines() or [f"{command[1]} ended with {ended.returncode}"])[-1])


def arguments_of(lake: GlueLake, bucket: str, prefix: str = "ids/") -> dict[str, str]:
    """Returns the job's arguments as the CloudFormation template gives them, for tables of a lake and a destination."""
    stack = Stack(
        {
            "PublishBucket": bucket, "PublishPrefix": prefix, "RawBucket": lake.bucket.name,
            "RawPrefix": f"{lake.raw}/", "RawSchema": lake.raw, "LakeBucket": lake.bucket.name,
            "LakePrefix": "tables/", "Schema": lake.schema, "PackageBucket": "packages",
        }
    )  # fmt: skip
    return {**stack.resources["Job"]["DefaultArguments"], "--AWS_REGION": REGION}


def submit(
    python: Path,
    made: Path,
    lake: GlueLake,
    surroundings: Surroundings,
    given: Mapping[str, str],
    runs: Sequence[Mapping[str, str | None]],
    folder: Path,
    conf: str | None = None,
) -> list[Ended]:
    """Runs the job, several times in one process where that is enough.

    Args:
        python: Of the environment.
        made: The package.
        lake: Where the raw tables are.
        surroundings: What Spark finds around it.
        given: The job's default arguments.
        runs: The arguments of each run, over the defaults; None takes one away.
        folder: An empty one.
        conf: The value of `--conf`; without it, that of the default arguments.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arguments = [
        {**given, "--JOB_NAME": "matched-ids", "--JOB_RUN_ID": f"jr_{number}", **run} for number, run in enumerate(runs)
    ]
    told: dict[str, Any] = {
        "mirror": f"{surroundings.glue_url}{MIRROR}",
        "script": str(made / "job.py"),
        "folder": str(folder),
        "runs": [
            [word for name, value in one.items() if value is not None for word in (name, value)] for one in arguments
        ],
    }
    (folder / "told.json").write_text(json.dumps(told))
    settings = surroundings.settings(given["--conf"] if conf is None else conf)
    java = settings.get("spark.driver.extraJavaOptions", "")
    settings["spark.driver.extraJavaOptions"] = f"{java} -Dderby.system.home={folder / 'metastore'}".strip()
    settings["spark.sql.warehouse.dir"] = str(folder / "warehouse")
    home = Path(pyspark.__file__).parent
    environment = {
        **lake.stand_in.environment(),
        **surroundings.environment(),
        "SPARK_HOME": str(home),
        "PYSPARK_PYTHON": str(python),
        "PYSPARK_DRIVER_PYTHON": str(python),
        # No path leads to this checkout: the package is all that the job has of it.
        "PYTHONSAFEPATH": "1",
    }
    del environment["PYTHONPATH"]
    service = Path(__file__).with_name("service.py")
    for needed in (service, service.with_name("mirror.py")):
        shutil.copy(needed, folder)
    ended = subprocess.run(
        children.bound([
            str(home / "bin" / "spark-submit"),
            *(word for name, value in settings.items() for word in ("--conf", f"{name}={value}")),
            str(folder / "service.py"), str(folder / "told.json"),
        ]),
        env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_RUN_SECONDS,
        check=False,
    )  # fmt: skip
    file = folder / "ended.json"
    assert file.exists(), ended.stdout + ended.stderr
    found = [
        Ended(
            one["error"], one.get("text", ""), one.get("chained", False), one["has_begun_spark"],
            tuple(one["statements"]), (folder / f"run-{number}.log").read_text(),
        )
        for number, one in enumerate(json.loads(file.read_text()))
    ]  # fmt: skip
    assert len(found) == len(runs), ended.stdout + ended.stderr
    lake.printed.extend([ended.stdout, ended.stderr, *(one.log + one.text for one in found)])
    return found


def surroundings_of(lake: GlueLake, jars: Sequence[Path], folder: Path) -> Surroundings:
    """Returns what the job's Spark finds around it: as a session's."""
    return Surroundings(tuple(jars), lake.store.role, lake.stand_in.url, folder)
