"""What `local` tells of Spark's errors: statements through dbt's own cursor in a real Spark, and a build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dbt.adapters.contracts.connection import Connection, ConnectionState
from dbt.adapters.spark.connections import SparkConnectionManager, SparkConnectionMethod, SparkCredentials

from tests.e2e.conftest import Lake
from tests.quoted import CPF, chained, quoted, write_damaged_pages

VALUES = (f"'{CPF}'", f"'x{CPF}'", f"{CPF}", f"{CPF}.25", f"double({CPF}) * 1e20", f"'{CPF * 4}'")
TYPES = ("tinyint", "int", "bigint", "double", "decimal(10,2)", "date", "timestamp", "boolean", "interval day")
# As a constant, which is computed while the statement is planned, and for each row.
FORMS = (
    "select cast({value} as {type})",
    "select cast(c as {type}) as documento from (select {value} as c from range(3))",
)
OTHERS = (
    f"select raise_error('no {CPF}')",
    f"select raise_error(concat('no ', '{CPF}', id)) from range(3)",
    f"select assert_true(false, '{CPF}')",
    f"select {CPF} / 0",
    f"select {CPF} * {CPF} * {CPF}",
    f"select array(1)[cast({CPF} % 1000000 as int)]",
    f"select to_timestamp('{CPF}', 'yyyy-MM-dd')",
    f"select make_date(cast({CPF} % 100000 as int), 13, 1)",
    f"select regexp_replace('a', '({CPF}', 'x')",
    f"select to_number('x{CPF}', '999')",
    f"select from_json('{CPF}', '{CPF}')",
    f"select * from no_such_table_{CPF}",
    f"select d from (select 1 as `{CPF}`)",
    f"selec '{CPF}'",
)
NAMES_ONLY = "[TABLE_OR_VIEW_NOT_FOUND] The table or view `no_such` cannot be found."


@pytest.fixture
def handle(small_lake: Lake) -> Any:
    """A connection as the adapter opens it in a dbt run, to the Spark of all tests; strict about casts."""
    assert small_lake.register().success
    credentials = SparkCredentials(host="localhost", schema="default", method=SparkConnectionMethod.SESSION)
    credentials.server_side_parameters["spark.sql.ansi.enabled"] = "true"
    connection = Connection(type="spark", name="test", credentials=credentials, state=ConnectionState.INIT, handle=None)
    return SparkConnectionManager.open(connection).handle


def failure(handle: Any, statement: str) -> Exception | None:
    cursor = handle.cursor()
    try:
        cursor.execute(statement)
        cursor.fetchall()
    except Exception as error:  # noqa: BLE001 -- any kind must be redacted
        return error
    return None


def told(handle: Any, statement: str) -> str:
    error = failure(handle, statement)
    assert error is not None
    leaks = quoted(str(error)) + chained(error)
    assert leaks == 0
    return str(error.msg)  # type: ignore[attr-defined]


def write_no_parquet(path: Path) -> Path:
    path.write_text(f"{CPF} is no Parquet")
    return path


def write_other_type(path: Path) -> Path:
    pq.write_table(pa.table({"id": ["a"], "documento": [int(CPF)]}), path)
    return path


def test_no_error_of_spark_quotes_the_value_it_stumbled_over(
    handle: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    casts = [form.format(value=value, type=type_) for form in FORMS for value in VALUES for type_ in TYPES]
    errors = [error for statement in [*casts, *OTHERS] if (error := failure(handle, statement))]
    assert len(errors) > 70
    assert sum(quoted(str(error)) + chained(error) for error in errors) == 0

    raised = told(handle, f"select cast(documento as int) from (select '{CPF}' as documento from range(2))")
    assert raised.startswith("Spark failed with SparkNumberFormatException: [CAST_INVALID_INPUT], SQLSTATE 22018")
    # The adapter itself reads these words.
    assert told(handle, "select * from no_such").startswith(f"Spark: {NAMES_ONLY}")
    assert "Did you mean one of the following? [`(a number)`]" in told(handle, f"select d from (select 1 as `{CPF}`)")

    for write, word in (
        (write_damaged_pages, "SparkException"),
        (write_no_parquet, "is not a Parquet file"),
        (write_other_type, "Parquet column cannot be converted"),
    ):
        folder = tmp_path / write.__name__
        folder.mkdir()
        file = write(folder / "a b=1.parquet")
        handle.cursor().execute("drop table if exists damaged")
        handle.cursor().execute(f"create table damaged (id string, documento string) using parquet location '{folder}'")
        text = told(handle, "select max(documento) from damaged")
        assert word in text
        assert f"file {file}. " in text
    assert "expected string, found INT64, column documento" in text
    handle.cursor().execute("drop table damaged")
    assert quoted("".join(capfd.readouterr())) == 0  # Spark's own log goes to the screen


def test_what_is_damaged_is_named_and_not_shown(small_lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    file = write_damaged_pages(small_lake.records / "ano_mes_dia=20251022" / "damaged.parquet")
    assert small_lake.register().success
    ended = small_lake.build("--debug", "--exclude-resource-type", "test")
    assert not ended.success
    assert "Spark failed with " in ended.output
    assert f"file {file}. " in ended.output
    file.unlink()  # it cannot be looked for
    assert quoted(small_lake.told() + "".join(capfd.readouterr())) + small_lake.leaked_documents() == 0
