"""Hands the repository's variables that are settings of ours to the steps that follow, in a GitHub workflow.

`env: {NAME: ${{ vars.NAME }}}` would set a variable that nobody defined to an empty text, which to dbt is a value and
no default. So the workflow passes all variables as one JSON text, and what is defined is written to $GITHUB_ENV.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

PREFIXES = ("MATCHED_IDS_", "OPENLINEAGE_", "PUBLISHER_")
TARGETS = ("duckdb", "glue", "spark")
DEFAULT_TARGET = "glue"
_AS_CONFIGURED = ("", "as configured")


def settings(variables: Mapping[str, str], target: str) -> dict[str, str]:
    """Returns the settings that are defined, with the target that was asked for.

    Args:
        variables: The repository's.
        target: Of this run; empty, or `as configured`, for the variable's.

    Raises:
        ValueError: One cannot be used.
    """
    found = {name: value for name, value in variables.items() if name.startswith(PREFIXES) and value}
    if target not in _AS_CONFIGURED:
        found["MATCHED_IDS_TARGET"] = target
    found.setdefault("MATCHED_IDS_TARGET", DEFAULT_TARGET)
    if found["MATCHED_IDS_TARGET"] not in TARGETS:
        raise ValueError(f"The target is none of {', '.join(TARGETS)}. Set MATCHED_IDS_TARGET to one of them.")
    for name, value in found.items():
        if not value.isprintable():  # a line break would begin another variable
            raise ValueError(f"The variable {name} is not one line of text. Set it anew.")
    return found


def main() -> None:
    """Writes the settings to the file that GitHub names, and shows their names."""
    variables = json.loads(os.environ.get("VARIABLES") or "{}")
    try:
        found = settings(variables, os.environ.get("TARGET", ""))
    except ValueError as error:
        sys.stdout.write(f"::error title=Settings::{error}\n")
        sys.exit(2)
    with Path(os.environ["GITHUB_ENV"]).open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in found.items())
    sys.stdout.write(f"settings: {', '.join(sorted(found))}\n")


if __name__ == "__main__":
    main()
