"""What a publish shows while it runs: a bar and its steps where a person watches, warnings alone in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from publisher.publish import Watcher


@contextmanager
def progress(stream: TextIO) -> Iterator[Watcher]:
    """Shows progress where a person watches; a pipe gets none."""
    if not stream.isatty():
        yield _Log(stream)
        return
    bar = _Bar(stream)
    try:
        yield bar
    finally:
        bar.close()


class _Log(Watcher):
    """Only what is worth knowing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def warn(self, text: str) -> None:
        click.echo(f"publisher: {text}", file=self._stream)


class _Bar(_Log):
    """A bar while the table is streamed, and the name of every other step."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._bar: Any = None

    def step(self, name: str) -> None:
        self.close()
        if name != "encode":
            click.echo(f"{name.replace('_', ' ')} …", file=self._stream)

    def reading(self, total_rows: int) -> None:
        self._bar = click.progressbar(length=total_rows, label="encode", file=self._stream)
        self._bar.__enter__()

    def read(self, rows: int) -> None:
        self._bar.update(rows)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None
