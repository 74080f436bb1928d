"""Measures the product beside what one would use instead: same data, same machine, one run, interleaved."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import contestants, measure, plot, report, results, samples
from benchmarks.check import WrongResult
from benchmarks.contest import PROJECT, Arena, Contestant
from demo import data, seaweedfs

PARTS = ("day", "whole", "publish", "fixed")
_SMALL_ROWS, _SMALL_IDS = 10_000, 100_000


@dataclass(frozen=True)
class Plan:
    """What is to be measured, and where it goes."""

    day_rows: int
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
        if "day" in plan.parts:
            _whole_job(plan, "day", arena, samples.own_day_of_replaced_job(arena.samples, plan.day_rows, _say))
        if "whole" in plan.parts:
            _whole_job(plan, "whole", arena, samples.raw_tables(arena.samples, plan.rows, _say))
        for ids in plan.ids if "publish" in plan.parts else ():
            sample = _publishing(plan, ids)
            facts = {"ids": ids, "zlib_bytes": sample.zlib_bytes}
            _warm([sample.today.file, sample.text])
            _measure(plan, f"publish/{ids}", arena, contestants.publishing_half(arena, sample, plan.seed_limit), facts)
        if "fixed" in plan.parts:
            tiny = samples.raw_tables(arena.samples, _SMALL_ROWS, _say)
            sample = _publishing(plan, _SMALL_IDS)
            _measure(plan, f"fixed/{_SMALL_ROWS}", arena, contestants.fixed_costs(arena, tiny, sample), {})


def show(results_file: Path) -> None:
    """Draws the plot beside the results, and prints the tables and the targets."""
    measured = results.read(results_file)
    picture = results_file.with_suffix(".svg")
    plot.draw(measured, picture)
    print(f"\n{report.markdown(measured, picture.name)}\n{report.targets_text(measured)}")


def write(results_file: Path, document: Path | None) -> None:
    """Writes all tables into a document beside the plot.

    Args:
        results_file: What was measured.
        document: None for the project's own, and then the README, in each language, gets the replaced job's own day.

    Raises:
        NoMarkers: A document has no place for them.
    """
    measured = results.read(results_file)
    tables = report.everything(measured, results_file.with_suffix(".svg").name)
    report.replace_section(document or PROJECT / "docs" / "benchmarks.md", tables)
    if document is None:
        for readme in ("README.md", "docs/pt-BR/README.md"):
            report.replace_section(PROJECT / readme, report.at_a_glance(measured))


def _whole_job(plan: Plan, part: str, arena: Arena, tables: samples.RawTables) -> None:
    facts: dict[str, Any] = {
        "cpfs": data.CPFS, "rows": tables.rows, "partition_bytes": tables.partition_bytes, "ids": tables.expected.count,
    }  # fmt: skip
    _warm(tables.files)
    _measure(plan, f"{part}/{tables.rows}", arena, contestants.whole_job(arena, tables), facts)


def _measure(plan: Plan, name: str, arena: Arena, all_of_them: Iterable[Contestant], facts: dict[str, Any]) -> None:
    taking_part = [contestant for contestant in all_of_them if not plan.only or contestant.key in plan.only]
    chosen = [replace(contestant, absent=contestant.absent or contestant.try_out()) for contestant in taking_part]
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
    add("--day-rows", type=int, default=300_000_000, help="rows of the replaced job's own day (default: 300000000)")
    add("--rows", type=int, default=30_000_000, help="rows of the day with many matches (default: 30000000)")
    add("--rounds", type=int, default=3, help="runs of each contestant (default: 3)")
    add("--ids", default="1000000,5000000,10000000", help="sizes of the publishing half")
    add("--seed-limit", type=int, default=10_000_000, help="no more ids for those that keep all in memory")
    add("--part", default=",".join(PARTS), help=f"{', '.join(PARTS)} (default: all)")
    add("--only", default="", help="these contestants only, by their keys in the results")
    add("--folder", type=Path, default=PROJECT / ".bench", help="data and store (default: .bench)")
    add(
        "--results", type=Path, default=PROJECT / "docs" / "benchmarks.json", help="the results, and beside it the plot"
    )
    add("--document", type=Path, help="report: where all tables go (default: docs/benchmarks.md, and the README)")
    arguments = parser.parse_args()
    if min(arguments.rows, arguments.day_rows) < _SMALL_ROWS or arguments.rounds < 1:
        parser.error(f"--rows, --day-rows: at least {_SMALL_ROWS}, so that some match; --rounds: at least 1")
    if unknown := set(arguments.part.split(",")) - set(PARTS):
        parser.error(f"--part: {', '.join(sorted(unknown))} is unknown; there are {', '.join(PARTS)}")
    return arguments


def _plan(arguments: argparse.Namespace) -> Plan:
    return Plan(
        day_rows=arguments.day_rows,
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
