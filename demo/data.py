"""Sample data: table A as one file, table B as daily Hive-style partitions. The same arguments, the same rows.

The shapes that matter are all there: CPFs with valid check digits, more columns than the job needs, a CPF with
several ids, rows that are there twice, ids that match in older partitions only, and documents with other prefixes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb

CPFS = 100_000
FILES_PER_PARTITION = 4
_DAY_ZERO = date(2025, 1, 1).toordinal()

# A CPF is nine digits and two check digits: the weighted sums modulo 11, where 10 counts as 0.
_CPF_MACROS = """
create or replace macro digit(base, place) as (base // 10 ** (9 - place))::bigint % 10;
create or replace macro check_digit(total) as ((total * 10) % 11) % 10;
create or replace macro first_check(base) as check_digit(
    10 * digit(base, 1) + 9 * digit(base, 2) + 8 * digit(base, 3) + 7 * digit(base, 4) + 6 * digit(base, 5)
    + 5 * digit(base, 6) + 4 * digit(base, 7) + 3 * digit(base, 8) + 2 * digit(base, 9));
create or replace macro second_check(base) as check_digit(
    11 * digit(base, 1) + 10 * digit(base, 2) + 9 * digit(base, 3) + 8 * digit(base, 4) + 7 * digit(base, 5)
    + 6 * digit(base, 6) + 5 * digit(base, 7) + 4 * digit(base, 8) + 3 * digit(base, 9) + 2 * first_check(base));
-- A person's number, spread over all nine-digit bases without ever meeting another's: 387420489 = 3^18 and 10^9
-- share no factor.
create or replace macro cpf(person) as (
    lpad(((person::bigint * 387420489 + 123456789) % 1000000000)::varchar, 9, '0')
    || first_check((person::bigint * 387420489 + 123456789) % 1000000000)::varchar
    || second_check((person::bigint * 387420489 + 123456789) % 1000000000)::varchar);
-- Scatters numbers; plain arithmetic, because an engine's own hash may change with its version.
create or replace macro stirred(number) as xor(number, number >> 16);
create or replace macro scatter(number, salt) as stirred(
    (stirred((number::bigint * 2654435761 + salt::bigint * 97531) % 4294967291) * 73244475) % 4294967291);
"""


def make_cpfs(folder: Path, count: int = CPFS) -> None:
    """Writes table A, `count` documents, as one Parquet file into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(_CPF_MACROS)
        connection.execute(
            f"copy (select cpf(i) as documento, 'ATIVO' as situacao from range({count}) as people(i))"
            f" to '{folder / 'cpfs.parquet'}' (format parquet)"
        )


def make_day(
    folder: Path,
    day: str,
    rows: int,
    *,
    cpfs: int = CPFS,
    matching: int = 20,
    files: int = FILES_PER_PARTITION,
    progress: Callable[[int], None] = lambda _rows: None,
) -> None:
    """Writes one partition of table B.

    One record in `matching` belongs to a person of table A; one row in fifty repeats an earlier one. From day to day
    one record in a hundred goes and another comes, and one in a thousand has lost its document for a day: these are
    the ids that match in older partitions only.

    Args:
        folder: The table's folder; the partition becomes `ano_mes_dia=<day>` in it.
        day: YYYYMMDD.
        rows: How many rows.
        cpfs: How many documents table A has.
        matching: One record in so many belongs to a person of table A.
        files: How many files.
        progress: Called with the rows written so far.
    """
    partition = folder / f"ano_mes_dia={day}"
    unfinished = folder / f".{day}.partial"
    unfinished.mkdir(parents=True, exist_ok=True)
    number_of_day = date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal() - _DAY_ZERO
    first_record = number_of_day * (rows // 100)
    with duckdb.connect() as connection:
        connection.execute(_CPF_MACROS)
        for number in range(files):
            first, last = rows * number // files, rows * (number + 1) // files
            connection.execute(
                f"""
                copy (
                    with numbered as (
                        select {first_record} + case when i % 50 = 49 then i - 49 else i end as record
                        from range({first}, {last}) as records(i)
                    ),
                    owned as (
                        select record,
                            case
                                when scatter(record, 1) % {matching} = 0
                                    and scatter(record, {number_of_day}) % 1000 <> 0
                                then scatter(record, 2) % {cpfs}
                                else {cpfs} + scatter(record, 2) % 100000000
                            end as person
                        from numbered
                    )
                    select
                        lpad(((record::bigint * 7919 + 104729) % 10000000000)::varchar, 10, '0') as id,
                        case when scatter(record, 3) % 1000 = 0 then '001' else '000' end || cpf(person) as documento,
                        (scatter(record, 4) % 10000)::int as agencia,
                        (scatter(record, 5) % 100000000 / 100)::decimal(12, 2) as saldo,
                        case scatter(record, 6) % 3 when 0 then 'CORRENTE' when 1 then 'POUPANCA' else 'SALARIO' end
                            as tipo
                    from owned
                ) to '{unfinished / f"part-{number}.parquet"}' (format parquet)
                """
            )
            progress(last)
    unfinished.rename(partition)  # a partition is there whole or not at all, also after Ctrl-C
