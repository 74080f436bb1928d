"""The days on which dbt, or what it built, is not fit to publish: the exit code, the reason, and active untouched.

Each on DuckDB, which is fast; what Spark or its metastore could do otherwise, on `local` too.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from publisher.errors import PublisherError
from publisher.publish import publish
from publisher.settings import PublishSettings
from tests.conftest import Bucket
from tests.e2e.conftest import CPF_ONE, CPF_OTHER, CPF_TWO, Lake
from tests.e2e.test_duckdb import lake_of_duckdb, result_of, small

__all__ = ["lake_of_duckdb", "small"]  # fixtures

DOCUMENT = "000" + CPF_ONE


def publish_first(lake: Lake, bucket: Bucket) -> None:
    assert lake.build().success
    publish(PublishSettings(bucket.destination, target_path=lake.target_path), bucket.store)


@pytest.fixture
def published(small: Lake, bucket: Bucket) -> Bucket:
    """A bucket with yesterday's file."""
    publish_first(small, bucket)
    return bucket


def refusal(lake: Lake, bucket: Bucket, target_path: Path | None = None) -> PublisherError:
    """Publishes, which must fail and change nothing, and returns the error."""
    before = bucket.get("active/latest.txt.gz"), bucket.data_keys()
    with pytest.raises(PublisherError) as raised:
        publish(PublishSettings(bucket.destination, target_path=target_path or lake.target_path), bucket.store)
    assert (bucket.get("active/latest.txt.gz"), bucket.data_keys()) == before
    error = raised.value
    assert not [document for document in (CPF_ONE, CPF_TWO) if document in error.message + error.hint]
    return error


@pytest.mark.parametrize(
    ("bad_id", "test"), [(None, "not_null_int_matched_ids_id"), (" ", "not_blank_int_matched_ids_id")]
)
def test_ids_that_dbt_s_tests_reject(bad_id: str | None, test: str, small: Lake, published: Bucket) -> None:
    small.write_records("ano_mes_dia=20251023", [("a", DOCUMENT), (bad_id, DOCUMENT)])
    assert not small.build().success
    error = refusal(small, published)
    assert (error.exit_code, error.guard) == (5, "dbt_not_successful")
    assert test in error.message


def test_ids_that_only_the_publisher_can_reject(small: Lake, published: Bucket) -> None:
    small.write_records("ano_mes_dia=20251023", [("a", DOCUMENT), ("b\nc", DOCUMENT)])
    assert small.build().success
    error = refusal(small, published)
    assert (error.exit_code, error.guard) == (3, "bad_ids")


@pytest.mark.parametrize("what", ["no rows", "no match"])
def test_an_empty_newest_partition(what: str, small: Lake, published: Bucket) -> None:
    small.write_records("ano_mes_dia=20251023", [] if what == "no rows" else [("a", "000" + CPF_OTHER)])
    assert small.build().success
    error = refusal(small, published)
    assert (error.exit_code, error.guard) == (3, "no_ids")
    assert "20251023" in error.message


def no_files(lake: Lake) -> str:
    (lake.records / "ano_mes_dia=20251023").mkdir()
    return "There is no data in"


def no_partitions(lake: Lake) -> str:
    for folder in lake.records.iterdir():
        shutil.rmtree(folder)
    lake.write_records("ano_mes_dia=__HIVE_DEFAULT_PARTITION__", [("a", DOCUMENT)])
    return "has no usable partition"


def no_parquet(lake: Lake) -> str:
    (lake.records / "ano_mes_dia=20251023").mkdir(exist_ok=True)
    (lake.records / "ano_mes_dia=20251023" / "x.parquet").write_text("not Parquet " + CPF_ONE)
    return "cannot be read as Parquet"


@pytest.mark.parametrize("spoil", [no_files, no_partitions, no_parquet])
def test_raw_data_that_is_refused_before_a_model_runs(
    spoil: Callable[[Lake], str], small: Lake, published: Bucket
) -> None:
    words = spoil(small)
    ended = small.build()
    assert not ended.success
    assert words in ended.output
    assert refusal(small, published).exit_code == 5


def test_an_older_partition(small: Lake, published: Bucket) -> None:
    assert small.build(variables={"pinned_partition": "20251021"}).success
    error = refusal(small, published)
    assert (error.exit_code, error.guard) == (3, "older_partition")


@pytest.mark.parametrize("command", ["run", "build --exclude-resource-type unit_test test"])
def test_models_that_were_run_but_not_tested(command: str, small: Lake, published: Bucket) -> None:
    assert small.dbt(*command.split()).success
    error = refusal(small, published)
    assert (error.exit_code, error.guard) == (5, "dbt_not_successful")
    assert "not_null_int_matched_ids_id" in error.message


