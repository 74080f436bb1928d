"""Measures the product beside what one would use instead: same data, same machine, one run, interleaved."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import contestants, measure, plot, report, results, samples
from benchmarks.check import WrongResult
from benchmarks.contest import PROJECT, Arena, Contestant
from demo import data, seaweedfs

PARTS = ("whole", "publish", "fixed")
_SMALL_ROWS, _SMALL_IDS = 10_000, 100_000


@dataclass(frozen=True)
class Plan:
    """What is to be measured, and where it goes."""

    rows: int
    rounds: int
    ids: tuple[int, ...]
    seed_limit: int
    parts: tuple[str, ...]
    only: frozenset[str]
    folder: Path
    results: Path


def main() -> None:
    """Measures, or renders what was measured, and ends with 0, or with 1 and the reason."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if arguments.command == "run":
            run(_plan(arguments))
        elif not arguments.results.exists():
            sys.exit(f"there are no results in {arguments.results}; `make bench` makes them")
        show(arguments.results)
        if arguments.command == "report":
            write(arguments.results, arguments.document)
    except (
        measure.CommandFailed,
        WrongResult,
        samples.UnfitSample,
        report.NoMarkers,
        seaweedfs.StoreNotStarted,
    ) as error:
        sys.exit(f"the benchmark failed: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; what was measured whole is kept")


def run(plan: Plan) -> None:
    """Measures part after part, and keeps each as soon as it is whole.

    Raises:
        CommandFailed: A contestant failed.
        WrongResult: A contestant gave a wrong result.
        UnfitSample: The sample data is too small.
        StoreNotStarted: The object store did not start.
    """
    measure.adopt_orphans()
    with ExitStack() as until_the_end:
        endpoint = until_the_end.enter_context(seaweedfs.running(plan.folder / "store"))
        arena = Arena(plan.folder, endpoint, _say)
        arena.create_bucket()
        if "whole" in plan.parts:
            tables = samples.raw_tables(plan.folder / "samples", plan.rows, _say)
            facts: dict[str, Any] = {
                "cpfs": data.CPFS, "rows": plan.rows, "partition_bytes": tables.partition_bytes,
                "ids": tables.expected.count,
            }  # fmt: skip
            _warm(tables.files)
            _measure(plan, f"whole/{plan.rows}", arena, contestants.whole_job(arena, tables), facts)
        for ids in plan.ids if "publish" in plan.parts else ():
            sample = _publishing(plan, ids)
            facts = {"ids": ids, "zlib_bytes": sample.zlib_bytes}
            _warm([sample.today.file, sample.text])
            _measure(plan, f"publish/{ids}", arena, contestants.publishing_half(arena, sample, plan.seed_limit), facts)
        if "fixed" in plan.parts:
            tiny = samples.raw_tables(plan.folder / "samples", _SMALL_ROWS, _say)
            sample = _publishing(plan, _SMALL_IDS)
            _measure(plan, f"fixed/{_SMALL_ROWS}", arena, contestants.fixed_costs(arena, tiny, sample), {})


def show(results_file: Path) -> None:
    """Draws the plot beside the results, and prints the tables and the targets."""
    measured = results.read(results_file)
    picture = results_file.with_suffix(".svg")
    plot.draw(measured, picture)
    print(f"\n{report.markdown(measured, picture.name)}\n{report.targets_text(measured)}")


def write(results_file: Path, document: Path) -> None:
    """Writes all tables into a document beside the plot.

    Raises:
        NoMarkers: It has no place for them.
    """
    measured = results.read(results_file)
    report.replace_section(document, report.everything(measured, results_file.with_suffix(".svg").name))


def _measure(plan: Plan, name: str, arena: Arena, all_of_them: Iterable[Contestant], facts: dict[str, Any]) -> None:
    chosen = [contestant for contestant in all_of_them if not plan.only or contestant.key in plan.only]
    if chosen:
        machine = results.machine()
        outcomes = arena.compete(chosen, plan.rounds)
        results.merge(plan.results, name, results.section(chosen, outcomes, facts, machine))


def _publishing(plan: Plan, ids: int) -> samples.Publishing:
    return samples.publishing(plan.folder / "samples", ids, with_zlib=ids <= plan.seed_limit, say=_say)


def _warm(files: Iterable[Path]) -> None:
    """Reads what will be read, so that the first contestant finds it in memory like the others."""
    for path in files:
        with path.open("rb") as file:
            while file.read(1 << 22):
                pass


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add: Callable[..., Any] = parser.add_argument
    add("command", nargs="?", choices=("run", "report"), default="run", help="report: render what was measured")
    add("--rows", type=int, default=30_000_000, help="rows of the newest partition (default: 30000000)")
    add("--rounds", type=int, default=3, help="runs of each contestant (default: 3)")
    add("--ids", default="1000000,5000000,10000000", help="sizes of the publishing half")
    add("--seed-limit", type=int, default=10_000_000, help="no more ids for those that keep all in memory")
    add("--part", default=",".join(PARTS), help="whole, publish, fixed (default: all)")
    add("--only", default="", help="these contestants only, by their keys in the results")
    add("--folder", type=Path, default=PROJECT / ".bench", help="data and store (default: .bench)")
    add(
        "--results", type=Path, default=PROJECT / "docs" / "benchmarks.json", help="the results, and beside it the plot"
    )
    add("--document", type=Path, default=PROJECT / "docs" / "benchmarks.md", help="report: where all tables go")
    arguments = parser.parse_args()
    if arguments.rows < _SMALL_ROWS or arguments.rounds < 1:
        parser.error(f"--rows: at least {_SMALL_ROWS}, so that some match; --rounds: at least 1")
    if unknown := set(arguments.part.split(",")) - set(PARTS):
        parser.error(f"--part: {', '.join(sorted(unknown))} is unknown; there are {', '.join(PARTS)}")
    return arguments


def _plan(arguments: argparse.Namespace) -> Plan:
    return Plan(
        rows=arguments.rows,
        rounds=arguments.rounds,
        ids=tuple(sorted(int(size) for size in arguments.ids.split(","))),
        seed_limit=arguments.seed_limit,
        parts=tuple(arguments.part.split(",")),
        only=frozenset(name for name in arguments.only.split(",") if name),
        folder=arguments.folder.resolve(),
        results=arguments.results.resolve(),
    )


if __name__ == "__main__":
    main()
