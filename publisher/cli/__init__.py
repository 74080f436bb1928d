"""What a person types: `publisher <command>`. Only here is anything printed, and only here does the process exit.

`options` is the table of all options, `main` the group and the exit codes, `output` and `progress` how an answer
looks, `lists` what a publish is about, `asked` what a person asked of a list; each command has a module of its own,
which calls one flow (`publisher.publish`, …) and shows what it returns. May import everything; nothing imports it. What
takes long to import is imported by its command.
"""

from publisher.cli.main import cli, main

__all__ = ["cli", "main"]
