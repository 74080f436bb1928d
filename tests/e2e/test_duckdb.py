"""The target `duckdb`: the same models, tests and file as on Spark, without Java, from folders here and in S3."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo import children
from publisher.errors import GuardRefusal
from publisher.guards.limits import NO_LIMITS
from publisher.lake.s3_files import S3Files
from publisher.publish import publish
from publisher.settings import PublishSettings
from publisher.values import FileState
from tests import forked
from tests.conftest import PROJECT, Bucket
from tests.e2e.conftest import CPF_ONE, Lake, copy_of_project, fill_small_lake
from tests.quoted import quoted, write_damaged_pages, write_not_utf8

MACRO = "{{ latest_partition(source('lake', 'records')) | tojson }}"


def on_duckdb(folder: Path, raw: Path, **settings: str) -> Lake:
    """A lake that DuckDB builds in `folder` from the raw data in another one."""
    folder.mkdir(exist_ok=True)
    return Lake(
        folder,
        0,
        {
            "MATCHED_IDS_TARGET": "duckdb",
            "MATCHED_IDS_LOCAL_DIR": str(folder / "local"),
            "MATCHED_IDS_CPFS_PATH": str(raw / "cpfs"),
            "MATCHED_IDS_RECORDS_PATH": str(raw / "records"),
            **settings,
        },
    )


@pytest.fixture
def lake_of_duckdb(tmp_path: Path) -> Iterator[Lake]:
    lake = on_duckdb(tmp_path, tmp_path)
    yield lake
    assert lake.leaked_documents() == 0


@pytest.fixture
def small(lake_of_duckdb: Lake) -> Lake:
    fill_small_lake(lake_of_duckdb)
    return lake_of_duckdb


def result_of(lake: Lake) -> Path:
    return lake.folder / "local" / "tables" / lake.schema / "int_matched_ids.parquet"


def compiled(lake: Lake, model: str) -> str:
    results = json.loads((lake.target_path / "run_results.json").read_text())["results"]
    (code,) = [result["compiled_code"] for result in results if result["unique_id"].endswith(f".{model}")]
    return str(code)


def answer(lake: Lake, query: str) -> str:
    """The second column of the one row that a query gives, as the profile sets DuckDB up."""
    ended = lake.dbt("compile", "--inline", f"{{{{ run_query({query!r}).columns[1].values()[0] if execute }}}}")
    assert ended.success, ended.output
    return ended.compiled


def published(lake: Lake, bucket: Bucket) -> bytes:
    settings = PublishSettings(bucket.destination, target_path=lake.target_path, limits=NO_LIMITS)
    publish(settings, bucket.store)
    return bucket.get("active/latest.txt.gz")[0]


def test_the_file_is_one_of_texts_in_the_order_of_their_bytes(small: Lake) -> None:
    small.write_records("ano_mes_dia=20251022", [(name, "000" + CPF_ONE) for name in ("é", "Z", "10", "9", "日", "~")])
    assert small.build().success
    table = pq.read_table(result_of(small))
    assert {field.name: field.type for field in table.schema} == {"id": pa.string(), "source_partition": pa.string()}
    assert table["id"].to_pylist() == ["10", "9", "Z", "a", "b", "c", "~", "é", "日"]
    summary = pq.read_table(result_of(small).with_name("int_matched_ids_summary.parquet"))
    assert summary.schema.field("total_ids").type == summary.schema.field("total_id_bytes").type == pa.int64()
    assert summary.schema.field("built_at").type == pa.timestamp("us")


def test_a_second_build_replaces_the_file_in_one_step(small: Lake, bucket: Bucket) -> None:
    assert small.build().success
    assert gzip.decompress(published(small, bucket)) == b"a\nb\nc"
    seen: list[list[str]] = []
    over = threading.Event()

    def read() -> None:
        while not over.wait(0.002):
            with result_of(small).open("rb") as file:  # once: by its path, pyarrow opens it twice
                seen.append(pq.read_table(file)["id"].to_pylist())

    with result_of(small).open("rb") as opened:
        reader = threading.Thread(target=read)
        reader.start()
        try:
            small.write_records("ano_mes_dia=20251023", [("d", "000" + CPF_ONE)])
            built = small.build()
            assert built.success, built.output
        finally:
            over.set()
            reader.join()
        assert pq.read_table(opened)["id"].to_pylist() == ["a", "b", "c"]
    assert pq.read_table(result_of(small))["id"].to_pylist() == ["d"]
    assert seen[0] == ["a", "b", "c"]
    assert all(ids in (["a", "b", "c"], ["d"]) for ids in seen)
    assert sorted(file.name for file in result_of(small).parent.iterdir()) == [
        "int_matched_ids.parquet",
        "int_matched_ids_summary.parquet",
    ]
    assert gzip.decompress(published(small, bucket)) == b"d"


def test_a_column_of_another_type_than_the_contract_is_not_written(small: Lake) -> None:
    assert small.build().success
    before = result_of(small).read_bytes()
    project = copy_of_project(small.folder)
    model = project / "models/intermediate/int_matched_ids.sql"
    head, _, tail = model.read_text().rpartition("    id,\n")
    model.write_text(f"{head}    1 as id,\n{tail}")
    small.settings["DBT_PROJECT_DIR"] = str(project)
    ended = small.build()
    assert not ended.success
    assert "This model has an enforced contract that failed." in ended.output
    assert result_of(small).read_bytes() == before


def test_a_table_in_the_database_gives_way_to_the_view(small: Lake) -> None:
    (small.folder / "local").mkdir()
    with duckdb.connect(str(small.folder / "local" / "warehouse.duckdb")) as connection:
        connection.execute(f"create schema {small.schema}")
        connection.execute(f"create table {small.schema}.int_matched_ids as select 1 as id")
    built = small.build()
    assert built.success, built.output


def test_no_match_is_an_empty_table_that_is_refused(small: Lake, bucket: Bucket) -> None:
    small.write_records("ano_mes_dia=20251023", [("d", CPF_ONE)])
    built = small.build()
    assert built.success, built.output
    assert pq.read_table(result_of(small)).num_rows == 0
    with pytest.raises(GuardRefusal) as refused:
        published(small, bucket)
    assert refused.value.guard == "no_ids"


@pytest.mark.parametrize("table", ["cpfs", "records"])
@pytest.mark.parametrize(
    ("damaged", "words"),
    [(write_not_utf8, "is not valid UTF8"), (write_damaged_pages, "Snappy decompression failure")],
)
def test_what_is_damaged_is_named_and_not_shown(
    damaged: Callable[[Path], Path], words: str, table: str, small: Lake
) -> None:
    file = damaged((small.cpfs if table == "cpfs" else small.records / "ano_mes_dia=20251022") / "damaged.parquet")
    ended = small.build("--debug")
    assert not ended.success
    assert f"DuckDB failed with InvalidInputException: {words}, file {file}. " in ended.output
    file.unlink()  # it cannot be looked for
    assert quoted(small.told()) + small.leaked_documents() == 0


def test_a_value_that_fails_after_the_first_rows_is_not_shown(small: Lake) -> None:
    late = f"error('a value \"{CPF_ONE[:5]}' || '{CPF_ONE[5:]}\" failed')"
    query = f"select case when i = 900000 then {late} else '' end from range(1000000) as numbers(i)"
    ended = small.dbt("--debug", "compile", "--inline", f"{{{{ run_query({query!r}) if execute }}}}")
    assert not ended.success
    assert "DuckDB failed with InvalidInputException." in ended.output
    assert small.leaked_documents() == 0


def test_the_newest_partition_is_found_by_folder_names_alone(lake_of_duckdb: Lake) -> None:
    lake = lake_of_duckdb
    for name in ("20251021", "20251022", "__HIVE_DEFAULT_PARTITION__", "_backup", "%41"):
        (lake.records / f"ano_mes_dia={name}").mkdir(parents=True)
        (lake.records / f"ano_mes_dia={name}" / "a.parquet").write_text("whoever opens this fails")
    (lake.records / ".ano_mes_dia=20251029").mkdir()
    (lake.records / ".20251029.partial" / "ano_mes_dia=20251030").mkdir(parents=True)
    ended = lake.dbt("compile", "--inline", MACRO)
    assert ended.success, ended.output
    assert json.loads(ended.compiled) == {
        "name": "20251022",
        "predicate": "ano_mes_dia = '20251022'",
        "level_values": ["20251022"],
        "columns": ["ano_mes_dia"],
    }
    assert (
        "is read at 20251022 (2 considered, next newest 20251021, 3 ignored: ano_mes_dia=%41 (not as "
        "partition_value_pattern), ano_mes_dia=__HIVE_DEFAULT_PARTITION__ (null), ano_mes_dia=_backup (not as "
        "partition_value_pattern))"
    ) in ended.output


def test_several_levels_keep_their_texts(lake_of_duckdb: Lake) -> None:
    lake = lake_of_duckdb
    lake.write_cpfs([CPF_ONE])
    for partition in ("ano=2025/mes=10/dia=07", "ano=2025/mes=9/dia=30", "ano=__HIVE_DEFAULT_PARTITION__/mes=1/dia=1"):
        for region in ("sul", "norte"):
            lake.write_records(f"{partition}/regiao={region}", [(f"{partition[-2:]} {region}", "000" + CPF_ONE)])
    lake.settings["MATCHED_IDS_PARTITION_COLUMNS"] = "ano,mes,dia"
    built = lake.build()
    assert built.success, built.output
    assert pq.read_table(result_of(lake)).to_pydict() == {
        "id": ["07 norte", "07 sul"],
        "source_partition": ["ano=2025/mes=10/dia=07"] * 2,
    }
    # By a level that is not the first, and by a pin.
    lake.settings["MATCHED_IDS_PARTITION_COLUMNS"] = "dia"
    assert lake.build(variables={"pinned_partition": "30"}).success
    assert pq.read_table(result_of(lake)).to_pydict() == {
        "id": ["30 norte", "30 sul"],
        "source_partition": ["30"] * 2,
    }


def test_only_the_newest_partition_and_the_needed_columns_are_read(small: Lake) -> None:
    for file in (small.records / "ano_mes_dia=20251021").iterdir():
        file.write_text("whoever opens this fails")
    built = small.build()
    assert built.success, built.output
    assert "20251021" not in compiled(small, "stg_records")
    words = " ".join(re.findall(r"[\w./%]+", answer(small, f"explain {compiled(small, 'int_matched_ids')}")))
    assert "Join Type SEMI" in words, words
    assert "Projections id documento" in words, words


@pytest.mark.parametrize("name", ["2025'1022", "2025;1022", "2025%271022"])
def test_a_partition_that_is_unsafe_inside_sql_is_refused(name: str, small: Lake) -> None:
    small.write_records(f"ano_mes_dia={name}", [("d", "000" + CPF_ONE)])
    ended = small.build()
    assert not ended.success
    assert "unsafe inside SQL" in ended.output


def test_a_file_that_duckdb_would_take_for_a_pattern_is_refused(small: Lake) -> None:
    path = small.records / "ano_mes_dia=20251022" / "regiao=[x]/a.parquet"
    path.parent.mkdir(exist_ok=True)
    next((small.records / "ano_mes_dia=20251022").glob("*.parquet")).rename(path)
    ended = small.build()
    assert not ended.success
    assert "has a wildcard (*, ? or [), a quote" in ended.output


def without_records(lake: Lake) -> str:
    lake.settings["MATCHED_IDS_RECORDS_PATH"] = str(lake.folder / "nowhere")
    return f"{lake.folder}/nowhere is missing or empty. Check that the load ran, and the setting that names the folder."


def empty_records(lake: Lake) -> str:
    (lake.folder / "empty").mkdir()
    lake.settings["MATCHED_IDS_RECORDS_PATH"] = f"{lake.folder}/empty/"
    return f"{lake.folder}/empty is missing or empty. Check that the load ran"


def unpartitioned_records(lake: Lake) -> str:
    lake.settings["MATCHED_IDS_RECORDS_PATH"] = str(lake.cpfs)
    return f"{lake.cpfs} has no partitions: no folder in it is named as ano_mes_dia=…"


def other_columns(lake: Lake) -> str:
    lake.settings["MATCHED_IDS_PARTITION_COLUMNS"] = "dt"
    return "is not partitioned by dt; its partition columns are ano_mes_dia"


def no_path(lake: Lake) -> str:
    lake.settings["MATCHED_IDS_CPFS_PATH"] = ""
    return "Set MATCHED_IDS_CPFS_PATH: a folder of this machine, or s3://bucket/folder."


def unsafe_path(lake: Lake) -> str:
    lake.settings["MATCHED_IDS_RECORDS_PATH"] = "/it's"
    return "has a quote"


def a_pattern(lake: Lake) -> str:
    lake.settings["MATCHED_IDS_RECORDS_PATH"] = f"{lake.records}/*"
    return f"{lake.records}/* is missing or empty."


def no_cpfs(lake: Lake) -> str:
    (lake.cpfs / "a.parquet").rename(lake.cpfs / "_a.parquet")
    return f"There is no data in {lake.cpfs}: all files are empty or hidden"


def no_data_in_the_newest(lake: Lake) -> str:
    (lake.records / "ano_mes_dia=20251023" / "_temporary").mkdir(parents=True)
    (lake.records / "ano_mes_dia=20251023" / "_temporary" / "a.parquet").write_bytes(b"half")
    return f"There is no data in {lake.records}/ano_mes_dia=20251023: all files are empty or hidden"


def a_pin_that_is_not_there(lake: Lake) -> str:
    lake.settings["MATCHED_IDS_PINNED_PARTITION"] = "20240101"
    return f"There is no partition 20240101 in {lake.records}. Pin one that is there"


def a_partition_column_as_id(lake: Lake) -> str:
    lake.settings["MATCHED_IDS_RECORDS_ID_COLUMN"] = "ano_mes_dia"
    return f"The column ano_mes_dia of {lake.records}, the id, is a partition column."


def iceberg(lake: Lake) -> str:
    lake.settings["MATCHED_IDS_TABLE_FORMAT"] = "iceberg"
    return 'table_format is "iceberg", which the target duckdb does not write'


@pytest.mark.parametrize(
    "spoil",
    [
        without_records, empty_records, unpartitioned_records, other_columns, no_path, unsafe_path, a_pattern, no_cpfs,
        no_data_in_the_newest, a_pin_that_is_not_there, a_partition_column_as_id, iceberg,
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_clear_error(spoil: Callable[[Lake], str], small: Lake) -> None:
    words = spoil(small)
    ended = small.build()
    assert not ended.success
    assert words in ended.output
    assert not result_of(small).exists()


def test_there_is_nothing_to_register(small: Lake) -> None:
    ended = small.register()
    assert not ended.success
    assert "set MATCHED_IDS_CPFS_PATH and MATCHED_IDS_RECORDS_PATH" in ended.output


def test_memory_threads_and_folder_are_settings(small: Lake) -> None:
    small.settings.update(
        MATCHED_IDS_DUCKDB_MEMORY="512MiB",
        MATCHED_IDS_DUCKDB_THREADS="1",
        MATCHED_IDS_DUCKDB_TEMP_DIR=str(small.folder / "x"),
    )
    names = ["memory_limit", "threads", "temp_directory", "TimeZone", "autoinstall_known_extensions"]
    values = ["512.0 MiB", "1", str(small.folder / "x"), "UTC", "false"]
    settings = " || ' ' || ".join(f"current_setting('{name}')::varchar" for name in names)
    assert answer(small, f"select '', {settings}") == " ".join(values)


def test_an_empty_build_for_development_reads_no_rows(small: Lake) -> None:
    built = small.build("--empty")
    assert built.success, built.output
    assert pq.read_table(result_of(small)).num_rows == 0
    assert answer(small, f"select '', count(*)::varchar from warehouse.{small.schema}.stg_cpfs") == "0"


def test_the_project_parses_without_a_warning(small: Lake) -> None:
    parsed = small.dbt("parse", "--warn-error")
    assert parsed.success, parsed.output


def test_no_java_is_needed_and_none_is_started(small: Lake, path_without_java: str) -> None:
    program = (
        "import sys; from dbt.cli.main import dbtRunner; ended = dbtRunner().invoke(['build']);"
        "sys.exit(not ended.success or bool({'pyspark', 'py4j', 'botocore'} & set(sys.modules)))"
    )
    environment = {**os.environ, **small.environment(), "PATH": path_without_java, "MATCHED_IDS_JAVA_HOME": "/nowhere"}
    environment["TZ"] = "America/Sao_Paulo"
    environment.pop("JAVA_HOME", None)
    ended = subprocess.run(
        children.bound([sys.executable, "-c", program]),
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
    assert pq.read_table(result_of(small))["id"].to_pylist() == ["a", "b", "c"]
    (built_at,) = pq.read_table(result_of(small).with_name("int_matched_ids_summary.parquet"))["built_at"].to_pylist()
    assert timedelta(0) <= datetime.now(timezone.utc) - built_at.replace(tzinfo=timezone.utc) < timedelta(minutes=10)


def test_what_does_not_fit_the_memory_spills_over(lake_of_duckdb: Lake) -> None:
    lake = lake_of_duckdb
    lake.cpfs.mkdir()
    (lake.records / "ano_mes_dia=20251022").mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"copy (select '{CPF_ONE}' as documento) to '{lake.cpfs}/a.parquet'")
        connection.execute(
            "copy (select uuid()::varchar || uuid()::varchar as id,"
            f" '000{CPF_ONE}' as documento from range(1500000))"
            f" to '{lake.records}/ano_mes_dia=20251022/a.parquet'"
        )
    lake.settings.update(
        MATCHED_IDS_DUCKDB_MEMORY="128MiB",
        MATCHED_IDS_DUCKDB_THREADS="1",
        MATCHED_IDS_DUCKDB_TEMP_DIR=str(lake.folder / "deep/er"),
    )
    built = lake.dbt("run")
    assert built.success, built.output
    assert pq.read_metadata(result_of(lake)).num_rows == 1_500_000


# --- S3 ---------------------------------------------------------------------------------------------------------------


class Asked:
    """What was asked of S3.

    Attributes:
        folders: Of what one level was listed.
        lists: Of what everything below was listed.
        reads: Objects, and how many bytes.
        heads: Objects that were looked at one by one.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.folders: list[str] = []
        self.lists: list[str] = []
        self.reads: list[tuple[str, int]] = []
        self.heads: list[str] = []
        self._watch(patch, "children", self.folders)
        self._watch(patch, "walk", self.lists)
        self._watch(patch, "stat", self.heads)
        read_range = S3Files.read_range

        def watched(files: S3Files, file: FileState, begin: int, length: int) -> bytes:
            self.reads.append((file.path, length))
            return read_range(files, file, begin, length)

        patch.setattr(S3Files, "read_range", watched)

    def _watch(self, patch: pytest.MonkeyPatch, name: str, asked: list[str]) -> None:
        method = getattr(S3Files, name)

        def watched(files: S3Files, location: str) -> Any:
            asked.append(location)
            return method(files, location)

        patch.setattr(S3Files, name, watched)


