"""Whoever is to be forgotten is in no file any more, nor in an older version of one, and there is proof of it."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from publisher.errors import Conflict, GuardRefusal, SourceNotReady, StoreFailed, UsageError
from publisher.file.searching import parse_lines
from publisher.history import history
from publisher.prune.holding import prune_holding
from publisher.publish import publish
from publisher.rollback import rollback
from tests.conftest import Bucket, WriteTable
from tests.memory_store import MemoryStore
from tests.publisher.cli.test_cli import run
from tests.publisher.publishing import ACTIVE, DESTINATION, Between, Clock, settings

WANTED = frozenset({b"objector", b"nowhere"})


def published(store: Any, write_table: WriteTable, clock: Clock) -> None:
    """Three files: with whoever objects later, with somebody beside, and without."""
    for number, ids in enumerate((["a", "objector"], ["a", "b", "objector"], ["a", "b"]), 1):
        publish(settings(write_table(ids), f"2025102{number}"), store, now=clock)


def staged(store: MemoryStore) -> list[str]:
    return sorted(key for key in store._objects if "/stage/" in key)


def records(bucket: Bucket, outcome: str) -> list[dict[str, Any]]:
    return [json.loads(bucket.get(key)[0]) for key in sorted(bucket.keys()) if key.endswith(f"_{outcome}.json")]


def contents(bucket: Bucket) -> list[bytes]:
    """What all versions of all objects below the prefix hold."""
    client = bucket.client
    listed = client.list_object_versions(Bucket=bucket.name, Prefix="ids/").get("Versions", [])
    bodies = [
        client.get_object(Bucket=bucket.name, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
        for one in listed
    ]
    return [gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body for body in bodies]


def test_every_version_that_holds_one_is_removed_and_the_record_proves_it(
    any_bucket: Bucket, write_table: WriteTable, clock: Clock
) -> None:
    client, store = any_bucket.client, any_bucket.store
    first = "ids/stage/stage_20251001_000000.txt.gz"  # from before versions were kept
    client.put_object(Bucket=any_bucket.name, Key=first, Body=gzip.compress(b"objector"))
    client.put_bucket_versioning(Bucket=any_bucket.name, VersioningConfiguration={"Status": "Enabled"})
    published(store, write_table, clock)
    one, other, last = filter(re.compile("stage_20251023.*gz").search, any_bucket.keys())
    client.delete_object(Bucket=any_bucket.name, Key=other)  # removed, as whoever did so believed
    client.put_object(Bucket=any_bucket.name, Key=last, Body=b"no gzip")  # over the staged copy of active
    before = {content for content in contents(any_bucket) if b"objector" in content}
    assert before
    would = prune_holding(store, DESTINATION, WANTED, dry_run=True)
    assert {content for content in contents(any_bucket) if b"objector" in content} == before
    done = prune_holding(store, DESTINATION, WANTED)
    assert {holder.to_line() for holder in done.removed} >= {holder.to_line() for holder in would.removed}
    assert not [content for content in contents(any_bucket) if b"objector" in content]
    left = client.list_object_versions(Bucket=any_bucket.name, Prefix="ids/stage/")
    assert {one, other}.isdisjoint(found["Key"] for found in (*left["Versions"], *left.get("DeleteMarkers", [])))
    assert gzip.decompress(any_bucket.get(ACTIVE)[0]) == b"a\nb"
    assert [holder.key for holder in done.removed if holder.is_damaged] == [last]
    (record,) = records(any_bucket, "pruned")
    assert (record["wanted_ids"], record["removed_versions"]) == (2, len(done.removed))
    assert set(record["removed_sha256"].split()) == {holder.sha256 for holder in done.removed}
    listed = "".join(f"{holder.to_line()}\n" for holder in done.removed)
    assert record["removed_list_sha256"] == hashlib.sha256(listed.encode()).hexdigest() == done.list_sha256
    assert [one["removed_versions"] for one in records(any_bucket, "pruning")]
    # A second run finds nothing, and says so.
    assert prune_holding(store, DESTINATION, WANTED).removed == ()
    assert [one["removed_versions"] for one in records(any_bucket, "pruned")] == [len(done.removed), 0]


def test_it_is_refused_while_active_holds_one(write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()
    with pytest.raises(SourceNotReady, match="Nothing is active"):
        prune_holding(store, DESTINATION, WANTED)
    published(store, write_table, clock)
    publish(settings(write_table(["a", "objector"]), "20251024"), store, now=clock)
    before = store.data
    with pytest.raises(GuardRefusal, match="Active holds 1 of the 2 ids") as refused:
        prune_holding(store, DESTINATION, WANTED)
    assert "suppression list" in refused.value.hint
    assert "objector" not in refused.value.message + refused.value.hint
    assert store.data == before
    store._objects[ACTIVE] = store._objects[staged(store)[2]]  # by hand, and not what was promoted last
    with pytest.raises(GuardRefusal, match="not what was promoted last"):
        prune_holding(store, DESTINATION, WANTED)


def test_what_is_gone_is_no_way_back_and_the_next_publish_works(write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()
    published(store, write_table, clock)
    gone = [holder.key for holder in prune_holding(store, DESTINATION, WANTED).removed]
    assert len(gone) == 2
    for target in (None, gone[0]):
        with pytest.raises(UsageError, match=r"does not exist \(any more\)") as refused:
            rollback(store, DESTINATION, target)
        assert "prune --holding" in refused.value.hint
    assert [run.outcome for run in history(store, DESTINATION, 20).runs if run.command == "prune"] == ["pruned"]
    publish(settings(write_table(["a", "b", "c"]), "20251024"), store, now=clock)
    assert rollback(store, DESTINATION).active.metadata.source_partition == "20251023"


def test_a_run_that_is_interrupted_is_run_again(write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()
    published(store, write_table, clock)

    def remove(method: Any, versions: Any) -> None:
        method(versions[:1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune_holding(Between(store, remove=remove), DESTINATION, WANTED)
    assert len(prune_holding(store, DESTINATION, WANTED).removed) == 1
    outcomes = [key.rpartition("_")[2] for key in sorted(store._objects) if "/runs/" in key][-4:]
    assert outcomes == ["pruning.json", "interrupted.json", "pruning.json", "pruned.json"]


def test_what_the_store_does_not_remove_is_counted(write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()
    published(store, write_table, clock)

    def remove(method: Any, versions: Any) -> None:
        method(versions[:1])
        raise StoreFailed("The store failed while removing 2 objects: AccessDenied, for 1 of them.", "Grant it.")

    with pytest.raises(StoreFailed, match="1 versions that hold such an id are there still"):
        prune_holding(Between(store, remove=remove), DESTINATION, WANTED)
    (run,) = [run for run in history(store, DESTINATION, 20).runs if run.command == "prune"]
    assert (run.outcome, run.removed_versions, run.removed_staged) == ("failed", 1, 1)


def test_whoever_publishes_it_meanwhile_is_met_again(write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()
    published(store, write_table, clock)
    content = gzip.compress(b"objector")
    times = iter(range(9))

    def remove(method: Any, versions: Any) -> None:
        method(versions)
        key = DESTINATION.stage_key(f"20251101_00000{next(times)}")
        with (write_table([]) / "x").open("wb+") as file:
            file.write(content)
            file.seek(0)
            store.create(key, file, hashlib.sha256(content).hexdigest(), {})

    with pytest.raises(Conflict, match="came back"):
        prune_holding(Between(store, remove=remove), DESTINATION, WANTED)

    def publishes(method: Any, versions: Any) -> None:
        method(versions)
        publish(settings(write_table(["objector"]), "20251025"), store, now=clock)

    with pytest.raises(GuardRefusal, match="Active holds 1"):
        prune_holding(Between(store, remove=publishes), DESTINATION, WANTED)


def test_versions_that_may_not_be_seen_are_an_error(write_table: WriteTable, clock: Clock) -> None:
    store = MemoryStore()
    published(store, write_table, clock)

    def versions(_: Any, prefix: str) -> Any:
        raise StoreFailed("The store failed: AccessDenied.", "Grant it.")

    before = staged(store)
    with pytest.raises(StoreFailed):
        prune_holding(Between(store, versions=versions), DESTINATION, WANTED)
    assert staged(store) == before


def test_object_lock_is_said(any_locked: Bucket, write_table: WriteTable, clock: Clock) -> None:
    published(any_locked.store, write_table, clock)
    client = any_locked.client
    key = next(filter(re.compile("/stage/").search, any_locked.keys()))
    client.put_object_legal_hold(Bucket=any_locked.name, Key=key, LegalHold={"Status": "ON"})
    with pytest.raises(StoreFailed, match="1 versions that hold such an id are there still") as failed:
        prune_holding(any_locked.store, DESTINATION, WANTED)
    assert "legal hold" in failed.value.hint
    client.put_object_legal_hold(Bucket=any_locked.name, Key=key, LegalHold={"Status": "OFF"})
    assert [holder.key for holder in prune_holding(any_locked.store, DESTINATION, WANTED).removed] == [key]


@pytest.fixture
def any_locked(moto: Any) -> Bucket:
    bucket = Bucket(moto, "locked")
    bucket.client.create_bucket(Bucket=bucket.name, ObjectLockEnabledForBucket=True)
    return bucket


def test_the_list_of_ids_is_read_as_a_person_writes_it() -> None:
    assert parse_lines(b"a\r\n\nb c\n9") == {b"a", b"b c", b"9"}
    for bad, words in (
        (b"", "it has no id"),
        (b"\n\n", "it has no id"),
        (b"a\n b", "line 2 has blanks around"),
        (b"a\nsecret\xff", "line 2 is not UTF-8"),
        (b"a\tb", "line 1 has blanks around the id, or a control"),
        (gzip.compress(b"a"), "line 1"),
    ):
        with pytest.raises(ValueError, match=words) as raised:
            parse_lines(bad)
        assert "secret" not in str(raised.value)


def test_the_command_says_what_it_did_and_shows_no_id(
    bucket: Bucket, write_table: WriteTable, clock: Clock, tmp_path: Path
) -> None:
    for ids in (["a", "objector"], ["a", "b"]):
        publish(replace(settings(write_table(ids)), destination=bucket.destination), bucket.store, now=clock)
    listed = tmp_path / "ids.txt"
    listed.write_text("objector\n")
    told = ""
    for arguments, code, words in (
        (["--holding", str(listed), "--dry-run"], 0, "would be removed: 1 of 2 versions"),
        (["--holding", str(listed), "--json"], 0, '"removed_list_sha256"'),
        (["--holding", str(listed)], 0, "removed: 0 of 1 versions that were searched for 1 ids"),
        ([], 2, "--keep-days or --holding"),
        (["--holding", str(listed), "--keep-days", "400"], 2, "--keep-days or --holding"),
        (["--holding", str(tmp_path)], 2, "cannot be read: Is a directory"),
    ):
        ended = run(bucket, "prune", *arguments)
        assert ended.returncode == code, ended.stderr
        told += ended.stdout + ended.stderr
        assert words in ended.stdout + ended.stderr
    assert "objector" not in told
    assert "objector" not in "".join(map(str, records(bucket, "pruned") + records(bucket, "pruning")))
