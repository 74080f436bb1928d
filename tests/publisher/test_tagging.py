"""What analysts see: the tag `published` of the Iceberg table names the snapshot of the active file, or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pytest
from pyiceberg.table import StaticTable, Table

from publisher.errors import UsageError
from publisher.history import history
from publisher.lake.access import LakeAccess
from publisher.lake.files import Files, LocalFiles
from publisher.publish import Published, publish
from publisher.rollback import rollback
from publisher.store.protocol import Store
from publisher.tagging import tag_active
from publisher.values import FileState, TableRef
from tests.conftest import Bucket, WriteTable
from tests.e2e.test_duckdb_iceberg import Folder as IcebergFolder
from tests.e2e.test_duckdb_iceberg import create
from tests.memory_store import MemoryStore
from tests.publisher.cli.test_cli import run
from tests.publisher.publishing import DESTINATION, Between, Clock, active_content, settings


class Built:
    """An Iceberg table of ids in a folder, which each build replaces."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        create(folder, None)
        self.ref = TableRef("iceberg", str(folder))

    @property
    def newest(self) -> Path:
        return max(self.folder.glob("metadata/v*.metadata.json"), key=lambda path: int(path.name.split(".")[0][1:]))

    @property
    def metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.newest.read_text())
        return found

    def writer(self) -> Table:
        static = StaticTable.from_metadata(str(self.newest))
        return Table(("raw", "table"), static.metadata, str(self.newest), static.io, IcebergFolder("folder"))

    def build(self, *ids: str) -> int:
        """Replaces the rows, and returns the snapshot."""
        table = self.writer()
        rows = pa.table([pa.array(ids, pa.string()), pa.nulls(len(ids), pa.string())], schema=table.schema().as_arrow())
        (table.append if table.metadata.current_snapshot_id is None else table.overwrite)(rows)
        return int(self.metadata["current-snapshot-id"])

    def tags(self) -> dict[str, int]:
        return {
            name: int(ref["snapshot-id"]) for name, ref in self.metadata.get("refs", {}).items() if ref["type"] == "tag"
        }

    def published(self) -> bytes:
        """Returns what another program reads of the state that the tag names, as the file has it."""
        table = StaticTable.from_metadata(str(self.newest))
        snapshot = table.snapshot_by_name("published")
        assert snapshot is not None
        ids: pa.Table = table.scan(snapshot_id=snapshot.snapshot_id).to_arrow()
        return "\n".join(sorted(ids["id"].to_pylist())).encode()


@pytest.fixture
def built(tmp_path: Path) -> Built:
    return Built(tmp_path / "table")


def published(store: Store, built: Built, day: str, **changes: Any) -> Published:
    given = {"tag_snapshot": True, **changes}
    lake = given.pop("lake", None)
    return publish(replace(settings(built.folder, day), table=built.ref, **given), store, lake=lake, now=Clock())


def test_the_tag_names_what_is_active_and_each_of_the_last_partitions_has_one(built: Built) -> None:
    store, snapshots = MemoryStore(), {}
    for day, ids in {"20251021": ["a"], "20251022": ["a", "b"], "20251023": ["b", "c"]}.items():
        snapshots[day] = built.build(*ids)
        done = published(store, built, day, keep_tags=2)
        assert built.published() == active_content(store) == "\n".join(ids).encode()
        assert (done.metadata.tagged_table, done.warnings) == (f"iceberg:{built.folder}", ())
    assert built.tags() == {
        "published": snapshots["20251023"],
        "published_20251022": snapshots["20251022"],
        "published_20251023": snapshots["20251023"],
    }


def test_a_build_that_was_not_published_is_not_what_the_tag_names(built: Built) -> None:
    store = MemoryStore()
    built.build("a", "b")
    published(store, built, "20251022")
    built.build("x")
    assert built.published() == b"a\nb"


