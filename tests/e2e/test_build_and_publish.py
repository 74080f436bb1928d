"""Raw Parquet to the promoted file, on data that other engines wrote, compared with a computation of our own."""

from __future__ import annotations

import gzip
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from publisher.errors import SourceNotReady
from publisher.guards.limits import NO_LIMITS
from publisher.publish import publish
from publisher.settings import PublishSettings
from publisher.verify import verify
from tests.conftest import Bucket
from tests.e2e.conftest import CPF_ONE, Lake
from tests.e2e.expectation import expected_content
from tests.e2e.test_duckdb import on_duckdb
from tests.glue.jars import CALLERS_ENVIRONMENT

NEWEST = "ano_mes_dia=20251022"
OLDER = "ano_mes_dia=20251021"


def people(count: int, seed: int) -> list[str]:
    return [f"{number:011}" for number in random.Random(seed).sample(range(10**11), count)]


def rows(documents: list[str], seed: int, count: int = 5000) -> list[tuple[int, str]]:
    """Rows of (id, document): some match, some twice, some with a wrong or no prefix."""
    rng = random.Random(seed)
    others = people(500, seed + 1)
    made = [
        (rng.randrange(10**9), rng.choice(["000", "000", "000", "", "001", "0000"]) + rng.choice(documents + others))
        for _ in range(count)
    ]
    return made + rng.sample(made, count // 10)


def by_duckdb(lake: Lake) -> list[Path]:
    """Bigint ids, zstd, small row groups, several files, more columns."""
    documents = people(300, 1)
    lake.cpfs.mkdir()
    frame = pd.DataFrame({"documento": [*documents, *documents[:20]], "nome": "x"})
    duckdb.sql(f"copy frame to '{lake.cpfs / 'a.parquet'}' (format parquet, compression zstd)")
    for day, seed in (("20251021", 2), ("20251022", 3)):
        day_frame = pd.DataFrame(rows(documents, seed), columns=["id", "documento"])
        day_frame["valor"] = 1.5
        (folder := lake.records / f"ano_mes_dia={day}").mkdir(parents=True)
        for number in range(3):
            part = day_frame.iloc[number::3]
            duckdb.sql(
                f"copy (select id::bigint as id, documento, valor from part) to '{folder / f'data_{number}.parquet'}'"
                " (format parquet, compression zstd, row_group_size 2048)"
            )
            assert len(part)
    assert len(frame)
    return [lake.records / NEWEST]


def by_pandas(lake: Lake) -> list[Path]:
    """Categories, snappy, plain encoding, large strings, and files and partitions that hold nothing."""
    documents = people(300, 4)
    lake.cpfs.mkdir()
    pd.DataFrame({"documento": pd.Categorical(documents)}).to_parquet(lake.cpfs / "a.parquet")
    for partition, seed in ((OLDER, 5), (NEWEST, 6)):
        (folder := lake.records / partition).mkdir(parents=True)
        made = rows(documents, seed)
        frame = pd.DataFrame({"id": [f"é-{row[0]}" for row in made], "documento": [row[1] for row in made]})
        frame.iloc[::2].astype({"documento": "category"}).to_parquet(folder / "b.parquet", compression="snappy")
        pq.write_table(
            pa.table({name: pa.array(frame[name].iloc[1::2], pa.large_string()) for name in frame}),
            folder / "c.parquet", use_dictionary=False, compression="none",
        )  # fmt: skip
        frame.iloc[:0].to_parquet(folder / "a-no-rows.parquet")
        (folder / "d-no-bytes.parquet").touch()
        (folder / "_SUCCESS").touch()
    (lake.records / "ano_mes_dia=20251001").mkdir()
    return [lake.records / NEWEST]


def several_levels(lake: Lake) -> list[Path]:
    """Year, month and day as folders; the newest day split by a level that is not chosen by."""
    documents = people(300, 7)
    lake.write_cpfs(documents)
    folders = ["ano=2025/mes=9/dia=30/regiao=sul", "ano=2025/mes=10/dia=1/regiao=sul", "ano=2025/mes=10/dia=1/regiao=x"]
    for seed, partition in enumerate(folders):
        lake.write_records(partition, [(str(row[0]), row[1]) for row in rows(documents, seed)])
    lake.settings["MATCHED_IDS_PARTITION_COLUMNS"] = "ano,mes,dia"
    return [lake.records / "ano=2025/mes=10/dia=1"]


@pytest.mark.parametrize("write", [by_duckdb, by_pandas, several_levels])
def test_on_local_and_on_duckdb_the_file_is_what_a_computation_of_our_own_gives(
    write: Callable[[Lake], list[Path]],
    lake: Lake,
    tmp_path: Path,
    bucket: Bucket,
    capfd: pytest.CaptureFixture[str],
) -> None:
    newest = write(lake)
    (newest[0] / "_temporary" / "0").mkdir(parents=True)
    registered = lake.register()
    assert registered.success, registered.output
    built = lake.build()
    assert built.success, built.output
    report = publish(PublishSettings(bucket.destination, target_path=lake.target_path), bucket.store)
    compressed, texts = bucket.get("active/latest.txt.gz")
    expected = expected_content(lake.cpfs, newest)
    assert expected.count(b"\n") > 500
    assert gzip.decompress(compressed) == expected
    assert verify(bucket.store, bucket.destination).differences == ()
    assert texts["source_partition"] == ("ano=2025/mes=10/dia=1" if write is several_levels else "20251022")
    assert texts["dbt_invocation_id"] == report.metadata.dbt_invocation_id is not None

    # Java, through Spark and Hadoop's codecs, reads the same lines.
    (lake.folder / "latest.txt.gz").write_bytes(compressed)
    read = SparkSession.builder.getOrCreate().read.text(str(lake.folder / "latest.txt.gz"))
    assert [row.value for row in read.collect()] == expected.decode().split("\n")

    duck = on_duckdb(tmp_path / "duckdb", lake.folder, **lake.settings)
    on_it = duck.build()
    assert on_it.success, on_it.output
    assert re.search(r"PASS=\d+ WARN=0 ERROR=0 SKIP=0", on_it.output)
    of_duckdb = publish(PublishSettings(bucket.destination, target_path=duck.target_path), bucket.store)
    assert of_duckdb.encoded == report.encoded
    assert bucket.get("active/latest.txt.gz")[0] == compressed

    # No CPF of table A is in anything that was printed, logged, or stored beside the file.
    told = [str(texts), str(report), str(of_duckdb), duck.told()]
    printed = "\n".join([registered.output, built.output, *capfd.readouterr(), *told])
    documents = {document for file in lake.cpfs.iterdir() for document in pq.read_table(file)["documento"].to_pylist()}
    assert not [document for document in documents if document in printed]


def test_the_order_holds_across_many_files(lake: Lake, bucket: Bucket) -> None:
    documents = people(300, 8)
    lake.write_cpfs(documents)
    lake.write_records(NEWEST, [(str(row[0]), row[1]) for row in rows(documents, 9)])
    lake.register()
    session = SparkSession.builder.getOrCreate()
    session.conf.set("spark.sql.adaptive.enabled", "false")
    session.conf.set("spark.sql.shuffle.partitions", "7")
    try:
        assert lake.build().success
    finally:
        session.conf.unset("spark.sql.adaptive.enabled")
        session.conf.unset("spark.sql.shuffle.partitions")
    assert len(list((lake.tables / "int_matched_ids").glob("part-*"))) > 3
    publish(PublishSettings(bucket.destination, target_path=lake.target_path), bucket.store)
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == expected_content(
        lake.cpfs, [lake.records / NEWEST]
    )


def test_names_prefix_and_partition_are_settings(lake: Lake, bucket: Bucket) -> None:
    lake.cpfs.mkdir()
    pq.write_table(pa.table({"cpf": [CPF_ONE]}), lake.cpfs / "a.parquet")
    for day in ("2025-10-20", "2025-10-21", "2025-10-22"):
        (folder := lake.records / f"dt={day}").mkdir(parents=True)
        pq.write_table(pa.table({"conta": [f"of {day}", "other"], "doc": ["9" + CPF_ONE, CPF_ONE]}), folder / "x")
    lake.settings.update(
        MATCHED_IDS_CPFS_TABLE="people", MATCHED_IDS_CPFS_DOCUMENT_COLUMN="cpf", MATCHED_IDS_RECORDS_TABLE="accounts",
        MATCHED_IDS_RECORDS_ID_COLUMN="conta", MATCHED_IDS_RECORDS_DOCUMENT_COLUMN="doc",
        MATCHED_IDS_PARTITION_COLUMNS="dt", MATCHED_IDS_DOCUMENT_PREFIX="9",
    )  # fmt: skip
    assert lake.register().success
    settings = PublishSettings(bucket.destination, target_path=lake.target_path, limits=NO_LIMITS)
    newest = lake.dbt("compile", "--select", "stg_records")
    assert "dt = '2025-10-22'" in newest.compiled
    assert lake.build(variables={"pinned_partition": "2025-10-21"}).success
    assert publish(settings, bucket.store).metadata.source_partition == "2025-10-21"
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == b"of 2025-10-21"
    unquoted = lake.build(variables={"document_prefix": 9})
    assert not unquoted.success
    assert "Quote it" in unquoted.output


def test_folders_that_the_settings_name_are_registered_by_each_build(small_lake: Lake, bucket: Bucket) -> None:
    small_lake.settings.update(
        MATCHED_IDS_CPFS_PATH=str(small_lake.cpfs), MATCHED_IDS_RECORDS_PATH=str(small_lake.records),
        MATCHED_IDS_CPFS_TABLE="people", MATCHED_IDS_RECORDS_TABLE="accounts",
    )  # fmt: skip
    settings = PublishSettings(bucket.destination, target_path=small_lake.target_path, limits=NO_LIMITS)
    assert small_lake.build().success
    publish(settings, bucket.store)
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == b"a\nb\nc"
    small_lake.write_records("ano_mes_dia=20251023", [("d", "000" + CPF_ONE)])
    assert small_lake.build().success
    publish(settings, bucket.store)
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == b"d"

    small_lake.settings["MATCHED_IDS_RECORDS_PATH"] = str(small_lake.folder / "nowhere")
    failed = small_lake.build()
    assert not failed.success
    assert f"{small_lake.folder}/nowhere" in failed.output
    with pytest.raises(SourceNotReady):
        publish(settings, bucket.store)


def test_spark_hides_no_program_from_the_tests_that_come_after(lake: Lake) -> None:
    """They would be skipped for want of it, which hides in a green run."""
    assert os.environ["PATH"] == CALLERS_ENVIRONMENT["PATH"]
