"""What the targets share inside dbt, and a dbt plugin that lets macros ask the one reader of raw tables.

Shared are errors without data in them (`discreet`) and a folder that one run has for itself (`in_use`). dbt imports
every installed top-level module whose name starts with `dbt_` and creates the plugins it lists
(dbt/plugins/manager.py). This one adds `modules.matched_ids` to what macros see, beside `modules.re` and
`modules.datetime`; what its functions are is in `macro_functions`, which asks `publisher.lake`. Nothing else of dbt
changes, and nothing is read, or imported, until a macro of this project asks.
"""

from __future__ import annotations

from typing import Any

from dbt.context import base
from dbt.plugins.manager import dbtPlugin

_NAME = "matched_ids"


class _Functions:
    """Imports the functions when the first is asked for: most projects in an environment never do."""

    def __getattr__(self, name: str) -> Any:
        from dbt_matched_ids import macro_functions

        return getattr(macro_functions, name)


class RawTables(dbtPlugin):
    """Adds `modules.matched_ids`."""

    def initialize(self) -> None:
        """Does so once in a process; dbt calls it in every invocation."""
        modules = base.get_context_modules
        if _NAME in modules():
            return
        base.get_context_modules = lambda: {**modules(), _NAME: _Functions()}


plugins = [RawTables]
