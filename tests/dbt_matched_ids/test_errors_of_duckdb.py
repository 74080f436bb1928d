"""What the target `duckdb` tells of DuckDB's errors. Every statement fails in a real DuckDB, through dbt's cursor."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dbt_matched_ids.duckdb.plugin import RedactingCursor
from dbt_matched_ids.duckdb.s3 import S3Failed
from tests.quoted import CPF, chained, quoted, write_damaged_at_random, write_damaged_pages, write_not_utf8

TYPES = (
    "boolean", "tinyint", "utinyint", "integer", "bigint", "ubigint", "hugeint", "uhugeint", "varint", "float",
    "double", "decimal(4,2)", "decimal(10,2)", "decimal(38,30)", "date", "time", "timetz", "timestamp", "timestamp_s",
    "timestamp_ns", "timestamptz", "interval", "uuid", "blob", "bit", "json", "integer[]", "integer[3]",
    "struct(a integer)", "map(integer, integer)", "union(a integer, b date)", "enum('a', 'b')",
)  # fmt: skip
VALUES = (
    f"'{CPF}'", f"'x{CPF}'", f"'000{CPF}'", f"'-{CPF}'", f"'{CPF[:3]}.{CPF[3:6]}.{CPF[6:9]}-{CPF[9:]}'", f"'[{CPF}]'",
    f"'{CPF}-01-01'", f"{CPF}", f"-{CPF}", f"{CPF}::hugeint * 100000000000000000000000000", f"{CPF}::double",
    f"{CPF}e250", f"{CPF}.25", f"'{CPF}'::json", f"'{{\"a\": \"{CPF}\"}}'::json", f"'\\xFF{CPF}'::blob",
    f"['{CPF}']", f"{{'a': 'x{CPF}'}}", f"map {{'{CPF}': '{CPF}'}}", f"{CPF}::bigint::bit",
)  # fmt: skip
# As a constant, which is computed when the statement is bound; for each row; and late, while a table is written.
FORMS = (
    "select ({value})::{type}",
    "select c::{type} from (select {value} as c from range(3))",
    "create or replace table t as select c::{type} as documento"
    " from (select case when i = 2 then {value} end as c from range(3) r(i))",
)
OTHERS = (
    f"select strptime('{CPF}', '%Y-%m-%d')",
    f"select strptime(d, '%d/%m/%Y') from (select '{CPF}' as d from range(2))",
    f"select {CPF}::bigint * {CPF}::bigint",
    f"select {CPF}.25::decimal(38,2) * {CPF}{CPF}.25::decimal(38,2)",
    f"select sum({CPF}::hugeint * 100000000000000000000000000) from range(10000000) having count(*) > 0",
    f"select {CPF}::hugeint << 126",
    f"select -({CPF} - {CPF} + 9223372036854775808)::bigint",
    f"select error('no {CPF}')",
    f"select case when i = 900000 then error('no ' || '{CPF}') end from range(1000000) r(i)",
    f"select json_extract('{{x{CPF}', '$')",
    f'select json_transform(\'{{"a": "{CPF}x"}}\', \'{{"a": "INTEGER"}}\')',
    f'select json_transform_strict(\'{{"a": "{CPF}x"}}\', \'{{"a": "INTEGER"}}\')',
    f"select regexp_matches('a', '({CPF}')",
    f"select regexp_matches(d, '(' || d) from (select '{CPF}' as d from range(2))",
    f"select make_date(({CPF} // 1000)::integer, 1, 1)",
    f"select make_timestamp({CPF} * 100000000000)",
    f"select repeat('{CPF}', 99999999999)",
    f"select unhex('x{CPF}')",
    f"select from_base64('{CPF}?')",
    f"select sqrt(-{CPF})",
    f"select decode('\\xFF{CPF}'::blob)",
    f"select substring(d, {CPF}) from (select '{CPF}' as d)",
    f"create or replace table k (a varchar primary key); insert into k select '{CPF}' from range(2)",
    f"create or replace table c (a varchar check (length(a) < 3)); insert into c values ('{CPF}')",
    f"create or replace table n (a integer); insert into n values ('{CPF}x')",
    f"select * from no_such_table_{CPF}",
    f'select d from (select 1 as "{CPF}")',
    f"select '{CPF}' ||| 1",
    f"select '{CPF}' from where",
    f"pivot (select '{CPF}' as d, 1 as v) on d using sum(x)",
    f"select current_setting('{CPF}')",
)


@pytest.fixture
def connection() -> Iterator[Any]:
    with duckdb.connect(config={"memory_limit": "500MB", "threads": "2"}) as connection:
        yield connection


def failure(connection: Any, statement: str) -> Exception | None:
    """What dbt gets to see of a statement's error."""
    try:
        RedactingCursor(connection).execute(statement).fetchall()
    except Exception as error:  # noqa: BLE001 -- any kind must be redacted
        return error
    return None


def told(connection: Any, statement: str) -> str:
    error = failure(connection, statement)
    assert error is not None
    return str(error)


