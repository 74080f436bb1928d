"""Two dbt runs at once in one folder, as two processes: the second says so in a line, and leaves the first alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo import children
from tests import forked
from tests.conftest import PROJECT
from tests.e2e.conftest import Lake
from tests.e2e.test_duckdb import lake_of_duckdb, result_of, small

__all__ = ["lake_of_duckdb", "small"]  # fixtures

# A run that takes its time: built, and not over yet.
RUN = "from dbt.cli.main import dbtRunner; print(dbtRunner().invoke(['build', '-s', 'stg_cpfs']).success, flush=True); "
QUERY = "{{ run_query('show schemas') if execute }}"
ASK = f"from dbt.cli.main import dbtRunner; dbtRunner().invoke(['compile', '--inline', {QUERY!r}]); "
WAIT = "import sys; print('ready', flush=True); sys.stdin.read()"


@contextmanager
def a_process(program: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = children.start(
        [sys.executable, "-c", program + WAIT],
        cwd=PROJECT, env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert "ready" in (line.strip() for line in process.stdout)
        yield process
    finally:
        process.kill()
        process.communicate()


def a_second_run(lake: Lake) -> str:
    """Returns what dbt says, as another process, when it cannot run a statement."""
    ended = forked.dbt.run(["compile", "--inline", QUERY], {**os.environ, **lake.environment()}, PROJECT)
    assert ended.returncode != 0
    output = ended.stdout + ended.stderr
    assert "Traceback" not in output
    return output


def test_a_second_run_on_duckdb_says_who_is_in_the_folder(small: Lake) -> None:
    folder = small.settings["MATCHED_IDS_LOCAL_DIR"]
    with a_process(RUN, small.environment()) as first:
        ended = small.build()
        assert not ended.success
        assert f"Another dbt run (process {first.pid} on " in ended.output
        assert f"works in {folder}, the folder of MATCHED_IDS_LOCAL_DIR. Wait until it is over, or give" in ended.output
        assert "Traceback" not in ended.output
        assert not result_of(small).exists()
        small.settings["MATCHED_IDS_LOCAL_DIR"] = f"{folder}-of-its-own"
        assert small.build("-s", "stg_cpfs").success
    small.settings["MATCHED_IDS_LOCAL_DIR"] = folder
    # It was killed, and left nothing behind that stops the next one.
    assert small.build("-s", "stg_cpfs").success


def test_a_database_that_another_program_has_open_is_no_page_about_locks(small: Lake) -> None:
    folder = Path(small.settings["MATCHED_IDS_LOCAL_DIR"])
    folder.mkdir(exist_ok=True)
    other = f"import duckdb; connection = duckdb.connect({str(folder / 'warehouse.duckdb')!r}); "
    with a_process(other, {}) as program:
        ended = small.build()
    assert not ended.success
    assert f"Another dbt run (process {program.pid}, python" in ended.output
    assert f"works in {folder}, the folder of MATCHED_IDS_LOCAL_DIR." in ended.output
    assert "Traceback" not in ended.output
    assert small.build("-s", "stg_cpfs").success


def test_a_second_run_on_local_says_who_is_in_the_folder(lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "local"
    lake.settings["MATCHED_IDS_LOCAL_DIR"] = str(folder)
    with a_process(ASK, lake.environment()) as first:
        output = a_second_run(lake)
        assert f"Another dbt run (process {first.pid} on " in output
        assert f"works in {folder}, the folder of MATCHED_IDS_LOCAL_DIR." in output

        # As if it were no dbt run, but a Spark by hand: Derby alone is left to notice it.
        (folder / "metastore.lock").rename(folder / "another.lock")
        output = a_second_run(lake)
        assert f"Another dbt run works in {folder}, the folder of MATCHED_IDS_LOCAL_DIR." in output
        assert "Derby" not in output