@pytest.mark.parametrize("command", [["compile"], ["test", "--select", "int_matched_ids"], ["parse"]])
def test_another_dbt_command_after_the_build(command: list[str], small: Lake, published: Bucket) -> None:
    assert small.dbt(*command).success
    error = refusal(small, published)
    assert error.exit_code == 5
    assert "dbt build" in error.hint


def test_a_table_that_another_run_replaced(small: Lake, published: Bucket) -> None:
    kept = small.folder / "artifacts of the first run"
    shutil.copytree(small.target_path, kept)
    assert small.build().success
    error = refusal(small, published, kept)
    assert (error.exit_code, error.guard) == (5, "dbt_not_successful")
    assert "was built by dbt invocation" in error.message


def test_a_table_that_was_dropped_or_changed_after_the_build(small: Lake, published: Bucket) -> None:
    pq.write_table(pa.table({"id": ["a", "b"]}), result_of(small))
    error = refusal(small, published)
    assert (error.exit_code, error.guard) == (3, "summary_differs")
    assert "total_ids 2 ≠ 3" in error.message
    result_of(small).unlink()
    error = refusal(small, published)
    assert error.exit_code == 5
    assert "does not exist" in error.message


def test_an_empty_build_for_development_is_not_published(small: Lake, published: Bucket) -> None:
    assert small.build("--empty").success
    assert refusal(small, published).guard == "no_ids"


def test_the_day_after_a_bad_day_is_published(small: Lake, published: Bucket) -> None:
    small.write_records("ano_mes_dia=20251023", [(None, DOCUMENT)])
    small.build()
    refusal(small, published)
    small.write_records("ano_mes_dia=20251024", [(new, DOCUMENT) for new in ("a", "b", "c", "new")])
    assert small.build().success
    publish(PublishSettings(published.destination, target_path=small.target_path), published.store)
    content, texts = published.get("active/latest.txt.gz")
    assert gzip.decompress(content) == b"a\nb\nc\nnew"
    assert texts["source_partition"] == "20251024"


def test_a_partition_that_metadata_cannot_hold(small: Lake, published: Bucket) -> None:
    small.write_records("ano_mes_dia=2025-é", [("a", DOCUMENT)])
    assert small.build(variables={"partition_value_pattern": "^2025-.*$"}).success
    error = refusal(small, published)
    assert error.exit_code == 5
    assert "partition_value_pattern" in error.hint


def test_on_spark(small_lake: Lake, bucket: Bucket) -> None:
    """What its metastore and its tables of several files could do otherwise, one bad day after another."""
    small_lake.register()
    publish_first(small_lake, bucket)

    # A guard for dbt's upgrades: the fields that the publisher relies on, in artifacts of the dbt that is installed.
    manifest = json.loads((small_lake.target_path / "manifest.json").read_text())
    config = manifest["nodes"]["model.matched_ids.int_matched_ids"]["config"]
    assert (config["file_format"], config["location_root"]) == ("parquet", str(small_lake.tables))
    assert manifest["metadata"]["adapter_type"] == "spark"

    table = small_lake.tables / "int_matched_ids"
    (file,) = table.glob("part-*")
    pq.write_table(pa.table({"id": ["a", "b"]}), file)
    error = refusal(small_lake, bucket)
    assert (error.exit_code, error.guard) == (3, "summary_differs")
    shutil.rmtree(table)
    error = refusal(small_lake, bucket)
    assert error.exit_code == 5
    assert "does not exist" in error.message

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(small_lake.settings, "MATCHED_IDS_CPFS_TABLE", "gone")
        assert not small_lake.build("--select", "stg_cpfs").success
        error = refusal(small_lake, bucket)
        assert error.exit_code == 5
        assert "stg_cpfs (error)" in error.message

    small_lake.write_records("ano_mes_dia=20251023", [("a", DOCUMENT), (None, DOCUMENT), ("b\nc", DOCUMENT)])
    small_lake.register()
    assert not small_lake.build("--select", "stg_records", "int_matched_ids").success
    error = refusal(small_lake, bucket)
    assert (error.exit_code, error.guard) == (5, "dbt_not_successful")
    assert "not_null_int_matched_ids_id" in error.message

    no_parquet(small_lake)
    small_lake.settings.update(
        MATCHED_IDS_CPFS_PATH=str(small_lake.cpfs), MATCHED_IDS_RECORDS_PATH=str(small_lake.records)
    )
    ended = small_lake.build()
    assert not ended.success
    assert "cannot be read as Parquet" in ended.output
    assert refusal(small_lake, bucket).exit_code == 5
