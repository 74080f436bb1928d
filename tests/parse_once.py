"""Lets a process that runs dbt several times read the text of a macro once.

dbt reads the text of six hundred macros anew for each other schema, folder and var, so for each test. What a text
consists of is the same each time. Only those who look at a text ask for that; what is run is compiled in another way.
"""

from __future__ import annotations

from typing import Any

import jinja2


def install() -> None:
    """Does so from here on; once in a process."""
    parse: Any = jinja2.Environment.parse
    if hasattr(parse, "known"):
        return
    known: dict[tuple[type, tuple[str, ...], str], jinja2.nodes.Template] = {}

    def parse_once(
        self: jinja2.Environment, source: str, name: str | None = None, filename: str | None = None
    ) -> jinja2.nodes.Template:
        key = type(self), tuple(self.extensions), source
        if key not in known:
            known[key] = parse(self, source, name, filename)
        return known[key]

    parse_once.known = known  # type: ignore[attr-defined]
    jinja2.Environment.parse = parse_once  # type: ignore[method-assign]
