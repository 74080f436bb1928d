"""What a publish shows while it runs: a bar and its steps where a person watches, warnings alone in a pipe.

A log of JSON has its steps, too; and what comes to be known is kept for those who are told when it is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click

from publisher.cli import log
from publisher.cli.telling import Telling
from publisher.publish import Watcher
from publisher.records.memory import Memory
from publisher.source import Source


@contextmanager
def progress(stream: TextIO | None, telling: Telling) -> Iterator[Watcher]:
    """Shows progress where a person watches; a pipe gets none."""
    if log.is_json():
        yield _Steps(telling)
        return
    if stream is None or not stream.isatty():
        yield _Quiet(telling)
        return
    bar = _Bar(stream, telling)
    try:
        yield bar
    finally:
        bar.close()


class _Quiet(Watcher):
    """Shows only what is worth knowing."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling

    def begins(self, run_id: str) -> None:
        self._telling.run_id = run_id
        log.know(run_id=run_id)

    def opened(self, source: Source) -> None:
        self._telling.source = source
        log.know(dbt_invocation_id=source.build.invocation_id if source.build else None)

    def recalled(self, memory: Memory) -> None:
        self._telling.memory = memory

    def step(self, name: str) -> None:
        self._telling.step = name
        log.know(step=name)

    def warn(self, text: str) -> None:
        log.warn(text)


class _Steps(_Quiet):
    """One line a step, for programs."""

    def done(self, name: str, seconds: float) -> None:
        log.note(f"{name.replace('_', ' ')} done", seconds=seconds)


class _Bar(_Quiet):
    """A bar while the table is streamed, and one line a step with its seconds."""

    def __init__(self, stream: TextIO, telling: Telling) -> None:
        super().__init__(telling)
        self._stream = stream
        self._bar: Any = None

    def done(self, name: str, seconds: float) -> None:
        self.close()
        log.note(f"{name.replace('_', ' '):<10} {seconds:6.2f} s")

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
