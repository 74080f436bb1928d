"""Lets a process that runs dbt several times do once, or faster, what each run does anew in the same way."""

from __future__ import annotations

import gc
import json
from typing import Any, TextIO

import jinja2

# Nearly none of dbt's half a million small objects is garbage; by default Python spends a third of the time on a look.
OBJECTS_BEFORE_COLLECTING = 100_000


def prepare() -> None:
    """Does so from here on; once in a process."""
    if hasattr(json.dump, "is_at_once"):
        return
    gc.set_threshold(OBJECTS_BEFORE_COLLECTING, 20, 20)
    json.dump = _dump_at_once  # type: ignore[assignment]
    _parse_once()
    _compile_once()
    _read_macros_once()
    _validate_once()
    _prepare_no_documents_for_plain_texts()


def _dump_at_once(obj: Any, fp: TextIO, **options: Any) -> None:
    """Writes the same as `json.dump`, as a whole: only so it is done in C, and a manifest has a megabyte."""
    fp.write(json.dumps(obj, **options))


_dump_at_once.is_at_once = True  # type: ignore[attr-defined]


def _parse_once() -> None:
    """Keeps what the text of a macro consists of.

    dbt reads the text of six hundred macros anew for each other schema, folder and var, so for each test. Only those
    who look at a text ask for that.
    """
    parse: Any = jinja2.Environment.parse
    known: dict[tuple[type, tuple[str, ...], str], jinja2.nodes.Template] = {}

    def parse_once(
        self: jinja2.Environment, source: str, name: str | None = None, filename: str | None = None
    ) -> jinja2.nodes.Template:
        key = type(self), tuple(self.extensions), source
        if key not in known:
            known[key] = parse(self, source, name, filename)
        return known[key]

    jinja2.Environment.parse = parse_once  # type: ignore[method-assign]


def _compile_once() -> None:
    """Keeps the code that a text is compiled to; dbt runs it in another namespace each time."""
    compile_: Any = jinja2.Environment.compile
    known: dict[tuple[type, tuple[str, ...], str, tuple[Any, ...]], Any] = {}

    def compile_once(self: jinja2.Environment, source: Any, *others: Any, **named: Any) -> Any:
        if not isinstance(source, str) or named:
            return compile_(self, source, *others, **named)
        key = type(self), tuple(self.extensions), source, others
        if key not in known:
            known[key] = compile_(self, source, *others)
        return known[key]

    jinja2.Environment.compile = compile_once  # type: ignore[method-assign]


def _read_macros_once() -> None:
    """Lets dbt keep where a file's macros begin and end, and which others each calls, as it does for its own tests."""
    from dbt_common import tests as of_dbt

    of_dbt.enable_test_caching()


def _validate_once() -> None:
    """Keeps what was found valid, most of it the project's own YAML; what is not is refused anew each time."""
    from dbt_common.dataclass_schema import dbtClassMixin

    validate: Any = dbtClassMixin.__dict__["validate"].__func__
    valid: set[tuple[type, str]] = set()

    def validate_once(cls: type, data: Any) -> None:
        key = cls, repr(data)
        if key not in valid:
            validate(cls, data)
            valid.add(key)

    dbtClassMixin.validate = classmethod(validate_once)  # type: ignore[method-assign,assignment]


def _prepare_no_documents_for_plain_texts() -> None:
    """Gives a macro's description nothing to be rendered with when there is nothing in it to render.

    For each of six hundred macros dbt builds all that a template may use, and next to none of them is a template.
    """
    from dbt.contracts.graph.nodes import Macro
    from dbt.parser import manifest

    context_of: Any = manifest.generate_runtime_docs_context

    def context_if_any(config: Any, target: Any, *others: Any) -> dict[str, Any]:
        if isinstance(target, Macro):
            texts = [target.description, *(argument.description for argument in target.arguments)]
            if not any("{" in text for text in texts):
                return {}
        return context_of(config, target, *others)

    manifest.generate_runtime_docs_context = context_if_any
