"""Spark is begun before dbt asks for it, where dbt will, and what goes wrong meanwhile is left to who needs it."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import click
import pytest
from dbt.adapters.spark import connections
from dbt.context import base

from dbt_matched_ids import plugin
from dbt_matched_ids.spark import connections as of_dbt
from dbt_matched_ids.spark import early, environment


@dataclass
class Credentials:
    """Those of a target, as far as they are looked at."""

    type: str = "spark"
    method: str = "session"


@dataclass
class Handle:
    """A connection that remembers what it was asked, and by which thread."""

    asked: list[tuple[str, threading.Thread]] = field(default_factory=list)
    was_asked: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None

    def cursor(self) -> Handle:
        return self

    def execute(self, sql: str) -> None:
        self.asked.append((sql, threading.current_thread()))
        self.was_asked.set()
        if self.error:
            raise self.error


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Handle:
    """What dbt's adapter opens; no Spark runs in this process, whatever other tests have started."""
    opened = Handle()

    def open_(connection: Any) -> Any:
        assert isinstance(connection.credentials, Credentials)
        connection.handle = opened
        return connection

    monkeypatch.setattr(connections.SparkConnectionManager, "open", open_)
    monkeypatch.setitem(sys.modules, "pyspark", None)
    return opened


@pytest.fixture
def nothing_else_is_prepared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What else the plugin does to its process is not done to this one."""
    monkeypatch.setattr(environment, "prepare", lambda: None)
    monkeypatch.setattr(of_dbt, "install", lambda: None)
    monkeypatch.setattr(base, "get_context_modules", base.get_context_modules)
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)


def test_dbt_begins_it_with_its_command_and_the_targets_credentials(
    handle: Handle, nothing_else_is_prepared: None
) -> None:
    read = {"flags": SimpleNamespace(WHICH="build"), "profile": SimpleNamespace(credentials=Credentials())}
    with click.Context(click.Command("build"), obj=read).scope():
        plugin.MatchedIds("matched_ids")
    assert handle.was_asked.wait(60)


@pytest.mark.parametrize("command", ["build", "run", "test", "run-operation"])
def test_it_begins_with_a_command_that_needs_an_engine(command: str, handle: Handle) -> None:
    thread = early.begin(command, Credentials())
    assert thread is not None
    thread.join(10)
    assert [(sql, by is thread) for sql, by in handle.asked] == [("show databases", True)]


@pytest.mark.parametrize(
    ("command", "credentials"),
    [("ls", Credentials()), ("parse", Credentials()), ("build", Credentials("duckdb")),
     ("build", Credentials(method="thrift"))],
)  # fmt: skip
def test_it_does_not_where_none_is_needed_here(command: str, credentials: Credentials, handle: Handle) -> None:
    assert early.begin(command, credentials) is None
    assert handle.asked == []


def test_it_does_not_in_a_job_whose_jvm_runs_already(handle: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")
    assert early.begin("build", Credentials()) is None
    assert handle.asked == []


def test_an_error_is_nobodys_yet(handle: Handle, capfd: pytest.CaptureFixture[str]) -> None:
    handle.error = OSError("there is no Java")
    thread = early.begin("build", Credentials())
    assert thread is not None
    thread.join(10)
    assert handle.asked
    assert capfd.readouterr() == ("", "")
