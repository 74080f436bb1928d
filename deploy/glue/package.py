"""Makes what an AWS Glue job is given: `make glue-package` writes dist/glue/<version>/.

The wheels are those of requirements/glue-job.txt, fetched by their hashes, without those that this version of Glue has
in that very version, and this project's own. Glue installs them out of one zip, without network:
https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html, "Zip of Wheels". The same inputs
give the same bytes, so that a digest tells whether a job runs what was reviewed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
LOCK = PROJECT / "requirements" / "glue-job.txt"
VERSIONS = ("5.1", "5.0")
ARCHIVE = "matched-ids.gluewheels.zip"
# Amazon Linux 2023 has glibc 2.34; PyPI's wheels name the oldest that they bear.
_PLATFORMS = ("manylinux_2_34_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
_PYTHON = "3.11"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\]+)", re.MULTILINE)
# What ZIP can say at the earliest, and what hatchling says of a wheel's files when nobody tells it another date.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SOURCE_DATE_EPOCH = "1580601600"


class PackageFailed(Exception):
    """The package could not be made; the text says why."""


def main() -> None:
    """Makes the packages that are asked for, and says what they are."""
    parser = argparse.ArgumentParser(prog="python -m deploy.glue.package", description=__doc__)
    parser.add_argument("versions", nargs="*", default=VERSIONS, help=f"of Glue (default: {' '.join(VERSIONS)})")
    parser.add_argument("--to", type=Path, default=PROJECT / "dist" / "glue", help="the folder (default: dist/glue)")
    given = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            wheels = fetch(given.versions, Path(folder))
            for version in given.versions:
                made = make(version, wheels, given.to / version)
                sys.stdout.write(f"{made}: {made.stat().st_size / 1e6:.0f} MB, sha256 {digest(made)}\n")
    except PackageFailed as error:
        sys.exit(f"glue-package: {error}")


def provided(version: str) -> dict[str, str]:
    """Returns the modules that a version of Glue brings, and their versions.

    Raises:
        PackageFailed: That version is not known here.
    """
    listed = HERE / f"glue-{version}.txt"
    if version not in VERSIONS or not listed.is_file():
        raise PackageFailed(f"Glue {version} is not known here; known are {', '.join(VERSIONS)}.")
    return _pins(listed.read_text())


def needed(version: str) -> dict[str, str]:
    """Returns what the job needs beyond that: names and versions."""
    has = provided(version)
    return {name: pin for name, pin in _pins(LOCK.read_text()).items() if has.get(name) != pin}


def fetch(versions: Iterable[str], folder: Path) -> Path:
    """Fetches every wheel that one of the packages needs, and builds our own.

    Args:
        versions: Of Glue.
        folder: An empty one, to work in.

    Returns:
        The folder with the wheels.

    Raises:
        PackageFailed: One cannot be had, or is not what the lock says.
    """
    wheels = folder / "wheels"
    wheels.mkdir()
    names = {name for version in versions for name in needed(version)}
    lock = folder / "requirements.txt"
    lock.write_text("".join(_entry(name) for name in sorted(names)))
    platforms = [word for platform in _PLATFORMS for word in ("--platform", platform)]
    _do(
        [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes",
            "--no-deps", "--only-binary", ":all:", "--python-version", _PYTHON, *platforms, "--dest", str(wheels),
            "--requirement", str(lock),
        ],
        "The wheels could not be fetched",
    )  # fmt: skip
    uv, own = str(Path(sys.executable).with_name("uv")), str(folder / "own")
    building = ["build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", own]
    _do([uv, *building, str(PROJECT)], "This project's wheel could not be built")
    for wheel in Path(own).glob("*.whl"):
        shutil.copy(wheel, wheels)
    return wheels


def make(version: str, wheels: Path, folder: Path) -> Path:
    """Writes the package for one version of Glue.

    Args:
        version: Of Glue.
        wheels: What `fetch` returned.
        folder: Where to; what an earlier run left there is replaced.

    Returns:
        The archive of wheels. Beside it are the script, the job's default arguments and a list of digests.
    """
    wanted = needed(version)
    of_name = {_normal(path.name.split("-")[0]): path for path in wheels.glob("*.whl")}
    own = next(path for name, path in of_name.items() if name == "matched-ids")
    requirements = [f"{name}=={pin}\n" for name, pin in sorted(wanted.items())]
    requirements.append(f"matched-ids=={own.name.split('-')[1]}\n")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = folder / ARCHIVE
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        _add(file, "wheels/requirements.txt", "".join(requirements).encode())
        for path in sorted([own, *(of_name[name] for name in wanted)]):
            _add(file, f"wheels/{path.name}", path.read_bytes())
    for name in ("job.py", "default_arguments.json"):
        shutil.copyfile(HERE / name, folder / name)
    made = sorted(path for path in folder.iterdir())
    (folder / "SHA256SUMS").write_text("".join(f"{digest(path)}  {path.name}\n" for path in made))
    return archive


def digest(path: Path) -> str:
    """Returns a file's SHA-256, as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _entry(name: str) -> str:
    """Returns the lines of the lock about one module, with its hashes."""
    found = re.search(rf"^{re.escape(name)}==(?:.*\\\n)*.*\n", LOCK.read_text(), re.MULTILINE)
    if found is None:
        raise PackageFailed(f"{LOCK.name} does not have {name}.")
    return found[0]


def _pins(text: str) -> dict[str, str]:
    return {_normal(name): version for name, version in _PIN.findall(text)}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _do(command: list[str], failure: str) -> None:
    environment: Mapping[str, str] = {**os.environ, "SOURCE_DATE_EPOCH": _SOURCE_DATE_EPOCH}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if ended.returncode:
        lines = [line for line in (ended.stdout + ended.stderr).splitlines() if line.strip()]
        raise PackageFailed(f"{failure}: {lines[-1] if lines else f'code {ended.returncode}'}")


if __name__ == "__main__":
    main()
