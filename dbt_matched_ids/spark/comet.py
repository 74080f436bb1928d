"""Apache DataFusion Comet, a native engine below Spark: what the session of the target `local` is started with.

`MATCHED_IDS_SPARK_ACCELERATOR=comet` asks for it. Comet runs scans, joins, aggregates, exchanges and sorts in native
code on Arrow's columns, and leaves to Spark what it does not know; which parts those are is said by the macro
`say_what_falls_back`. Its jar brings machine code into the JVM that reads everybody's documents, so only a jar whose
SHA-256 is known gets in.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from dbt_common.exceptions import DbtRuntimeError

from dbt_matched_ids.redaction import remembered

# What all tests of `local` pass with. Of this line for Spark 3.5 it is the newest that they were run with.
COORDINATES = "org.apache.datafusion:comet-spark-spark3.5_2.12:0.12.0"
SHA256 = "4ef25ed0da6816e18b0b7711b82e9807d62a0330a1e89aa3f09a1bbb005c9424"

_PLUGIN = "org.apache.spark.CometPlugin"
_ACCELERATOR = "MATCHED_IDS_SPARK_ACCELERATOR"
_JAR = "MATCHED_IDS_SPARK_ACCELERATOR_JAR"
_OTHER_SHA256 = "MATCHED_IDS_SPARK_ACCELERATOR_SHA256"
_MEGABYTES = {"m": 1, "mb": 1, "g": 1024, "gb": 1024, "t": 1024 * 1024, "tb": 1024 * 1024}
_lock = threading.Lock()  # Spark is begun beside dbt, which opens a connection of its own meanwhile
_SIZE = re.compile(r"([0-9]+)\s*([a-z]+)", re.IGNORECASE)


def is_wanted() -> bool:
    """Whether the settings ask for Comet."""
    return os.environ.get(_ACCELERATOR) == "comet"


def add_to(session: dict[str, str]) -> None:
    """Adds to what a session is started with what lets Comet run in it, within the memory that Spark alone would have.

    Half of `spark.driver.memory` becomes the JVM's, half Comet's, which allocates outside of the heap: there is what
    Spark's own operators would make into objects on it.

    Args:
        session: What the profile starts it with; every connection adds to the same, once.

    Raises:
        DbtRuntimeError: There is no such jar, it is not the one whose SHA-256 is known, or the memory is no size.
    """
    with _lock:
        if _PLUGIN not in session.get("spark.plugins", ""):
            session |= _of_comet(session)  # at once: a jar that is refused is refused by the next connection, too


def _of_comet(session: Mapping[str, str]) -> dict[str, str]:
    jar = os.environ.get(_JAR, "")
    memory = _megabytes(session.get("spark.driver.memory", "4g"))
    options = session.get("spark.driver.extraJavaOptions", "")
    settings = {
        "spark.plugins": ",".join(filter(None, (session.get("spark.plugins"), _PLUGIN))),
        "spark.shuffle.manager": "org.apache.spark.sql.comet.execution.shuffle.CometShuffleManager",
        "spark.comet.enabled": "true",
        "spark.comet.exec.enabled": "true",
        "spark.comet.exec.shuffle.enabled": "true",
        "spark.comet.exec.shuffle.mode": "auto",
        # Wrong results of its own reader of Iceberg tables, where rows were deleted, are known (issues 4723, 4774).
        "spark.comet.scan.icebergNative.enabled": "false",
        "spark.driver.memory": f"{memory - memory // 2}m",
        "spark.memory.offHeap.enabled": "true",
        "spark.memory.offHeap.size": f"{memory // 2}m",
        "spark.driver.extraJavaOptions": f"{options} --add-opens=java.base/sun.nio.ch=ALL-UNNAMED".strip(),
    }
    if _is_path(jar):
        _require_known(Path(jar))
        jars = ",".join(filter(None, (session.get("spark.jars"), jar)))
        return settings | {"spark.jars": jars, "spark.driver.extraClassPath": jar}
    packages = session.get("spark.jars.packages")
    return settings | {"spark.jars.packages": ",".join(filter(None, (packages, jar or COORDINATES)))}


def is_fetched_by_spark(session: Mapping[str, str]) -> bool:
    """Whether a session, by what it is started with, gets Comet's jar by its coordinates."""
    return "comet-spark" in session.get("spark.jars.packages", "")


def require_known_fetched(files: str) -> None:
    """Looks at the jar that Spark fetched by its coordinates.

    Args:
        files: The session's `spark.jars`, as Spark completed it: paths and URLs, joined by commas.

    Raises:
        DbtRuntimeError: It is not there, or is not the one whose SHA-256 is known.
    """
    names = [file.removeprefix("file:").replace("//", "/") for file in files.split(",") if "comet-spark" in file]
    _require_known(Path(names[0] if names else "comet-spark.jar"))


def _is_path(jar: str) -> bool:
    return "/" in jar or jar.endswith(".jar")


def _require_known(jar: Path) -> None:
    try:
        with jar.open("rb") as file:
            digest = hashlib.sha256()
            while piece := file.read(1 << 20):
                digest.update(piece)
    except OSError as error:
        raise _refusal(f"The jar of Comet, {jar}, cannot be read: {error.strerror}. Set {_JAR} to its path.") from None
    known = os.environ.get(_OTHER_SHA256) or SHA256
    if digest.hexdigest() != known.lower():
        whose = f"the one in {_OTHER_SHA256}" if os.environ.get(_OTHER_SHA256) else f"that of {COORDINATES}"
        raise _refusal(
            f"The jar of Comet, {jar}, has the SHA-256 {digest.hexdigest()}, which is not {whose}. Take the jar that"
            f" this project was tested with, or, if you tested another one, set {_OTHER_SHA256} to its SHA-256."
        )


def _megabytes(size: str) -> int:
    match = _SIZE.fullmatch(size.strip())
    if match is None or match[2].lower() not in _MEGABYTES:
        raise _refusal(f"MATCHED_IDS_SPARK_MEMORY is {size!r}. Write it as a number and a unit: 4g, 4096m.")
    return int(match[1]) * _MEGABYTES[match[2].lower()]


def _refusal(message: str) -> DbtRuntimeError:
    return DbtRuntimeError(remembered(message))
