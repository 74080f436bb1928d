"""Contestants, and the rounds in which they run one after the other."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import Run, measured
from demo.seaweedfs import Endpoint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PROJECT = Path(__file__).resolve().parent.parent
BUCKET = "benchmarks"
ACTIVE = "active/latest.txt.gz"
_NOT_INHERITED = ("AWS_", "DBT_", "MATCHED_IDS_", "PUBLISHER_", "SPARK_")


@dataclass(frozen=True)
class Contestant:
    """A program that is measured.

    Attributes:
        key: Its name on the command line and in the results.
        name: Its name for a reader.
        command: What is run.
        checks: What it checks of its result, in a few words.
        environment: What it needs beside the common environment.
        program: The program that must be installed, if it is not ours.
        absent: Why it is not run; None when it is.
        try_out: Done once before the first round, unmeasured, where it takes part: returns why it cannot run.
        before: Done before each run, unmeasured.
        after: Done after each run, unmeasured: checks the result and returns the file's size, if there is a file.
    """

    key: str
    name: str
    command: Sequence[str]
    checks: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    program: str | None = None
    absent: str | None = None
    try_out: Callable[[], str | None] = lambda: None
    before: Callable[[], None] = lambda: None
    after: Callable[[], int | None] = lambda: None


@dataclass(frozen=True)
class Outcome:
    """One run of a contestant.

    Attributes:
        round: From 1.
        run: What it took.
        file_bytes: The size of the file that came out.
    """

    round: int
    run: Run
    file_bytes: int | None


@dataclass(frozen=True)
class Arena:
    """Where contestants run.

    Attributes:
        folder: Holds `samples`, `work` and `logs`.
        endpoint: The store.
        say: Is told what is being done.
    """

    folder: Path
    endpoint: Endpoint
    say: Callable[[str], None]

    @property
    def samples(self) -> Path:
        """Where all sample data is."""
        return self.folder / "samples"

    @property
    def client(self) -> S3Client:
        """A client for the store."""
        return self.endpoint.client()

    def environment(self) -> dict[str, str]:
        """Returns what every contestant gets: the store's address and credentials, and no setting of the caller's."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
        search_path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**inherited, **self.endpoint.environment(), "PATH": search_path}

    def run(self, label: str, command: Sequence[str], environment: Mapping[str, str]) -> Run:
        """Runs a command in the project's folder and measures it."""
        return measured(command, {**self.environment(), **environment}, PROJECT, self.folder / "logs" / f"{label}.log")

    def compete(self, contestants: Iterable[Contestant], rounds: int) -> dict[str, list[Outcome]]:
        """Lets each contestant run once a round, in an order that rotates.

        Raises:
            CommandFailed: One failed.
            WrongResult: One gave a wrong result.
        """
        running = [contestant for contestant in contestants if not contestant.absent]
        outcomes: dict[str, list[Outcome]] = {contestant.key: [] for contestant in running}
        for number in range(rounds):
            first = number % max(len(running), 1)
            for contestant in running[first:] + running[:first]:
                contestant.before()
                run = self.run(contestant.key, contestant.command, contestant.environment)
                outcomes[contestant.key].append(Outcome(number + 1, run, contestant.after()))
                self.say(f"round {number + 1} of {rounds}: {contestant.name}, {run.seconds:.2f} s")
        return outcomes

    def create_bucket(self) -> None:
        """Creates the bucket, unless an earlier run did."""
        if BUCKET not in [bucket["Name"] for bucket in self.client.list_buckets()["Buckets"]]:
            self.client.create_bucket(Bucket=BUCKET)

    def put_back(self, prefix: str, yesterday: str | None) -> None:
        """Empties a prefix, and makes another prefix's active file the active one there."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
        for key in [found["Key"] for page in pages for found in page.get("Contents", [])]:
            self.client.delete_object(Bucket=BUCKET, Key=key)
        if yesterday is not None:
            self.client.copy_object(
                Bucket=BUCKET, Key=f"{prefix}/{ACTIVE}", CopySource={"Bucket": BUCKET, "Key": f"{yesterday}/{ACTIVE}"}
            )

    def download(self, prefix: str) -> Path:
        """Gets the active file, as any consumer would, and returns where it is."""
        file = self.folder / "work" / "downloaded.txt.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as target:
            for piece in self.client.get_object(Bucket=BUCKET, Key=f"{prefix}/{ACTIVE}")["Body"].iter_chunks(1 << 20):
                target.write(piece)
        return file


def absent_where_not_installed(program: str) -> str | None:
    """Returns why a contestant is not run, or None when its program is there."""
    return None if shutil.which(program) else "not installed"
