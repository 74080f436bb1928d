"""Jars that tests need beyond PySpark's own: fetched once with Maven, and compared with their checksums on every use.

Each set of them is a folder with a `pom.xml`, which names them, and a `jars.sha256`, which pins them; the stand-in's is
this one. After a change of one: `python -m tests.glue.jars tests/comet`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from demo import children

_HERE = Path(__file__).parent
_POM = "pom.xml"
_CHECKSUMS = "jars.sha256"
_FETCH_SECONDS = 600
# A download breaks off now and then, and Maven goes on where it was: how long to wait before it is asked once more.
_PAUSES_SECONDS = (5, 30)
# The caller's, for Maven: a Spark that a test started has made its own Java this process's, which has no certificates.
CALLERS_ENVIRONMENT = dict(os.environ)
# Read when this is imported: the tests' conftest takes the caller's MATCHED_IDS_ settings away.
_CACHE = Path(os.environ.get("MATCHED_IDS_TEST_JARS") or Path.home() / ".cache" / "matched-ids" / "jars")


class JarsUnavailable(Exception):
    """They are not in the cache and could not be fetched; says why, and what to do."""


class JarsDamaged(Exception):
    """A jar is not the one that was pinned."""


def jars(of: Path = _HERE) -> list[Path]:
    """Returns the jars, from the cache or, the first time, from Maven Central.

    Args:
        of: The folder of the set.

    Raises:
        JarsUnavailable: Maven is missing, or did not get them.
        JarsDamaged: A file differs from its pinned SHA-256.
    """
    pinned = _pinned(of)
    # A folder for each set of jars: another version of this project may use the same cache.
    folder = _CACHE / hashlib.sha256((of / _CHECKSUMS).read_bytes()).hexdigest()[:16]
    if not folder.is_dir():
        _fetch_into(folder, of, pinned)
    _require_pinned(folder, pinned)
    return sorted(folder / name for name in pinned)


def jars_or_skip(of: Path = _HERE) -> list[Path]:
    """Returns the jars; skips the test that asks for them where they cannot be had.

    Args:
        of: The folder of the set.

    Raises:
        JarsUnavailable: This is a run of CI's, and there is Maven: a green one means that what needs them ran.
        JarsDamaged: A file differs from its pinned SHA-256.
    """
    try:
        return jars(of)
    except JarsUnavailable as reason:
        if are_required():
            raise
        pytest.skip(str(reason))


def are_required() -> bool:
    """Whether to be without them is an error: this is a run of CI's, and there is Maven."""
    return bool(os.environ.get("CI") and _maven())


def _fetch_into(folder: Path, of: Path, pinned: dict[str, str]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Tests run side by side, and two Mavens in one repository get in each other's way.
    with (folder.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as unfinished:
            fetched = Path(unfinished) / "jars"
            _fetch(fetched, of)
            _require_pinned(fetched, pinned)
            fetched.rename(folder)  # whole or not at all


def _fetch(folder: Path, of: Path) -> None:
    maven = _maven()
    if maven is None:
        raise JarsUnavailable(
            f"Maven is needed once, to fetch the jars of {of / _POM}, and there is no `mvn`: install Maven, or"
            " set MATCHED_IDS_TEST_JARS to a folder where another machine has them."
        )
    command = [maven, "-B", "-q", "-f", str(of / _POM), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    for pause in (*_PAUSES_SECONDS, None):
        try:
            ended = subprocess.run(
                children.bound(command), env=CALLERS_ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=_FETCH_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise JarsUnavailable(f"Maven did not fetch the jars of {of / _POM} in {_FETCH_SECONDS} s.") from None
        if not ended.returncode or pause is None:
            break
        time.sleep(pause)
    if ended.returncode:
        errors = [line for line in (ended.stdout + ended.stderr).splitlines() if "ERROR" in line]
        reason = errors[0].strip()[:300] if errors else f"it ended with code {ended.returncode}"
        raise JarsUnavailable(
            f"Maven could not fetch the jars of {of / _POM}, tried {len(_PAUSES_SECONDS) + 1} times: {reason}."
            " Make Maven Central, or a mirror of it, reachable for `mvn`."
        )


def _maven() -> str | None:
    return shutil.which("mvn", path=CALLERS_ENVIRONMENT.get("PATH"))


def _require_pinned(folder: Path, pinned: dict[str, str]) -> None:
    for name, expected in pinned.items():
        path = folder / name
        if not path.is_file():
            raise JarsDamaged(f"{path} is missing; delete the folder, and the next run fetches it again")
        if _sha256(path) != expected:
            raise JarsDamaged(
                f"{path} does not have the SHA-256 that {_CHECKSUMS} pins; delete the folder, and the next run"
                " fetches it again"
            )


def _pinned(of: Path) -> dict[str, str]:
    lines = (line.split() for line in (of / _CHECKSUMS).read_text().splitlines() if line.strip())
    return {name: checksum for checksum, name in lines}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def pin(of: Path) -> None:
    """Writes the checksums of what a pom names now; look at the difference before you keep it."""
    with tempfile.TemporaryDirectory() as folder:
        fetched = Path(folder) / "jars"
        _fetch(fetched, of)
        lines = [f"{_sha256(path)}  {path.name}\n" for path in sorted(fetched.glob("*.jar"))]
    (of / _CHECKSUMS).write_text("".join(lines))
    sys.stdout.write("".join(lines))


if __name__ == "__main__":
    pin(Path(sys.argv[1]) if sys.argv[1:] else _HERE)
