"""What a publish shows while it runs: a bar and its steps where a person watches, warnings alone in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from publisher.cli.output import say, warn
from publisher.publish import Watcher


@contextmanager
def progress(stream: TextIO | None) -> Iterator[Watcher]:
    """Shows progress where a person watches; a pipe gets none."""
    if stream is None or not stream.isatty():
        yield _Log()
        return
    bar = _Bar(stream)
    try:
        yield bar
    finally:
        bar.close()


class _Log(Watcher):
    """Only what is worth knowing."""

    def warn(self, text: str) -> None:
        warn(text)


class _Bar(_Log):
    """A bar while the table is streamed, and one line a step with its seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: Any = None

    def done(self, name: str, seconds: float) -> None:
        self.close()
        say(f"{name.replace('_', ' '):<10} {seconds:6.2f} s", is_error=True)

    def warn(self, text: str) -> None:
        self.close()
        super().warn(text)

    def reading(self, total_rows: int) -> None:
        with self._watched():
            self._bar = click.progressbar(length=total_rows, label="encode", file=self._stream)
            self._bar.__enter__()

    def read(self, rows: int) -> None:
        with self._watched():
            if self._bar is not None:
                self._bar.update(rows)

    def close(self) -> None:
        """Takes the bar away, so that what is printed next stands in its place."""
        bar, self._bar = self._bar, None
        if bar is not None:
            with self._watched():
                bar.__exit__(None, None, None)  # shows the cursor again
                click.echo("\x1b[1A\r\x1b[2K", nl=False, file=self._stream)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """A terminal that was closed is no reason to stop."""
        try:
            yield
        except (OSError, ValueError):
            self._bar = None