@pytest.fixture
def in_s3(small: Lake, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """The small lake in a bucket, with a wide column; nothing of it is left on this machine but table A."""
    newest = small.records / "ano_mes_dia=20251022"
    for file in newest.iterdir():
        table = pq.read_table(file, partitioning=None)
        wide = pa.array([os.urandom(1 << 20) for _ in range(table.num_rows)], pa.binary())
        pq.write_table(table.append_column("wide", wide), file, compression="none")
    for file in [*small.cpfs.rglob("*.parquet"), *small.records.rglob("*.parquet")]:
        bucket.client.upload_file(str(file), bucket.name, f"raw/{file.relative_to(small.folder)}")
    for key in bucket.keys():  # noqa: SIM118 -- no dict
        if "20251021" in key:
            bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"whoever opens this fails")
    for key in ("_SUCCESS", "_temporary/0/a.parquet", "empty.parquet", ""):
        body = b"" if key in ("empty.parquet", "") else b"not Parquet"
        bucket.client.put_object(Bucket=bucket.name, Key=f"raw/records/ano_mes_dia=20251022/{key}", Body=body)
    small.records.rename(small.folder / "moved")
    small.settings.update(
        bucket.endpoint.environment(),
        MATCHED_IDS_CPFS_PATH=f"s3://{bucket.name}/raw/cpfs/",
        MATCHED_IDS_RECORDS_PATH=f"s3a://{bucket.name}/raw/records",
    )
    return small


