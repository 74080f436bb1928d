"""Iceberg tables that real Spark wrote, read through the publisher's own way from snapshot to ids."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo import children
from publisher.errors import GuardRefusal, SourceNotReady, UsageError
from publisher.file.blocks import blocks
from publisher.publish import Watcher, publish
from publisher.settings import PublishSettings, parse_table
from publisher.table.contents import list_files
from publisher.table.summary import read_summary
from publisher.table.table import open_table
from publisher.values import FileState, TableRef
from tests.conftest import PROJECT, Bucket


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, iceberg_jar: Path, quick_java: None) -> Path:
    folder = tmp_path_factory.mktemp("iceberg")
    command = [sys.executable, "-m", "tests.publisher.table.iceberg_tables", str(folder), str(iceberg_jar)]
    ended = subprocess.run(children.bound(command), cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder / "t"


def ref(written: Path, name: str) -> TableRef:
    return parse_table(f"iceberg:{written / name}", "id")


def ids(table: TableRef) -> list[str]:
    lines = b"\n".join(bytes(block.lines) for block in blocks(open_table(table).id_arrays()))
    return lines.decode().split("\n") if lines else []


def test_files_are_read_in_the_order_of_their_ids(written: Path) -> None:
    table = open_table(ref(written, "files"))
    assert len(table.files) > 1
    assert ids(table.ref) == ["a1", "a2", "m1", "m2", "z1", "z2"]
    assert table.rows == 6
    assert table.source_partitions == {"20251022"}


def test_the_order_does_not_depend_on_statistics_that_iceberg_cuts(written: Path) -> None:
    assert ids(ref(written, "long_ids")) == [f"{'x' * 40}{end}" for end in "123"]


def test_files_whose_ranges_overlap_are_refused(written: Path, bucket: Bucket) -> None:
    with pytest.raises(GuardRefusal) as raised:
        publish(PublishSettings(bucket.destination, table=ref(written, "overlapping")), bucket.store)
    assert raised.value.guard == "not_ascending"


@pytest.mark.parametrize("name", ["position_deletes", "deletion_vectors"])
def test_deleted_rows_are_not_read(name: str, written: Path) -> None:
    """Over more rows than one batch has, in one file of two."""
    expected = [f"{number:07}" for number in range(300_000) if number % 3 and number != 1]
    table = open_table(ref(written, name))
    assert any(file.deleted for file in table.files)
    assert ids(table.ref) == expected
    assert table.rows == len(expected)


def test_files_are_in_the_order_of_the_ids_that_are_not_deleted(written: Path) -> None:
    assert ids(ref(written, "first_deleted")) == ["c", "d", "y", "z"]


def test_a_renamed_column_is_found_in_older_files(written: Path) -> None:
    assert ids(ref(written, "renamed")) == ["a", "b"]


def test_a_column_that_took_a_dropped_ones_name_is_not_mixed_with_it(written: Path) -> None:
    assert ids(ref(written, "same_name")) == ["a", "b"]


def test_a_file_without_field_ids_is_read_by_the_name_mapping(written: Path) -> None:
    table = parse_table(f"iceberg:{written / 'imported'}", "ident")
    assert ids(table) == ["a", "b", "c"]


def test_a_file_from_before_the_column_is_refused(written: Path) -> None:
    with pytest.raises(SourceNotReady, match="written without the column id"):
        open_table(ref(written, "added_later"))


def test_a_column_that_is_not_there_is_named(written: Path) -> None:
    with pytest.raises(SourceNotReady, match="no column key; it has id, source_partition"):
        open_table(parse_table(f"iceberg:{written / 'files'}", "key"))


def test_a_column_of_numbers_is_refused(written: Path) -> None:
    with pytest.raises(SourceNotReady, match="is int64, not text"):
        open_table(ref(written, "numbers"))


@pytest.mark.parametrize(("name", "words"), [("orc", "not Parquet"), ("equality_deletes", "equality deletes")])
def test_what_is_not_read_is_refused(name: str, words: str, written: Path) -> None:
    with pytest.raises(UsageError, match=words):
        open_table(ref(written, name))


@pytest.mark.parametrize("name", ["never_written", "emptied"])
def test_a_table_without_rows_has_no_ids(name: str, written: Path, bucket: Bucket) -> None:
    assert ids(ref(written, name)) == []
    with pytest.raises(GuardRefusal) as raised:
        publish(PublishSettings(bucket.destination, table=ref(written, name)), bucket.store)
    assert raised.value.guard == "no_ids"


def test_the_snapshot_that_was_read_is_in_the_metadata(written: Path, bucket: Bucket) -> None:
    report = publish(PublishSettings(bucket.destination, table=ref(written, "replaced")), bucket.store)
    content, metadata = bucket.get("active/latest.txt.gz")
    assert gzip.decompress(content) == b"a\nc\nd"
    assert metadata["snapshot_id"] == report.metadata.snapshot_id
    assert int(metadata["snapshot_id"]) == open_table(ref(written, "replaced")).snapshot_id
    assert metadata["source_partition"] == "20251022"


def test_a_summary_row_is_read_and_later_than_its_table(written: Path) -> None:
    summary = read_summary(ref(written, "replaced_summary"))
    assert (summary.total_ids, summary.dbt_invocation_id) == (3, "an invocation")
    committed_at = open_table(ref(written, "replaced")).committed_at
    assert summary.built_at is not None
    assert committed_at is not None
    assert committed_at < summary.built_at


def settings_of_a_build(
    model: str, written: Path, folder: Path, bucket: Bucket, started_at: str = "2025-10-22T06:30:00Z"
) -> PublishSettings:
    """As dbt leaves them after it built a model on the target `local` with table_format=iceberg."""
    nodes = {
        f"model.p.{name}": {
            "resource_type": "model",
            "name": name,
            "alias": name,
            "schema": "t",
            "config": {"file_format": "iceberg", "location_root": str(written)},
            "depends_on": {"nodes": []},
        }
        for name in (model, f"{model}_summary")
    }
    about = {"metadata": {"invocation_id": "an invocation", "adapter_type": "spark"}}
    results = [{"unique_id": name, "status": "success"} for name in nodes]
    (folder / "manifest.json").write_text(json.dumps({**about, "nodes": nodes}))
    about["metadata"]["invocation_started_at"] = started_at
    (folder / "run_results.json").write_text(json.dumps({**about, "args": {"which": "build"}, "results": results}))
    return PublishSettings(bucket.destination, target_path=folder, model=model)


def test_a_build_is_published_with_its_summary(written: Path, tmp_path: Path, bucket: Bucket) -> None:
    publish(settings_of_a_build("replaced", written, tmp_path, bucket), bucket.store)
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == b"a\nc\nd"


def test_a_table_that_another_build_replaced_after_the_summary_is_refused(
    written: Path, tmp_path: Path, bucket: Bucket
) -> None:
    with pytest.raises(GuardRefusal, match="replaced after its summary row") as raised:
        publish(settings_of_a_build("late", written, tmp_path, bucket), bucket.store)
    assert raised.value.guard == "summary_differs"
    assert bucket.data_keys() == []


def test_a_table_that_the_invocation_did_not_replace_is_refused(written: Path, tmp_path: Path, bucket: Bucket) -> None:
    """Although its summary row is of this invocation and all results are good: as after a statement that timed out."""
    settings = settings_of_a_build("replaced", written, tmp_path, bucket, started_at="2999-01-01T00:00:00.123456Z")
    with pytest.raises(SourceNotReady, match="began later, at 2999-01-01 00:00:00: it did not build it") as raised:
        publish(settings, bucket.store)
    assert raised.value.guard == "dbt_not_successful"
    assert bucket.data_keys() == []


@pytest.fixture
def two_versions(written: Path, tmp_path: Path) -> Path:
    """The table `replaced` as it was before it was replaced; `become_new` makes the second version current."""
    # Its files name each other by where they were written, so only what names the current version is a copy.
    folder = tmp_path / "replaced"
    shutil.copytree(written / "replaced" / "metadata", folder / "metadata")
    (folder / "metadata" / "version-hint.text").write_text("1")
    (folder / "metadata" / "v2.metadata.json").rename(folder / "later.json")
    return folder


def become_new(folder: Path, hint: str = "2") -> None:
    (folder / "later.json").rename(folder / "metadata" / "v2.metadata.json")
    (folder / "metadata" / "version-hint.text").write_text(hint)


def test_a_table_that_is_replaced_while_it_is_read_is_read_as_it_was(two_versions: Path) -> None:
    table = open_table(parse_table(f"iceberg:{two_versions}", "id"))
    become_new(two_versions)
    lines = b"\n".join(bytes(block.lines) for block in blocks(table.id_arrays()))
    assert lines == b"a\nb\nd"
    assert list_files(table.ref) != table.listing


def test_a_publish_during_which_the_table_is_replaced_is_refused(two_versions: Path, bucket: Bucket) -> None:
    class Replacing(Watcher):
        def read(self, rows: int) -> None:  # noqa: ARG002 -- how many is not the question
            become_new(two_versions)

    settings = PublishSettings(bucket.destination, table=parse_table(f"iceberg:{two_versions}", "id"))
    with pytest.raises(SourceNotReady) as raised:
        publish(settings, bucket.store, Replacing())
    assert raised.value.guard == "files_changed"
    assert bucket.data_keys() == []
    publish(settings, bucket.store)
    assert gzip.decompress(bucket.get("active/latest.txt.gz")[0]) == b"a\nc\nd"


def test_the_newest_version_is_current_also_when_its_writer_died_before_the_hint(two_versions: Path) -> None:
    become_new(two_versions, hint="1")
    assert ids(parse_table(f"iceberg:{two_versions}", "id")) == ["a", "c", "d"]


def test_the_newest_version_is_current_also_when_its_writer_died_without_a_hint(two_versions: Path) -> None:
    become_new(two_versions)
    remove_hint(two_versions)
    assert ids(parse_table(f"iceberg:{two_versions}", "id")) == ["a", "c", "d"]


def test_a_metadata_file_named_by_hand_is_that_version(two_versions: Path) -> None:
    become_new(two_versions)
    older = parse_table(f"iceberg:{two_versions}/metadata/v1.metadata.json", "id")
    assert ids(older) == ["a", "b", "d"]


def spoil_metadata(folder: Path) -> None:
    (folder / "metadata" / "v1.metadata.json").write_text('{"format-version": 2}')


def cut_metadata(folder: Path) -> None:
    (folder / "metadata" / "v1.metadata.json").write_text('{"format-')


def remove_metadata(folder: Path) -> None:
    (folder / "metadata" / "v1.metadata.json").unlink()


def spoil_hint(folder: Path) -> None:
    (folder / "metadata" / "version-hint.text").write_text("one")


def remove_hint(folder: Path) -> None:
    (folder / "metadata" / "version-hint.text").unlink()


def remove_versions(folder: Path) -> None:
    """As the folder of a table looks that only a catalog can find."""
    remove_hint(folder)
    (folder / "metadata" / "v1.metadata.json").rename(folder / "metadata" / "00000-1234.metadata.json")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (spoil_metadata, "cannot be read as Iceberg metadata"),
        (cut_metadata, "cannot be read as Iceberg metadata"),
        (remove_metadata, "is missing"),
        (spoil_hint, "does not hold a version's number"),
        (remove_versions, "names no version"),
        (shutil.rmtree, "names no version"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_damaged_table_is_a_source_that_is_not_ready(damage: object, words: str, two_versions: Path) -> None:
    damage(two_versions)  # type: ignore[operator]  # one of the functions above
    with pytest.raises(SourceNotReady, match=words):
        open_table(parse_table(f"iceberg:{two_versions}", "id"))


@pytest.mark.parametrize("kind", ["*.parquet", "snap-*.avro", "*-m0.avro"])
def test_a_file_that_is_gone_or_damaged_is_a_source_that_is_not_ready(kind: str, written: Path, tmp_path: Path) -> None:
    table = parse_table(f"iceberg:{written / 'replaced_summary'}", "dbt_invocation_id")
    (victim,) = (written / "replaced_summary").rglob(kind)
    kept = victim.rename(tmp_path / "kept")
    with pytest.raises(SourceNotReady, match=r"of the Iceberg table at .* is gone"):
        ids(table)
    victim.write_bytes(b"no longer what it was")
    with pytest.raises(SourceNotReady, match="cannot be read"):
        ids(table)
    kept.rename(victim)
    assert ids(table) == ["an invocation"]


def test_a_listing_is_the_snapshot(written: Path) -> None:
    (state,) = list_files(ref(written, "files"))
    assert state == FileState(str(written / "files"), 0, f"snapshot {open_table(ref(written, 'files')).snapshot_id}")
