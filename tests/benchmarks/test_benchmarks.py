"""The benchmark itself at a tiny size, with nearly all contestants, and what judges and reports it."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

import duckdb
import pytest

from benchmarks import measure, plot, report, results, samples
from benchmarks.check import WrongResult, require_equal, require_same_content
from benchmarks.contest import BUCKET, Arena, Contestant, Outcome
from benchmarks.contestants import whole_job
from benchmarks.measure import Run
from demo import children
from demo.seaweedfs import Endpoint
from tests import left_running
from tests.conftest import PROJECT, SPARK_OPTIONS
from tests.e2e.expectation import expected_content

ROWS, IDS = 20_000, 2_000
# The product on Spark is measured in the same way as on DuckDB, and the other Spark is lighter.
WHOLE = ["product-duckdb", "seed-job", "plain-duckdb", "polars"]
PUBLISHING = [
    "publisher",
    "seed-publish",
    "pandas",
    "pigz",
    "igzip",
    "gzip",
    "limit-decode",
    "limit-md5",
    "limit-compress",
]
FIXED = ["python", "publisher-help", "publish-small", "few-partitions"]  # the others take long, and are like these
DOCUMENT = f"# Title\n\nBefore.\n\n{report.BEGIN}\nold\n{report.END}\n\nAfter.\n"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, path_without_java: str) -> dict[str, str]:
    return {
        "PATH": path_without_java,
        "HOME": str(tmp_path_factory.mktemp("home")),
        # Java itself reads it; of what is Spark's, contestants get nothing of the caller's.
        "JDK_JAVA_OPTIONS": SPARK_OPTIONS,
    }


def bench(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    places = ("--folder", str(folder), "--results", str(folder / "results.json"))
    return subprocess.run(
        children.bound([sys.executable, "-m", "benchmarks", *arguments, *places]),
        cwd=PROJECT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def printed(folder: Path, environment: dict[str, str]) -> str:
    only = ",".join([*WHOLE, *PUBLISHING, *FIXED])
    ended = bench(
        environment, folder, "--part", "day,publish,fixed", "--day-rows", str(ROWS), "--rounds", "1", "--ids", str(IDS),
        "--only", only,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def measured(printed: str, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found


def test_every_contestant_is_in_the_results_with_its_numbers(measured: dict[str, Any]) -> None:
    sections = {name: list(section["contestants"]) for name, section in measured.items()}
    assert sections == {f"day/{ROWS}": WHOLE, f"publish/{IDS}": PUBLISHING, "fixed/10000": FIXED}
    for section in measured.values():
        for key, one in section["contestants"].items():
            if one.get("absent") == "not installed":
                assert key in ("pigz", "igzip", "gzip")
                continue
            (run,) = one["runs"]
            assert run["round"] == 1
            assert run["seconds"] > 0
            assert run["cpu_seconds"] <= run["seconds"] * (os.cpu_count() or 1) + 5  # what its orphans did after it
            assert run["peak_bytes"] > (0 if run["seconds"] > 0.3 else -1)  # a short one may end before it is looked at
            assert one["seconds"] == dict.fromkeys(("median", "min", "max"), run["seconds"])


def test_spark_is_measured_with_its_jvm_which_is_no_child_of_ours(measured: dict[str, Any]) -> None:
    seed_job = measured[f"day/{ROWS}"]["contestants"]["seed-job"]
    assert seed_job["peak_bytes"]["median"] > 400e6
    assert seed_job["cpu_seconds"]["median"] > 3


def test_all_gave_the_ids_of_the_newest_partition_and_of_no_other(measured: dict[str, Any], folder: Path) -> None:
    raw = folder / "samples" / f"own-day-{ROWS}"
    content = expected_content(raw / "cpfs", [raw / "records/ano_mes_dia=20251022"])
    every_day = expected_content(raw / "cpfs", sorted((raw / "records").iterdir()))
    ids = duckdb.sql(f"select id from '{raw}/expected/ids.parquet'").fetchall()
    assert b"\n".join(one[0].encode() for one in ids) == content
    assert len(every_day) > len(content)
    # Each file was compared with these ids before its run was kept; the same ids in the same order, the same bytes.
    assert measured[f"day/{ROWS}"]["ids"] == content.count(b"\n") + 1
    assert measured[f"day/{ROWS}"]["contestants"]["product-duckdb"]["file_bytes"] > 0


def test_the_products_run_replaced_yesterdays_file(measured: dict[str, Any], folder: Path) -> None:
    for key in ("product-duckdb", "publisher"):
        assert re.search(r"replaced +[\d,]+ ids of partition 20251021", (folder / f"logs/{key}.log").read_text()), key


def test_the_machine_is_described_without_a_name(measured: dict[str, Any]) -> None:
    facts = measured[f"day/{ROWS}"]["machine"]
    assert facts["cores"] >= 1
    assert facts["memory_bytes"] > 1e9
    assert {"duckdb", "pyspark", "polars", "pandas", "pyarrow", "dbt-core", "isal"} <= facts["versions"].keys()
    assert os.uname().nodename not in json.dumps(measured)


def test_the_tables_and_the_plot_show_all_contestants(printed: str, measured: dict[str, Any], folder: Path) -> None:
    for section in measured.values():
        for one in section["contestants"].values():
            assert f"| {one['name']} |" in printed
    assert "own day: seconds on DuckDB, plain DuckDB + 4" in printed
    picture = (folder / "results.svg").read_text()
    expat.ParserCreate().Parse(picture, True)
    for name in (
        "the product on DuckDB",
        "the replaced job (PySpark)",
        "publisher publish",
        "Whole job, 0.02 million",
    ):
        assert name in picture


def test_the_report_renders_what_was_measured_into_a_document(printed: str, folder: Path, tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text(DOCUMENT)
    environment = {"PATH": os.defpath, "HOME": str(tmp_path)}
    for _ in range(2):  # again replaces, and adds nothing
        ended = bench(environment, folder, "report", "--document", str(document))
        assert ended.returncode == 0, ended.stderr
    tables, verdicts = printed.strip("\n").rsplit("\n\n", 1)
    written = f"{tables}\n\n## Targets\n\n```\n{verdicts}\n```\n"
    assert document.read_text() == f"# Title\n\nBefore.\n\n{report.BEGIN}\n{written}{report.END}\n\nAfter.\n"


def test_another_size_and_part_leave_the_rest_of_the_results(
    measured: dict[str, Any], folder: Path, environment: dict[str, str]
) -> None:
    ended = bench(
        environment, folder, "--rounds", "2", "--part", "whole,publish", "--rows", "10000", "--ids", "3000",
        "--only", "plain-duckdb,publisher,seed-publish", "--seed-limit", "2999",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found = json.loads((folder / "results.json").read_text())
    added = found.pop("publish/3000")
    assert list(found.pop("whole/10000")["contestants"]) == ["plain-duckdb"]
    assert found == measured
    assert [run["round"] for run in added["contestants"]["publisher"]["runs"]] == [1, 2]
    assert added["contestants"]["seed-publish"]["absent"] == "not run above 2,999 ids"
    assert added["zlib_bytes"] is None


def test_nothing_is_left_running(printed: str, folder: Path) -> None:
    assert left_running.about(folder) == []


IDS_OF_TEST = ["0000000007", "0000000011", "0000000420"]


@pytest.fixture
def expected(tmp_path: Path) -> samples.Ids:
    rows = ", ".join(f"('{id_}')" for id_ in IDS_OF_TEST)
    duckdb.execute(f"copy (select * from (values {rows}) as ids(id)) to '{tmp_path / 'ids.parquet'}' (format parquet)")
    return samples.Ids(tmp_path, 3, 30)


def compressed(folder: Path, content: str) -> Path:
    file = folder / "file.txt.gz"
    file.write_bytes(gzip.compress(content.encode()))
    return file


@pytest.mark.parametrize("ids", list(itertools.permutations(IDS_OF_TEST)))
@pytest.mark.parametrize("end", ["", "\n"])
def test_the_right_ids_are_right_in_any_order(ids: list[str], end: str, expected: samples.Ids, tmp_path: Path) -> None:
    require_equal(compressed(tmp_path, "\n".join(ids) + end), expected, "it")


@pytest.mark.parametrize(
    "content",
    [
        "0000000007\n0000000420",  # one is missing
        "0000000007\n0000000011\n0000000420\n0000000420",  # one is there twice
        "0000000007\n0000000011\n0000000420\n0000000421",  # one is too many
        "0000000007\n0000000011\n0000000421",  # one is another
        "0000000007\n0000000011\n0000000011",  # one is there in the place of another
        "0000000007\n0000000011\n\n0000000420",
        "0000000007\n0000000011\n0000000420\n\n",
        "0000000007\r\n0000000011\r\n0000000420",
        '"0000000007"\n"0000000011"\n"0000000420"',
        "id\n0000000007\n0000000011\n0000000420",
        "0000000007\n0000000011\n0000000420 ",
        "0000000007\t1\n0000000011\n0000000420",
        "",
    ],
)
def test_a_wrong_result_is_wrong(content: str, expected: samples.Ids, tmp_path: Path) -> None:
    with pytest.raises(WrongResult, match="it gave a wrong result"):
        require_equal(compressed(tmp_path, content), expected, "it")


def test_a_damaged_file_is_a_wrong_result(expected: samples.Ids, tmp_path: Path) -> None:
    file = compressed(tmp_path, "\n".join(IDS_OF_TEST))
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(WrongResult, match="not whole gzip"):
        require_equal(file, expected, "it")
    compressed(tmp_path, "something else")
    with pytest.raises(WrongResult, match="another content"):
        require_same_content(file, "0" * 32, "it")


SABOTAGE = """
import gzip, sys, boto3, benchmarks.rivals.plain_duckdb as rival
rival.main(*sys.argv[1:4])
bucket, _, prefix = sys.argv[3].removeprefix("s3://").partition("/")
active = dict(Bucket=bucket, Key=prefix + "/active/latest.txt.gz")
lines = gzip.decompress(boto3.client("s3").get_object(**active)["Body"].read()).splitlines(keepends=True)
boto3.client("s3").put_object(**active, Body=gzip.compress(b"".join(lines[1:])))
"""


def test_a_contestant_that_loses_an_id_ends_the_benchmark(seaweed: Endpoint, printed: str, folder: Path) -> None:
    said: list[str] = []
    arena = Arena(folder, seaweed, said.append)
    arena.create_bucket()
    tables = samples.raw_tables(folder / "samples", ROWS, said.append)
    plain = next(one for one in whole_job(arena, tables) if one.key == "plain-duckdb")
    assert arena.compete([plain], 1)["plain-duckdb"][0].file_bytes
    sabotaged = Contestant(
        plain.key,
        plain.name,
        (sys.executable, "-c", SABOTAGE, *plain.command[3:]),
        before=plain.before,
        after=plain.after,
    )
    with pytest.raises(WrongResult, match=r"plain DuckDB gave a wrong result: .* 1 ids missing"):
        arena.compete([sabotaged], 1)


def test_a_contestant_that_fails_ends_the_benchmark_and_says_where_to_look(seaweed: Endpoint, tmp_path: Path) -> None:
    arena = Arena(tmp_path, seaweed, lambda _text: None)
    with pytest.raises(measure.CommandFailed, match=r"ended with code 3; see .*broken\.log"):
        arena.compete([Contestant("broken", "broken", ("sh", "-c", "echo why; exit 3"))], 1)
    assert (tmp_path / "logs/broken.log").read_text() == "why\n"


def test_before_a_run_there_is_yesterdays_file_with_its_metadata_and_nothing_else(
    seaweed: Endpoint, tmp_path: Path
) -> None:
    arena = Arena(tmp_path, seaweed, lambda _text: None)
    arena.create_bucket()
    for key in ("old/active/latest.txt.gz", "one/active/latest.txt.gz", "one/stage/a", "one-more/stage/a"):
        arena.client.put_object(Bucket=BUCKET, Key=key, Body=key.encode(), Metadata={"source_partition": key[:3]})
    arena.put_back("one", "old")
    assert arena.download("one").read_bytes() == b"old/active/latest.txt.gz"
    answer = arena.client.head_object(Bucket=BUCKET, Key="one/active/latest.txt.gz")
    assert answer["Metadata"] == {"source_partition": "old"}
    keys = {found["Key"] for found in arena.client.list_objects_v2(Bucket=BUCKET, Prefix="one")["Contents"]}
    assert keys == {"one-more/stage/a", "one/active/latest.txt.gz"}


def test_the_order_rotates(seaweed: Endpoint, tmp_path: Path) -> None:
    order: list[str] = []

    def contestant(key: str, absent: str | None = None) -> Contestant:
        return Contestant(key, key, ("true",), before=lambda: order.append(key), absent=absent)

    outcomes = Arena(tmp_path, seaweed, lambda _text: None).compete(
        [contestant("a"), contestant("b"), contestant("c"), contestant("never", absent="not installed")], 4
    )
    assert "".join(order) == "abcbcacababc"
    assert {key: len(runs) for key, runs in outcomes.items()} == {"a": 4, "b": 4, "c": 4}


# Half a second of work, and then memory that is kept long enough to meet another's.
BUSY = """
import time
kept = b"x" * 150_000_000
while time.process_time() < 0.5: pass
time.sleep(1)
"""


@pytest.fixture
def adopting() -> Iterator[None]:
    measure.adopt_orphans()
    yield
    measure.adopt_orphans(False)


def test_a_tree_of_processes_is_measured_as_one(adopting: None, tmp_path: Path) -> None:
    both = f"{sys.executable} -c '{BUSY}' & {sys.executable} -c '{BUSY}'; wait"
    run = measure.measured(("sh", "-c", both), dict(os.environ), tmp_path, tmp_path / "log")
    assert 1.5 <= run.seconds < 20
    assert run.cpu_seconds > 1
    assert 300e6 < run.peak_bytes < 500e6


def test_what_a_contestant_leaves_behind_is_counted_and_over_before_the_next(adopting: None, tmp_path: Path) -> None:
    begun = time.monotonic()
    left = f"{sys.executable} -c '{BUSY}' & sleep 0.1"
    run = measure.measured(("sh", "-c", left), dict(os.environ), tmp_path, tmp_path / "log")
    assert run.seconds < time.monotonic() - begun - 1
    assert run.cpu_seconds > 0.5
    assert run.peak_bytes > 150e6


def test_an_interrupted_benchmark_stops_what_it_started(environment: dict[str, str], tmp_path: Path) -> None:
    with children.start(
        [sys.executable, "-m", "benchmarks", "--rows", "20000", "--part", "whole", "--folder", str(tmp_path)],
        cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        while not (tmp_path / "logs/product-duckdb.log").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert process.returncode == 143
    assert left_running.about(tmp_path) == []


def outcomes_of(*seconds: float) -> list[Outcome]:
    return [Outcome(number, Run(one, 2 * one, int(one * 1e6)), 100) for number, one in enumerate(seconds, start=1)]


def test_medians_least_and_most(tmp_path: Path) -> None:
    contestant = Contestant("a", "A", ("true",))
    section = results.section([contestant], {"a": outcomes_of(5, 1, 2)}, {"ids": 7}, results.machine())
    found = results.merge(tmp_path / "r.json", "publish/7", section)["publish/7"]["contestants"]["a"]
    assert found["seconds"] == {"median": 2, "min": 1, "max": 5}
    assert found["cpu_seconds"] == {"median": 4, "min": 2, "max": 10}
    assert found["peak_bytes"] == {"median": 2e6, "min": 1e6, "max": 5e6}
    assert [run["seconds"] for run in found["runs"]] == [5, 1, 2]


def test_merging_keeps_other_sizes_and_other_contestants_in_order(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    contestants = [Contestant(key, key, ("true",)) for key in "abc"]
    both = {"a": outcomes_of(1), "b": outcomes_of(2), "c": outcomes_of(3)}
    for name in ("publish/10", "whole/30", "whole/4", "publish/9"):
        results.merge(file, name, results.section(contestants, both, {"ids": 1}, results.machine()))
    found = results.merge(
        file, "whole/4", results.section(contestants[1:2], {"b": outcomes_of(9)}, {"ids": 2}, results.machine())
    )
    assert list(found) == ["whole/4", "whole/30", "publish/9", "publish/10"]
    assert found == results.read(file)
    again = found["whole/4"]["contestants"]
    assert {key: one["seconds"]["median"] for key, one in again.items()} == {"a": 1, "b": 9, "c": 3}
    assert list(again) == ["a", "b", "c"]
    assert found["whole/30"]["contestants"]["b"]["seconds"]["median"] == 2


def invented(tmp_path: Path, seconds: dict[str, float], name: str, **facts: Any) -> dict[str, Any]:
    contestants = [Contestant(key, key, ("true",), absent="not installed") for key in [*seconds, "igzip"]]
    runs = {key: outcomes_of(one) for key, one in seconds.items()}
    return results.merge(tmp_path / "r.json", name, results.section(contestants, runs, facts, results.machine()))


def test_the_targets(tmp_path: Path) -> None:
    raw = {"rows": 300, "cpfs": 5, "partition_bytes": 9, "ids": 4}
    whole = {"product-duckdb": 16.4, "plain-duckdb": 10.0, "product-spark": 45.0, "seed-job": 50.0}
    invented(tmp_path, whole, "whole/300", **raw)
    invented(tmp_path, {**whole, "product-comet": 31.0}, "day/300", **raw)
    invented(tmp_path, {"publisher": 0.35}, "publish/100000", ids=100_000, zlib_bytes=None)
    slow = {"publisher": 0.7, "seed-publish": 17.0}
    invented(tmp_path, slow, "publish/5000000", ids=5_000_000, zlib_bytes=98)
    found = invented(
        tmp_path, {"publisher": 1.0, "seed-publish": 2.0}, "publish/9000000", ids=9_000_000, zlib_bytes=None
    )
    judged = [(round(target.value, 3), round(target.limit, 3), target.is_met) for target in report.targets(found)]
    assert judged == [
        (16.4, 14.0, False),
        (0.9, 0.95, True),
        (0.62, 0.6, False),
        (16.4, 16.5, True),
        (0.9, 0.9, True),
        (0.35, 0.35, True),
        (0.286, 8, False),
        (0.35, 300, True),
        (24.286, 25, False),
        (7.143, 8, False),
        (1.02, 1.02, False),
        (0.7, 300, True),
        (9.0, 8, True),
        (1.0, 300, True),
    ]
    assert "300 rows: on Spark against the replaced job: 0.90" in report.targets_text(found)
    assert report.targets_text(found).splitlines()[8].startswith("MISSED  5,000,000 ids: the replaced job's way takes")


def test_the_glance_shows_the_largest_own_day_against_the_replaced_job_and_no_other(tmp_path: Path) -> None:
    assert report.at_a_glance({}) == ""
    raw = {"cpfs": 5, "partition_bytes": 7_600_000_000, "ids": 4}
    invented(tmp_path, {"product-duckdb": 1.0, "seed-job": 2.0}, "day/30", rows=30, **raw)
    invented(tmp_path, {"product-duckdb": 3.0}, "whole/9000", rows=9000, **raw)
    found = invented(tmp_path, {"product-duckdb": 15.0, "seed-job": 50.0}, "day/300", rows=300, **raw)
    glance = report.at_a_glance(found)
    assert glance.startswith(f"300 rows (7.6 GB), 4 ids, {results.machine()['cores']} cores:\n\n| ")
    assert "| product-duckdb | 15.0 s | 0.30× |" in glance
    assert "| seed-job | 50.0 s | 1.00× |" in glance
    assert glance.count("\n| ") == 3  # and not who took no part


def test_what_was_not_run_is_told(tmp_path: Path) -> None:
    found = invented(tmp_path, {"publisher": 0.5}, "publish/100", ids=100, zlib_bytes=80)
    text = report.markdown(found, "plot.svg")
    assert "| 100 | igzip | not installed |  |  |  |" in text
    assert "| 100 | publisher | 0.50 s | 0.00 million | +25.0% | 0 MiB |" in text
    plot.draw(found, tmp_path / "plot.svg")
    assert "Publishing" in (tmp_path / "plot.svg").read_text()


def test_a_section_is_replaced_and_the_rest_of_the_document_kept(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.md"
    file.write_text(DOCUMENT)
    for text in ("first\n", "second\n"):
        report.replace_section(file, text)
    assert file.read_text() == f"# Title\n\nBefore.\n\n{report.BEGIN}\nsecond\n{report.END}\n\nAfter.\n"


@pytest.mark.parametrize(
    "document",
    [
        "nothing\n",
        f"{report.BEGIN}\nno end\n",
        f"{report.END}\n{report.BEGIN}\n",
        f"{report.BEGIN}\n{report.END}\n{report.BEGIN}\n{report.END}\n",
    ],
)
def test_a_document_without_the_two_markers_is_left_alone(document: str, tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.md"
    file.write_text(document)
    with pytest.raises(report.NoMarkers):
        report.replace_section(file, "new\n")
    assert file.read_text() == document


def test_samples_that_would_hide_a_mistake_are_refused(tmp_path: Path) -> None:
    said: list[str] = []
    tables = samples.raw_tables(tmp_path, 10_000, said.append)
    said.clear()
    again = samples.raw_tables(tmp_path, 10_000, said.append)
    assert again == tables
    assert said == ["what must come out"]  # and no rows were made again
    older = tables.records / "ano_mes_dia=20251020"
    for file in older.iterdir():
        file.unlink()
    newest = f"select * from '{tables.records}/ano_mes_dia=20251022/*.parquet'"
    duckdb.execute(f"copy ({newest}) to '{older}/a.parquet' (format parquet)")
    with pytest.raises(samples.UnfitSample, match="no id matches in 20251020 alone"):
        samples.raw_tables(tmp_path, 10_000, said.append)


def test_yesterday_is_nearly_today(tmp_path: Path) -> None:
    sample = samples.publishing(tmp_path, 5_000, with_zlib=True, say=lambda _text: None)
    today, yesterday = (
        {one[0] for one in duckdb.sql(f"select id from '{ids.file}'").fetchall()}
        for ids in (sample.today, sample.yesterday)
    )
    assert (len(today), len(today - yesterday), len(yesterday - today)) == (5_000, 50, 50)
    assert (sample.today.count, sample.today.id_bytes) == (5_000, 50_000)
    assert all(len(id_) == 10 for id_ in today | yesterday)
    assert sample.text.read_text().splitlines() == sorted(today)
    assert sample.zlib_bytes is not None
    assert sample.zlib_bytes == pytest.approx(len(gzip.compress(sample.text.read_bytes(), 6)), abs=20)