def test_raw_data_in_s3(in_s3: Lake, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch)
    built = in_s3.dbt("build")
    assert built.success, built.output
    assert re.search(r"PASS=\d+ WARN=0 ERROR=0 SKIP=0", built.output)
    assert gzip.decompress(published(in_s3, bucket)) == b"a\nb\nc"
    raw = f"s3://{bucket.name}/raw"
    # Once each, whatever is read of them: their names, by which another format's table is known too, then the files.
    assert sorted(asked.folders) == [f"{raw}/cpfs", f"{raw}/records"]
    assert sorted(asked.lists) == [f"{raw}/cpfs", f"{raw}/records/ano_mes_dia=20251022"]
    assert asked.heads == []
    assert {path.rpartition("/")[0] for path, _ in asked.reads} == set(asked.lists)
    # Of the column with a megabyte in each of four rows, nothing.
    assert sum(length for _, length in asked.reads) < 1 << 20


def test_the_newest_partition_in_s3_is_found_without_a_look_at_objects(
    in_s3: Lake, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch)
    ended = in_s3.dbt("compile", "--inline", MACRO)
    assert json.loads(ended.compiled)["name"] == "20251022"
    assert (asked.folders, asked.lists, asked.reads) == ([f"s3://{bucket.name}/raw/records"], [], [])


