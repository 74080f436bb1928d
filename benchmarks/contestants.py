"""Who competes in what."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.check import require_equal, require_same_content
from benchmarks.contest import BUCKET, PROJECT, Arena, Contestant, absent_where_not_installed
from benchmarks.measure import CommandFailed
from benchmarks.samples import YESTERDAY, Ids, Publishing, RawTables, many_partitions

SPARK_MEMORY = "4g"  # the default of the target `local`
_NO_MAX_IDS = {"PUBLISHER_MAX_IDS": "1000000000"}  # how many ids are too many is no question here
_ALL_CHECKS = "dbt's tests, the guards, a whole read-back"
_SEED_CHECKS = "no empty id, a whole read-back"
MANY_PARTITIONS, FEW_PARTITIONS = 10_000, 3


def whole_job(arena: Arena, tables: RawTables) -> list[Contestant]:
    """Returns who gets from raw Parquet to the promoted file."""
    yesterday = _publish_yesterday(arena, tables.yesterday, f"yesterday/{tables.folder.name}")
    raw = (str(tables.cpfs), str(tables.records))

    def promoting(contestant: Contestant) -> Contestant:
        return _promoting(arena, contestant, f"whole/{contestant.key}", yesterday, tables.expected)

    def product(key: str, name: str, target: str, **settings: str) -> Contestant:
        environment = _dbt_environment(_new_folder(arena, key), target, tables.cpfs, tables.records)
        environment |= {"PUBLISHER_TO": f"s3://{BUCKET}/whole/{key}", **_NO_MAX_IDS, **settings}
        command = ("sh", "-c", "dbt build && publisher publish")
        return promoting(Contestant(key, name, command, _ALL_CHECKS, environment))

    def rival(key: str, name: str, module: str, checks: str, *more: str) -> Contestant:
        command = (sys.executable, "-m", f"benchmarks.rivals.{module}", *raw, f"s3://{BUCKET}/whole/{key}", *more)
        return promoting(Contestant(key, name, command, checks))

    with_comet = product("product-comet", "the product on Spark with Comet", "local", **_with_comet())
    return [
        product("product-duckdb", "the product on DuckDB", "duckdb"),
        product("product-spark", "the product on Spark (local)", "local"),
        replace(with_comet, try_out=lambda: _why_no_comet(arena, with_comet)),
        rival("seed-job", "the replaced job (PySpark)", "seed_job", _SEED_CHECKS, SPARK_MEMORY),
        rival("plain-duckdb", "plain DuckDB", "plain_duckdb", "nothing"),
        rival("polars", "Polars", "polars_job", "nothing"),
    ]


def publishing_half(arena: Arena, sample: Publishing, seed_limit: int) -> list[Contestant]:
    """Returns who gets from a table of ids to the promoted file, and what the parts of that take alone."""
    table, text, count = str(sample.today.file), str(sample.text), sample.today.count
    yesterday = _publish_yesterday(arena, sample.yesterday, f"yesterday/ids-{count}")
    too_many = f"not run above {seed_limit:,} ids" if count > seed_limit else None

    def promoting(key: str, name: str, *command: str, checks: str, absent: str | None = None) -> Contestant:
        contestant = Contestant(key, name, command, checks, _NO_MAX_IDS, absent=absent)
        return _promoting(arena, contestant, f"publish/{key}", yesterday, sample.today)

    def rival(key: str, name: str, module: str, checks: str, *more: str) -> Contestant:
        command = (sys.executable, "-m", f"benchmarks.rivals.{module}", table, *more, f"s3://{BUCKET}/publish/{key}")
        return promoting(key, name, *command, checks=checks, absent=too_many)

    def tool(program: str, *options: str) -> Contestant:
        name = " ".join((program, *options))
        file = arena.folder / "work" / f"{program}.txt.gz"

        def after() -> int:
            require_same_content(file, sample.text_md5, name)
            size = file.stat().st_size
            file.unlink()
            return size

        # The shell becomes the program, and is no part of what is measured.
        command = ("sh", "-c", f'exec {name} -c "$0" > "$1"', text, str(file))
        return Contestant(
            program, f"{name}, text to file", command, "nothing", program=program,
            absent=absent_where_not_installed(program), after=after,
        )  # fmt: skip

    def limit(part: str, name: str, source: str) -> Contestant:
        return Contestant(f"limit-{part}", name, (sys.executable, "-m", "benchmarks.limits", part, source))

    publisher_command = ("publisher", "publish", "--table", f"parquet:{sample.today.folder}")
    to = ("--to", f"s3://{BUCKET}/publish/publisher")
    return [
        promoting("publisher", "`publisher publish`", *publisher_command, *to, checks="the guards, a whole read-back"),
        rival("seed-publish", "the replaced job's way", "seed_publish", _SEED_CHECKS, "20251022"),
        rival("pandas", "pandas", "pandas_publish", "nothing"),
        tool("pigz"),
        tool("igzip"),
        tool("gzip", "-6"),
        limit("decode", "limit: Parquet decoding alone", table),
        limit("md5", "limit: MD5 alone", text),
        limit("compress", "limit: compression alone", text),
    ]


def fixed_costs(arena: Arena, tiny: RawTables, sample: Publishing) -> list[Contestant]:
    """Returns what does not depend on how much data there is."""
    publisher = publishing_half(arena, sample, seed_limit=0)[0]

    def dbt(key: str, name: str, records: Path, *arguments: str) -> Contestant:
        environment = _dbt_environment(_new_folder(arena, key), "duckdb", tiny.cpfs, records)
        return Contestant(key, name, ("dbt", *arguments), environment=environment)

    def choice(key: str, partitions: int) -> Contestant:
        records = many_partitions(tiny, tiny.folder, partitions)
        name = f"`dbt compile --select stg_records`, {partitions:,} partitions"
        return dbt(key, name, records, "compile", "--select", "stg_records")

    return [
        Contestant("python", "`python -c pass`", (sys.executable, "-c", "pass")),
        Contestant("publisher-help", "`publisher --help`", ("publisher", "--help")),
        Contestant(
            "publish-small", f"`publisher publish`, {sample.today.count:,} ids", publisher.command,
            environment=publisher.environment, before=publisher.before, after=publisher.after,
        ),
        dbt("dbt-build", f"`dbt build` on DuckDB, {tiny.rows:,} rows", tiny.records, "build"),
        choice("few-partitions", FEW_PARTITIONS),
        choice("many-partitions", MANY_PARTITIONS),
    ]  # fmt: skip


def _dbt_environment(work: Path, target: str, cpfs: Path, records: Path) -> dict[str, str]:
    return {
        "MATCHED_IDS_TARGET": target,
        "MATCHED_IDS_SPARK_MEMORY": SPARK_MEMORY,
        "MATCHED_IDS_CPFS_PATH": str(cpfs),
        "MATCHED_IDS_RECORDS_PATH": str(records),
        "MATCHED_IDS_LOCAL_DIR": str(work / "spark"),
        "DBT_TARGET_PATH": str(work / "target"),
        "DBT_LOG_PATH": str(work / "logs"),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_EXCLUDE_RESOURCE_TYPES": "unit_test",  # as in production: those are CI's
    }


def _with_comet() -> dict[str, str]:
    """Returns the settings that ask for Comet, with the jar that the caller names; without one Spark fetches it."""
    jars = {name: path for name, path in os.environ.items() if name.startswith("MATCHED_IDS_SPARK_ACCELERATOR_")}
    return {**jars, "MATCHED_IDS_SPARK_ACCELERATOR": "comet"}


def _why_no_comet(arena: Arena, with_comet: Contestant) -> str | None:
    """Lets Spark start with Comet once, which fetches its jar. Returns why that cannot be; None where it can."""
    elsewhere = {"MATCHED_IDS_LOCAL_DIR": str(_new_folder(arena, "comet"))}
    try:
        arena.run("comet", ("dbt", "debug"), {**with_comet.environment, **elsewhere})
    except CommandFailed:
        arena.say(f"without Comet, because its jar was not to be had: see {arena.folder / 'logs' / 'comet.log'}")
        return "not run: its jar was not to be had"
    return None


def _new_folder(arena: Arena, key: str) -> Path:
    """Empties a contestant's own folder: its first run finds nothing of an earlier one, the next are as every day."""
    work = arena.folder / "work" / key
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    return work


def _publish_yesterday(arena: Arena, ids: Ids, prefix: str) -> str:
    """Publishes what the product will find as the active file."""
    arena.put_back(prefix, None)
    command = ("publisher", "publish", "--table", f"parquet:{ids.folder}", "--source-partition", YESTERDAY)
    arena.run("yesterday", (*command, "--to", f"s3://{BUCKET}/{prefix}"), _NO_MAX_IDS)
    return prefix


def _promoting(arena: Arena, contestant: Contestant, prefix: str, yesterday: str, expected: Ids) -> Contestant:
    """Surrounds each run of who promotes a file: yesterday's is put back before, and the new one is checked after."""

    def after() -> int:
        file = arena.download(prefix)
        require_equal(file, expected, contestant.name)
        return file.stat().st_size

    return replace(contestant, before=lambda: arena.put_back(prefix, yesterday), after=after)