def test_no_error_of_duckdb_quotes_the_value_it_stumbled_over(connection: Any) -> None:
    casts = (form.format(value=value, type=type_) for form, value, type_ in itertools.product(FORMS, VALUES, TYPES))
    kinds: dict[str, int] = {}
    loud = 0
    for statement in [*casts, *OTHERS]:
        try:
            connection.execute(statement).fetchall()
        except (duckdb.Error, UnicodeDecodeError) as of_duckdb:  # the second where a message is no text itself
            kind, loud = type(of_duckdb).__name__, loud + (quoted(str(of_duckdb)) > 0)
        else:
            continue
        error = failure(connection, statement)
        leaks = quoted(str(error)) + chained(error) if error else 0
        assert (kind, leaks, error is None) == (kind, 0, False)
        kinds[kind] = kinds.get(kind, 0) + 1
    assert loud > 1000  # DuckDB itself quotes the value, or the test provokes nothing
    assert {"ConversionException", "InvalidInputException", "OutOfRangeException", "ConstraintException"} <= set(kinds)
    assert {"BinderException", "CatalogException", "ParserException"} <= set(kinds)


def test_no_damage_to_a_file_brings_its_values_out(connection: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    writers = [write_not_utf8, write_damaged_pages, *[write_damaged_at_random] * 60]
    failed = 0
    for seed, write in enumerate(writers):
        write(path, seed) if write is write_damaged_at_random else write(path)  # type: ignore[operator]
        for columns in ("max(documento), max(id)", "cast(documento as integer)"):
            # Of its own, because after some damages DuckDB refuses to go on.
            with duckdb.connect(config={"threads": "1"}) as own:
                error = failure(own, f"select {columns} from read_parquet(['{path}'], binary_as_string=true)")
            if error is not None:
                failed += 1
                assert (seed, quoted(str(error)), chained(error)) == (seed, 0, False)
    assert failed > 60


def test_the_kind_the_type_the_column_and_the_file_are_told(connection: Any, tmp_path: Path) -> None:
    text = told(connection, f"select cast(documento as bigint) from (select '{CPF}x' as documento from range(2))")
    assert text.startswith(
        "DuckDB failed with ConversionException: Could not convert string, to INT64, column documento."
    )
    assert "open the file with DuckDB by hand" in text
    path = write_not_utf8(tmp_path / "a.parquet")
    # The statement that fails names a view, and the view the file.
    RedactingCursor(connection).execute(f"create view of_file as select * from read_parquet('{path}')")
    text = told(connection, "select max(documento) from of_file")
    assert text.startswith(f"DuckDB failed with InvalidInputException: is not valid UTF8, file {path}. ")
    text = told(connection, f"select * from read_parquet('{tmp_path}/none.parquet')")
    assert f"No files found that match the pattern, file {tmp_path}/none.parquet. " in text
    assert "\n" not in text
    text = told(connection, "set memory_limit = '1MB'; select list(i) from range(50000000) r(i)")
    assert "OutOfMemoryException" in text
    assert "MATCHED_IDS_DUCKDB_MEMORY" in text


def test_errors_about_names_keep_their_words_but_for_long_numbers(connection: Any) -> None:
    assert 'Referenced column "document" not found' in told(connection, "select document from (select 1 as documento)")
    assert "Table with name no_such does not exist" in told(connection, "select * from no_such")
    # A file without a header: its first row became the names of its columns.
    assert 'Candidate bindings: "(a number)"' in told(connection, f'select documento from (select 1 as "{CPF}")')


def test_a_value_that_looks_like_a_file_or_a_column_is_not_told(connection: Any, tmp_path: Path) -> None:
    named_like_a_document = tmp_path / f"{CPF}.parquet"
    named_like_a_document.touch()
    for value in (
        str(named_like_a_document),
        f"/data/{CPF}/a.parquet",
        f"s3://bucket/{CPF}.parquet",
        f'x in Parquet file "/data/{CPF}.parquet": column "c{CPF}"',
        f"column {CPF}",
        "/" + CPF * 500,
        f"/{CPF}\x00/a",
    ):
        connection.execute("create or replace table t (c varchar)")
        connection.execute("insert into t values (?)", [value])
        for kind in ("integer", "date"):
            error = failure(connection, f"select c::{kind} from t")
            assert (quoted(str(error)), "file" in str(error).partition(". ")[0]) == (0, False)


def test_an_error_of_our_own_is_told_as_it_is(connection: Any) -> None:
    from fsspec import AbstractFileSystem

    class Failing(AbstractFileSystem):
        protocol = "failing"

        def glob(self, path: str, **_: Any) -> list[str]:
            if "strange" in path:
                raise KeyError(CPF)
            raise S3Failed("s3://lake/x is gone. Was it replaced?\nRun dbt again when the load is over.")

    connection.register_filesystem(Failing())
    text = told(connection, "select * from read_parquet('failing://x')")
    assert text == "s3://lake/x is gone. Was it replaced? Run dbt again when the load is over."
    text = told(connection, "select * from read_parquet('failing://strange')")
    assert text.startswith("DuckDB failed with Error: KeyError in Python")
    assert quoted(text) == 0


@pytest.mark.parametrize("fetch", ["fetchall", "fetchone", "fetchmany"])
def test_what_is_fetched_late_is_redacted_too(fetch: str, connection: Any) -> None:
    late = f"select case when i = 90000 then error('no ' || '{CPF}') else '' end from range(100000) r(i)"
    cursor = RedactingCursor(connection)
    error = None
    try:
        cursor.execute(late)
        while getattr(cursor, fetch)():
            pass
    except Exception as caught:  # noqa: BLE001 -- any kind must be redacted
        error = caught
    assert error is not None
    assert (quoted(str(error)), chained(error)) == (0, False)