def test_several_levels_in_s3(in_s3: Lake, bucket: Bucket) -> None:
    (file,) = (in_s3.folder / "moved" / "ano_mes_dia=20251022").iterdir()
    for levels in ("ano=2025/mes=10/dia=07", "ano=2025/mes=9/dia=30"):
        bucket.client.upload_file(str(file), bucket.name, f"levels/{levels}/regiao=x/{file.name}")
        bucket.client.upload_file(str(file), bucket.name, f"levels/.{levels}/regiao=x/{file.name}")
    in_s3.settings["MATCHED_IDS_RECORDS_PATH"] = f"s3://{bucket.name}/levels"
    in_s3.settings["MATCHED_IDS_PARTITION_COLUMNS"] = "ano,mes,dia"
    built = in_s3.build()
    assert built.success, built.output
    assert set(pq.read_table(result_of(in_s3))["source_partition"].to_pylist()) == {"ano=2025/mes=10/dia=07"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"MATCHED_IDS_RECORDS_PATH": "s3://no-such-bucket/x"}, "NoSuchBucket. The table's bucket is gone"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "These credentials are not accepted"),
    ],
)
def test_a_failure_of_s3_says_what_to_do(settings: dict[str, str], words: str, in_s3: Lake) -> None:
    # As a process of its own: boto3 keeps the credentials of this one.
    ended = forked.dbt.run(["build"], {**os.environ, **in_s3.environment(), **settings})
    assert ended.returncode != 0
    assert words in ended.stdout
    assert "Traceback" not in ended.stdout
    assert ended.stderr == ""


def test_a_missing_folder_in_s3(in_s3: Lake, bucket: Bucket) -> None:
    in_s3.settings["MATCHED_IDS_RECORDS_PATH"] = f"s3://{bucket.name}/nowhere"
    ended = in_s3.build()
    assert f"s3://{bucket.name}/nowhere is missing or empty" in ended.output


def test_an_object_that_was_replaced_while_it_was_read(
    in_s3: Lake, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = S3Files.walk

    def list_and_replace(files: S3Files, folder: str) -> list[FileState]:
        found = listed(files, folder)
        for file in found:
            if "20251022" in file.path:
                bucket.client.put_object(Bucket=bucket.name, Key=file.path.split("/", 3)[3], Body=b"other bytes")
        return found

    monkeypatch.setattr(S3Files, "walk", list_and_replace)
    ended = in_s3.build()
    assert not ended.success
    assert "was replaced while it was read" in ended.output