def test_what_is_tagged_outlives_an_expiry(built: Built) -> None:
    unpublished, active = built.build("x"), built.build("a")
    published(MemoryStore(), built, "20251022")
    built.build("y")
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    built.writer().maintenance.expire_snapshots().older_than(tomorrow).commit()
    left = {snapshot["snapshot-id"] for snapshot in built.metadata["snapshots"]}
    assert active in left
    assert unpublished not in left
    assert built.published() == b"a"


def test_levels_of_a_partition_are_one_name(built: Built) -> None:
    built.build("a")
    published(MemoryStore(), built, "ano=2025/mes=10/dia=22")
    assert set(built.tags()) == {"published", "published_ano_2025_mes_10_dia_22"}


def test_nothing_is_written_where_the_tags_are_right(built: Built) -> None:
    store = MemoryStore()
    built.build("a")
    published(store, built, "20251022")
    before = built.newest
    published(store, built, "20251022")
    assert built.newest == before


def test_of_the_metadata_all_else_stays(built: Built) -> None:
    built.build("a")
    before = {**built.metadata, "of-a-later-version": {"kept": True}}
    built.newest.write_text(json.dumps(before))
    replaced = built.newest
    published(MemoryStore(), built, "20251022")
    after = built.metadata
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"refs", "metadata-log", "last-updated-ms"}
    assert after["metadata-log"][-1]["metadata-file"].endswith(f"/metadata/{replaced.name}")
    assert {name: ref for name, ref in after["refs"].items() if name == "main"} == before["refs"]
    assert (built.folder / "metadata/version-hint.text").read_text() == built.newest.name[1:].partition(".")[0]


def test_a_rollback_takes_the_tag_with_it(built: Built) -> None:
    store = MemoryStore()
    first = built.build("a")
    published(store, built, "20251022")
    built.build("a", "b")
    published(store, built, "20251023")
    rollback(store, DESTINATION)
    assert built.tags()["published"] == first
    assert built.published() == active_content(store) == b"a"


def test_a_rollback_to_what_the_table_has_no_more_leaves_no_tag(built: Built) -> None:
    store, said = MemoryStore(), list[str]()
    first = built.build("a")
    published(store, built, "20251022")
    built.build("b")
    published(store, built, "20251023", keep_tags=1)
    expired = {
        **built.metadata,
        "snapshots": [one for one in built.metadata["snapshots"] if one["snapshot-id"] != first],
        "snapshot-log": [],
    }
    built.newest.write_text(json.dumps(expired))
    rollback(store, DESTINATION, warn=said.append)
    assert active_content(store) == b"a"
    assert "published" not in built.tags()
    assert said[-1].startswith(f"iceberg:{built.folder} has no snapshot {first} (any more), so nothing in it is tagged")


def test_a_publish_that_does_not_tag_leaves_no_tag_of_another_file(built: Built) -> None:
    store = MemoryStore()
    built.build("a")
    published(store, built, "20251022")
    built.build("a", "b")
    done = published(store, built, "20251023", tag_snapshot=False)
    assert "published" not in built.tags()
    assert done.warnings == (
        f"nothing in iceberg:{built.folder} is tagged as published any more: active is not of it, or not tagged",
    )


def parquet(built: Built, write_table: WriteTable) -> TableRef:
    return TableRef("parquet", str(write_table(["a"])))


def metadata_file(built: Built, write_table: WriteTable) -> TableRef:
    built.build("a")
    return TableRef("iceberg", str(built.newest))


@pytest.mark.parametrize(
    ("made", "why"),
    [(parquet, "it is Parquet, which has no snapshots"), (metadata_file, "it is named by a metadata file")],
)
def test_a_table_that_has_no_tags_is_refused_before_anything_is_written(
    made: Callable[[Built, WriteTable], TableRef], why: str, built: Built, write_table: WriteTable
) -> None:
    store = MemoryStore()
    with pytest.raises(UsageError, match=why):
        publish(replace(settings(built.folder), table=made(built, write_table), tag_snapshot=True), store)
    assert not store.data


