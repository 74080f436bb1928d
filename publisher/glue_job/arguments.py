"""The job's arguments: settings under the names of their variables, and what one run is told."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from publisher.cli.main import cli
from publisher.cli.project_dir import find_project
from publisher.errors import UsageError

# Of this module alone: what a single run is told, and no variable may keep on being so for all that follow.
_OF_A_RUN = ("DRY_RUN", "ONLY_WHEN_NEW", "OVERRULE", "REASON")
_OTHERS = ("AWS_REGION", "OPENLINEAGE_API_KEY", "OPENLINEAGE_URL")
_OURS = ("MATCHED_IDS_", "PUBLISHER_")
_OF_GLUE = ("JOB_NAME", "JOB_RUN_ID")
_REQUIRED = ("MATCHED_IDS_GLUE_LOCATION", "PUBLISHER_TO")
_VARIABLE = re.compile(r"\b(?:MATCHED_IDS|PUBLISHER)_[A-Z0-9_]+\b")
_ANSWERS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}
# What has no meaning here: of other targets, or of a table that dbt does not vouch for.
_WITHOUT_EFFECT = re.compile(
    r"MATCHED_IDS_(?:DUCKDB|SPARK(?!_ACCELERATOR$))_.*|MATCHED_IDS_GLUE_(?!LOCATION$).*"
    r"|MATCHED_IDS_(?:CPFS|RECORDS|SUPPRESSED)_PATH"
    r"|MATCHED_IDS_(?:LOCAL_DIR|LOCATION_ROOT|READY_FILE|TARGET)|PUBLISHER_(?:TABLE|SOURCE_PARTITION|TARGET_PATH)"
)


@dataclass(frozen=True)
class Arguments:
    """What the job was started with.

    Attributes:
        settings: Environment variables.
        only_when_new: Whether a run ends quietly when active comes from the newest partition already.
        publish: Options of `publisher publish`, of this run alone.
    """

    settings: Mapping[str, str]
    only_when_new: bool = False
    publish: Sequence[str] = field(default_factory=list)


def known_settings() -> set[str]:
    """Returns the variables that the dbt project and the publisher read, and that have an effect in a Glue job."""
    project = find_project()
    files = [project / "profiles.yml", project / "dbt_project.yml"]
    files += [path for folder in ("macros", "models") for path in (project / folder).rglob("*") if path.is_file()]
    found = {name for path in files for name in _VARIABLE.findall(path.read_text())}
    defaults = (project / "macros" / "settings" / "setting_defaults.sql").read_text()
    found |= {f"MATCHED_IDS_{name.upper()}" for name in re.findall(r"^ +'(\w+)':", defaults, re.MULTILINE)}
    options = [option for command in cli.commands.values() for option in command.params]
    variables = [option.envvar for option in options if option.envvar]
    found |= {name for names in variables for name in ([names] if isinstance(names, str) else names)}
    return {name for name in found if name.startswith(_OURS) and not _WITHOUT_EFFECT.fullmatch(name)}


def variables(given: Sequence[str], known: set[str]) -> dict[str, str]:
    """Returns those of the job's arguments that are settings, by their variables; what is wrong, `parse` refuses."""
    found: dict[str, str] = {}
    with suppress(UsageError):
        found.update((name, value) for name, value in _pairs(given) if name in known or name in _OTHERS)
    return found


def parse(given: Sequence[str], known: set[str]) -> Arguments:
    """Reads the job's arguments.

    Args:
        given: `--NAME value`, or `--NAME=value`. What does not begin as ours is Glue's.
        known: The variables that are read.

    Raises:
        UsageError: One of ours has no value, or nobody reads it, or one that is needed is not there.
    """
    settings: dict[str, str] = {}
    of_run: dict[str, str] = {}
    for name, value in _pairs(given):
        if name in _OF_A_RUN or name in _OF_GLUE:
            of_run[name] = value
        elif name in known or name in _OTHERS:
            settings[name] = value
        else:
            nearest = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean --{nearest[0]}?" if nearest else "docs/configuration.md lists them."
            raise UsageError(f"The argument --{name} has no effect in a Glue job.", hint)
    for name in _REQUIRED:
        if not settings.get(name) and not os.environ.get(name):
            raise UsageError(f"The job has no argument --{name}.", "Add it to the job's arguments (docs/glue.md).")
    if "JOB_RUN_ID" in of_run:  # so that a record leads to the log
        settings.setdefault("PUBLISHER_CI_RUN", "/".join(of_run[name] for name in _OF_GLUE if name in of_run))
    publish = [word for name in filter(None, of_run.get("OVERRULE", "").split(",")) for word in ("--overrule", name)]
    publish += ["--reason", of_run["REASON"]] if "REASON" in of_run else []
    publish += ["--dry-run"] if _is_yes(of_run, "DRY_RUN") else []
    return Arguments(settings, _is_yes(of_run, "ONLY_WHEN_NEW"), publish)


def _pairs(given: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields names and values of what begins as ours; Glue passes its own arguments in the same way."""
    words = iter(given)
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if word.startswith("--") and (name in (*_OF_A_RUN, *_OF_GLUE, *_OTHERS) or name.startswith(_OURS)):
            found = value if equals else next(words, None)
            if found is None:
                raise UsageError(f"The argument --{name} has no value.", "Give it as --NAME value.")
            yield name, found


def _is_yes(of_run: Mapping[str, str], name: str) -> bool:
    value = of_run.get(name, "").strip().lower()
    if value not in _ANSWERS:
        raise UsageError(f"The argument --{name} is neither true nor false.", "Give one of the two.")
    return _ANSWERS[value]
