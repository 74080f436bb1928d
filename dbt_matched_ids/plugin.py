"""The plugin that dbt creates at the beginning of each command, in every project of the environment."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import click
from dbt.context import base
from dbt.plugins.manager import dbtPlugin

from dbt_matched_ids.spark import connections, early, environment

_PROJECT = "matched_ids"
# Nearly none of dbt's half a million small objects is garbage, for which Python looks a third of dbt's time by default.
_OBJECTS_BEFORE_COLLECTING = 100_000


class MatchedIds(dbtPlugin):
    """Adds `modules.matched_ids` to what macros see, and prepares this process for Spark.

    dbt creates it when it has read the profile and the project, and before it opens a connection. In a project that
    has nothing of this one it leaves everything as it is.
    """

    def initialize(self) -> None:
        """Does so once in a process; dbt calls it in every invocation."""
        if not _is_ours(self.project_name):
            return
        gc.set_threshold(_OBJECTS_BEFORE_COLLECTING, *gc.get_threshold()[1:])
        _add_functions_for_macros()
        environment.prepare()
        connections.install()
        _begin_spark()


def _is_ours(project_name: str) -> bool:
    """Whether dbt runs this project, one that has it installed as a package, or one that runs by its profile.

    dbt tells a plugin the project's name alone; what else it has read by now, it keeps in the context of its command.
    """
    command = click.get_current_context(silent=True)
    read = command.obj if command and isinstance(command.obj, dict) else {}
    project, flags = read.get("project"), read.get("flags")
    if project_name == _PROJECT or project is None:
        return project_name == _PROJECT
    profile = getattr(flags, "PROFILE", None) or project.profile_name
    packages = Path(project.project_root) / project.packages_install_path
    return profile == _PROJECT or (packages / _PROJECT).is_dir()


def _begin_spark() -> None:
    command = click.get_current_context(silent=True)
    read = command.obj if command and isinstance(command.obj, dict) else {}
    if "flags" in read and "profile" in read:
        early.begin(read["flags"].WHICH, read["profile"].credentials)


class _MacroFunctions:
    """Imports the functions when the first is asked for: many commands of dbt ask for none."""

    def __getattr__(self, name: str) -> Any:
        from dbt_matched_ids import macro_functions
        from dbt_matched_ids.spark import macro_functions as of_spark

        return getattr(macro_functions if hasattr(macro_functions, name) else of_spark, name)


def _add_functions_for_macros() -> None:
    modules = base.get_context_modules
    if _PROJECT not in modules():
        base.get_context_modules = lambda: {**modules(), _PROJECT: _MacroFunctions()}
