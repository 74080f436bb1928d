"""The plugin that dbt creates at the beginning of each command."""

from __future__ import annotations

from typing import Any

from dbt.context import base
from dbt.plugins.manager import dbtPlugin

from dbt_matched_ids.spark import connections, environment

_PROJECT = "matched_ids"


class MatchedIds(dbtPlugin):
    """Adds `modules.matched_ids` to what macros see, and prepares this process for Spark.

    dbt creates it when it has read the profile and the project, and before it opens a connection.
    """

    def initialize(self) -> None:
        """Does so once in a process; dbt calls it in every invocation."""
        _add_functions_for_macros()
        environment.prepare()
        connections.install()


class _MacroFunctions:
    """Imports the functions when the first is asked for: many commands of dbt ask for none."""

    def __getattr__(self, name: str) -> Any:
        from dbt_matched_ids import macro_functions

        return getattr(macro_functions, name)


def _add_functions_for_macros() -> None:
    modules = base.get_context_modules
    if _PROJECT not in modules():
        base.get_context_modules = lambda: {**modules(), _PROJECT: _MacroFunctions()}