def test_a_tag_that_cannot_be_set_is_a_warning_and_mended_by_the_command(built: Built, bucket: Bucket) -> None:
    snapshot = built.build("a")
    whole = built.metadata
    branch = {"snapshot-id": snapshot, "type": "branch"}
    built.newest.write_text(json.dumps({**whole, "refs": {**whole["refs"], "published": branch}}))
    given = ("publish", "--tag-snapshot", "--table", str(built.ref), "--source-partition", "20251022", "--json")
    done = run(bucket, *given)
    assert done.returncode == 0, done.stderr
    (warning,) = json.loads(done.stdout)["warnings"]
    assert warning.startswith(f"active is new, but the tag published of {built.ref} may name what was before: ")
    assert "has a branch called published. Rename it. Then run `publisher tag`" in warning
    (record,) = json.loads(run(bucket, "history", "--json").stdout)["runs"]
    assert (record["outcome"], record["warnings"]) == ("published", warning)

    refused = run(bucket, "tag")
    assert refused.returncode == 5
    assert "has a branch called published" in refused.stderr
    built.newest.write_text(json.dumps(whole))
    tagged = run(bucket, "tag", "--json")
    assert tagged.returncode == 0, tagged.stderr
    told = {"status": "tagged", "tag": "published", "table": str(built.ref), "snapshot_id": str(snapshot)}
    assert json.loads(tagged.stdout) == told
    assert built.tags() == {"published": snapshot, "published_20251022": snapshot}


def test_the_command_says_when_nothing_is_tagged(bucket: Bucket, write_table: WriteTable) -> None:
    assert run(bucket, "tag").returncode == 5
    run(bucket, "publish", "--table", f"parquet:{write_table(['a'])}", "--source-partition", "20251022")
    ended = run(bucket, "tag")
    assert ended.returncode == 5
    assert "What is active was published without --tag-snapshot." in ended.stderr


class Overtaking(LakeAccess):
    """Lets somebody else commit to the table, right after its metadata was read."""

    def __init__(self, commits: list[Callable[[], object]]) -> None:
        super().__init__()
        self._commits = commits

    def files(self, location: str) -> Files:
        del location
        return Overtaken(self._commits)


class Overtaken(LocalFiles):
    def __init__(self, commits: list[Callable[[], object]]) -> None:
        self._commits = commits

    def open(self, file: FileState) -> BinaryIO:
        opened = super().open(file)
        if file.path.endswith(".metadata.json") and self._commits:
            self._commits.pop()()
        return opened


def test_a_commit_of_somebody_else_stays_and_the_tag_is_set_on_top(built: Built) -> None:
    store = MemoryStore()
    snapshot = built.build("a")
    published(store, built, "20251022", tag_snapshot=True)
    other = built.build("a", "b")
    done = published(store, built, "20251023")
    later: list[int] = []
    built.newest.write_text(json.dumps({**built.metadata, "refs": {"main": built.metadata["refs"]["main"]}}))
    lake = Overtaking([lambda: later.append(built.build("x"))])
    tag_active(store, DESTINATION, lake, 7)
    assert built.metadata["current-snapshot-id"] == later[0]
    assert built.tags()["published"] == other == int(done.metadata.snapshot_id or "")
    assert snapshot != other


def test_of_two_promotions_the_last_one_is_tagged(built: Built) -> None:
    store = MemoryStore()
    built.build("a")
    published(store, built, "20251021")
    built.build("a", "b")
    others: list[bool] = []

    def head(method: Any, key: str) -> Any:
        found = method(key)
        is_new = key == DESTINATION.active_key and found is not None and found.metadata.source_partition == "20251022"
        if is_new and "published_20251022" in built.tags() and not others:
            # Between the look at what is active, and the end of this run's tagging.
            others.append(True)
            built.build("b", "c", "d")
            published(store, built, "20251023")
            found = method(key)
        return found

    published(Between(store, head=head), built, "20251022")
    assert others
    assert built.published() == active_content(store) == b"b\nc\nd"
    assert history(store, DESTINATION, 20).staged
