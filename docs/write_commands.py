"""Writes commands.md from the command line itself: `make docs`. A test holds the two equal."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import click

from publisher.cli import cli
from publisher.cli.failing import WORST_FIRST
from publisher.errors import PublisherError

DOCUMENT = Path(__file__).with_name("commands.md")
_HEAD = """# Commands

<!-- Written by `make docs` from the command line itself. Change publisher/cli/ instead. -->

`publisher` is also `python -m publisher`. With `--json` one object goes to stdout, also on failure; messages go to
stderr. A terminal gets a progress bar, a pipe does not. Retries are botocore's; `--deadline` bounds all requests
together. Each option is also an environment variable, where one is named. What to do when a command ends badly is in
the [runbook](runbook.md).
"""
_CONTEXT = click.Context(cli)
_ENDED_BY_NO_ERROR = {
    0: "Done.",
    130: "Interrupted by Ctrl-C.",
    141: "Whoever read `diff --ids` wanted no more (`| head`).",
    143: "Ended by SIGTERM.",
}


def markdown() -> str:
    """Returns the document."""
    sections = [_HEAD, _overview(), _exit_codes(), *map(_command, cli.commands.values())]
    return "\n".join(sections)


def _overview() -> str:
    rows = [f"| [`{name}`](#publisher-{name}) | {_paragraphs(one)[0]} |" for name, one in cli.commands.items()]
    return _table("command", "what it does", rows=rows)


def _exit_codes() -> str:
    meanings = {kind.exit_code: _first_paragraph(kind) for kind in PublisherError.__subclasses__()} | _ENDED_BY_NO_ERROR
    meanings[PublisherError.exit_code] = "A bug: run again with `--debug`, and report what it shows."
    rows = [f"| {code} | {meanings[code]} |" for code in sorted(meanings)]
    order = ", ".join(map(str, WORST_FIRST))
    text = (
        "Every failure is one line of what happened and one line of what to do. Of several [lists](lists.md) the worst "
        f"counts: {order}.\n"
    )
    return f"## Exit codes\n\n{_table('exit code', 'meaning', rows=rows)}\n{text}"


def _command(command: click.Command) -> str:
    arguments = "".join(f" {one.make_metavar(_CONTEXT)}" for one in command.params if isinstance(one, click.Argument))
    paragraphs = "\n\n".join(_paragraphs(command))
    rows = [_option(one) for one in command.params if isinstance(one, click.Option)]
    table = _table("option", "variable", "default", "meaning", rows=rows)
    usage = f"```console\n$ publisher {command.name}{arguments} [OPTIONS]\n```"
    return f"## publisher {command.name}\n\n{usage}\n\n{paragraphs}\n\n{table}"


def _option(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar or []
    default = "required" if option.required else _default(option)
    meaning = (option.help or "").replace("|", "\\|").replace("<", "&lt;")
    return f"| {names} | {', '.join(f'`{name}`' for name in variables)} | {default} | {meaning} |"


def _default(option: click.Option) -> str:
    value: Any = option.default
    if isinstance(value, bool):
        return f"`{option.opts[0] if value else option.secondary_opts[0]}`" if option.secondary_opts else ""
    if not option.show_default or value is None:
        return ""
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _table(*names: str, rows: list[str]) -> str:
    return "\n".join([f"| {' | '.join(names)} |", f"|{'---|' * len(names)}", *rows, ""])


def _paragraphs(command: click.Command) -> list[str]:
    return [" ".join(text.split()) for text in (command.help or "").split("\n\n")]


def _first_paragraph(kind: type[PublisherError]) -> str:
    return " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())


if __name__ == "__main__":
    DOCUMENT.write_text(markdown())
