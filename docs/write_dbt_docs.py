"""Writes dbt's documentation as one file, with what is published at the moment: `make docs`.

dbt's own pages ask a server for their data; `--static` puts it into them. They are written into a folder of their own,
because dbt's artifacts in target/ are what the next publish takes the build's word from.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / ".docs"
PAGE = "static_index.html"
# What stands in the description of the exposure in its place.
VARIABLE = "MATCHED_IDS_LAST_RUN"


def main() -> None:
    """Writes the page and says where it is; ends with dbt's own exit code."""
    code = write(FOLDER, os.environ)
    if code == 0:
        print(f"dbt's documentation: {(FOLDER / PAGE).relative_to(PROJECT)}")  # noqa: T201 -- its purpose
    sys.exit(code)


def write(folder: Path, environment: Mapping[str, str]) -> int:
    """Writes the page, and returns dbt's exit code.

    Args:
        folder: Gets it, and dbt's other artifacts.
        environment: The settings, as for dbt and the publisher.
    """
    settings = {**environment, VARIABLE: last_run_text(status(environment))}
    for arguments in commands(folder):
        code = subprocess.run([_program("dbt"), *arguments], env=settings, check=False).returncode
        if code:
            return code
    return 0


def commands(folder: Path) -> list[list[str]]:
    """Returns what dbt is told, one after the other. No database is asked, so that it works wherever the project is."""
    project = ["--profiles-dir", str(PROJECT), "--project-dir", str(PROJECT), "--target-path", str(folder)]
    page = ["docs", "generate", "--static", "--no-compile", "--empty-catalog"]  # of a manifest that is there
    return [["--quiet", "parse", *project], ["--quiet", *page, *project]]


def status(environment: Mapping[str, str]) -> dict[str, Any]:
    """Returns what `publisher status` says; nothing where it cannot be asked, or has nothing to say."""
    if not environment.get("PUBLISHER_TO"):
        return {}
    ended = subprocess.run(
        [_program("publisher"), "status", "--json"], env=environment, capture_output=True, text=True, check=False
    )
    try:
        said = json.loads(ended.stdout)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def last_run_text(said: Mapping[str, Any]) -> str:
    """Returns the figures of what is active as Markdown, and how the last run ended.

    No text that a person wrote is among them: a browser would read it as Markdown, and dbt as Jinja.

    Args:
        said: By `publisher status --json`.
    """
    sentences = []
    if said.get("total_ids") is not None:
        changes = ""
        if said.get("ids_added") is not None and said.get("ids_removed") is not None:
            changes = f" ({said['ids_added']:,} added, {said['ids_removed']:,} removed)"
        partition = _word(said["source_partition"])
        sentences.append(
            f"Active when this was written: **{said['total_ids']:,} ids** of partition {partition}"
            f"{changes}, promoted at {_word(said['last_modified'])}, {said['bytes']:,} bytes."
        )
    elif said.get("status") == "nothing active":
        sentences.append("Nothing was active when this was written.")
    run = said.get("last_run")
    if run:
        guard = f" by {_word(run['guard'])}" if run.get("guard") else ""
        outcome, at = _word(run["outcome"]), _word(run["recorded_at"])
        sentences.append(f"The last run, {_word(run['command'])} at {at}, was {outcome}{guard}.")
    if said.get("hold"):
        sentences.append("Publishing is held.")
    return " ".join(sentences) or "What is active could not be asked when this was written; `publisher status` tells."


def _word(text: str | None) -> str:
    return f"`{re.sub('[^A-Za-z0-9_=/.:+-]', '', text or 'unknown')[:60]}`"


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


if __name__ == "__main__":
    main()
