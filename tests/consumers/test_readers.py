"""What each reader of docs/consumers/ makes of a file, whatever it is: a whole new one, or the one that was there."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.seaweedfs import Endpoint
from publisher import guards
from publisher.publish import publish
from publisher.rollback import rollback
from publisher.settings import PublishSettings
from publisher.store.keys import Destination
from publisher.values import Metadata, TableRef
from tests.conftest import PROJECT, Bucket, WriteTable, new_bucket
from tests.consumers.readers import READERS, SOURCES, JavaReader, Reader, java_reader, read_in_python, read_in_shell

KINDS = ("python", "shell", "java")
NAMES = itertools.count()
IDS = [f"{number:04}" for number in range(1000)]
CONTENT = "\n".join(IDS).encode()


@pytest.fixture(scope="module")
def bucket(seaweed: Endpoint) -> Bucket:
    return new_bucket(seaweed)


@pytest.fixture(scope="module")
def java(seaweed: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JavaReader]:
    with java_reader(seaweed, tmp_path_factory.mktemp("classes")) as reader:
        yield reader


@pytest.fixture(scope="module", params=KINDS)
def reader(request: pytest.FixtureRequest) -> Reader:
    if request.param == "java":
        found: Reader = request.getfixturevalue("java")
        return found
    return read_in_python if request.param == "python" else read_in_shell


def put(bucket: Bucket, content: bytes, body: bytes | None = None, prefix: str | None = None, **changes: str) -> str:
    """Makes a file active as a publisher would, unless told otherwise; returns the prefix."""
    compressed = gzip.compress(content, mtime=0)
    texts = {
        "total_ids": str(len(content.splitlines())),
        "md5_checksum": hashlib.md5(content).hexdigest(),
        "sha256": hashlib.sha256(compressed if body is None else body).hexdigest(),
        "content_bytes": str(len(content)),
        "source_partition": "20251022",
        **changes,
    }
    prefix = prefix or f"prefix-{next(NAMES)}"
    bucket.client.put_object(
        Bucket=bucket.name, Key=f"{prefix}/active/latest.txt.gz", Body=compressed if body is None else body,
        Metadata={name: text for name, text in texts.items() if text},
    )  # fmt: skip
    return prefix


@pytest.fixture(scope="module")
def accepted(reader: Reader, bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a reader has read a good file of partition 20251022."""
    folder = tmp_path_factory.mktemp("accepted")
    ended = reader(bucket, put(bucket, CONTENT), folder / "ids.gz", [])
    assert (ended.code, "updated" in ended.said) == (0, True), ended.said
    return folder


@pytest.fixture
def target(accepted: Path, tmp_path: Path) -> Path:
    """That file, for one test."""
    return Path(shutil.copytree(accepted, tmp_path / "consumer")) / "ids.gz"


def content(target: Path) -> bytes:
    return gzip.decompress(target.read_bytes())


def files(target: Path) -> dict[str, tuple[bytes, int]]:
    """Everything in the target's folder, with what tells a file from its equal successor."""
    return {path.name: (path.read_bytes(), path.stat().st_ino) for path in target.parent.iterdir()}


def test_a_new_file_is_read_once_and_replaces_what_was_there(reader: Reader, bucket: Bucket, target: Path) -> None:
    assert content(target) == CONTENT
    target.chmod(0o640)
    before = files(target)
    prefix = put(bucket, CONTENT, source_partition="20251023")
    ended = reader(bucket, prefix, target, [])
    assert (ended.code, "unchanged" in ended.said) == (0, True), ended.said
    assert files(target)["ids.gz"] == before["ids.gz"]
    put(bucket, NEW, prefix=prefix, source_partition="20251024")
    ended = reader(bucket, prefix, target, [])
    assert (ended.code, "updated" in ended.said) == (0, True), ended.said
    assert content(target) == NEW
    assert target.stat().st_mode & 0o777 == 0o640  # who may read it still may
    assert files(target).keys() == before.keys()
    # That the same ids came from a newer partition was remembered: what is older than that is refused.
    put(bucket, CONTENT, prefix=prefix, source_partition="20251023")
    assert reader(bucket, prefix, target, []).code == 3


def test_a_target_that_somebody_changed_is_read_again(reader: Reader, bucket: Bucket, target: Path) -> None:
    target.write_bytes(gzip.compress(b"somebody's"))
    assert reader(bucket, put(bucket, CONTENT), target, []).code == 0
    assert content(target) == CONTENT


NEW = CONTENT + b"\n9999"
GOOD = gzip.compress(NEW, mtime=0)
OF_GOOD = {"sha256": hashlib.sha256(GOOD).hexdigest()}
FLIPPED = GOOD[:100] + bytes([GOOD[100] ^ 1]) + GOOD[101:]
DAMAGE: dict[str, tuple[bytes, bytes | None, dict[str, str]]] = {
    "a flipped bit": (NEW, FLIPPED, OF_GOOD),
    "cut short": (NEW, GOOD[:-50], OF_GOOD),
    "cut short, and described so": (NEW, GOOD[:-50], {}),
    "empty": (NEW, b"", OF_GOOD),
    "no gzip": (NEW, NEW, {}),
    "another count": (NEW, None, {"total_ids": "1002"}),
    "another content": (NEW + b"\n99999", GOOD, {}),
    "a blank line": (NEW + b"\n\n", None, {}),
    "metadata of no publisher": (NEW, None, {"sha256": "", "md5_checksum": ""}),
}
# What differs by what the file is found to be, and not by how that is found out, is left to the quick readers: the AWS
# CLI takes a second of processor time for each request.
OF_SHELL = ("a flipped bit", "cut short, and described so", "empty", "a blank line", "metadata of no publisher")


@pytest.mark.parametrize(
    ("reader", "name"),
    [(kind, name) for kind in KINDS for name in (OF_SHELL if kind == "shell" else DAMAGE)],
    indirect=["reader"],
    scope="module",
)
def test_a_wrong_body_replaces_nothing(name: str, reader: Reader, bucket: Bucket, target: Path) -> None:
    described, body, changes = DAMAGE[name]
    prefix = put(bucket, described, body, source_partition="20251023", **changes)
    before = files(target)
    ended = reader(bucket, prefix, target, [])
    assert (ended.code, files(target) == before) == (4, True), ended.said
    assert not [found for found in IDS if f" {found}" in ended.said]


def test_an_older_partition_that_nobody_meant_is_refused(reader: Reader, bucket: Bucket, target: Path) -> None:
    prefix = put(bucket, CONTENT, source_partition="20251021", overruled="too_few_ids", set_back_from="20251021")
    before = files(target)
    ended = reader(bucket, prefix, target, ["--accept-rollback"])
    assert (ended.code, files(target) == before) == (3, True), ended.said
    assert "20251022" in ended.said


def test_a_rollback_is_followed_by_who_is_told_to(
    reader: Reader, bucket: Bucket, tmp_path: Path, write_table: WriteTable
) -> None:
    prefix = f"prefix-{next(NAMES)}"
    destination, target = Destination(bucket.name, f"{prefix}/"), tmp_path / "consumer" / "ids.gz"
    target.parent.mkdir()
    for partition, ids in (("20251021", IDS[:-1]), ("20251022", IDS)):
        table = TableRef("parquet", str(write_table(ids)))
        publish(PublishSettings(destination, table=table, source_partition=partition), bucket.store)
    assert reader(bucket, prefix, target, []).code == 0
    assert content(target) == CONTENT
    rollback(bucket.store, destination, reason="INC-1")
    before = files(target)
    ended = reader(bucket, prefix, target, [])
    assert (ended.code, "--accept-rollback" in ended.said, files(target) == before) == (3, True, True), ended.said
    ended = reader(bucket, prefix, target, ["--accept-rollback"])
    assert ended.code == 0, ended.said
    assert content(target).split(b"\n") == [one.encode() for one in IDS[:-1]]


def test_where_nothing_is_active_what_was_read_stays(reader: Reader, bucket: Bucket, target: Path) -> None:
    before = files(target)
    ended = reader(bucket, "no-such-prefix", target, [])
    assert (ended.code, files(target) == before) == (5, True), ended.said


@pytest.mark.parametrize("reader", ["python", "java"], indirect=True, scope="module")
def test_an_empty_list_that_was_meant_is_read(reader: Reader, bucket: Bucket, target: Path) -> None:
    ended = reader(bucket, put(bucket, b""), target, [])
    assert (ended.code, content(target)) == (0, b""), ended.said


PARTITIONS = (
    "20251022", "20251023", "20251101", "9", "10", "010", "18446744073709551615", "18446744073709551616", "2025-10-22",
    "2025-10-23", "dia=20251022", "dia=x", "ano=2025/mes=9/dia=30", "ano=2025/mes=10/dia=1", "ano=2025/mes=10",
)  # fmt: skip
PAIRS = list(itertools.product(PARTITIONS, repeat=2))
OLDER = [guards.is_older(partition, than) is not False for partition, than in PAIRS]


def test_the_reader_in_shell_knows_which_partition_is_older() -> None:
    (function,) = re.findall(r"^is_older\(\) \{.*?^\}$", (READERS / "read.sh").read_text(), re.MULTILINE | re.DOTALL)
    script = f"{function}\nwhile read -r new last; do if is_older $new $last; then echo 1; else echo 0; fi; done"
    lines = "".join(f"{partition} {than}\n" for partition, than in PAIRS)
    ended = subprocess.run(["bash", "-c", script], input=lines, capture_output=True, text=True, check=True)
    assert [line == "1" for line in ended.stdout.split()] == OLDER


def test_the_reader_in_java_knows_which_partition_is_older(java: JavaReader) -> None:
    assert [java.is_older(*pair) for pair in PAIRS] == OLDER


@pytest.mark.parametrize(
    "path", [READERS / "pull.py", READERS / "read.sh", *SOURCES.glob("*.java")], ids=lambda p: p.name
)
def test_each_reader_is_read_at_once(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 80
    assert max(map(len, lines)) <= 120


def test_the_document_tells_what_the_readers_are() -> None:
    text = (PROJECT / "docs/consumers.md").read_text()
    said = text[text.index("## The metadata") : text.index("## ", text.index("## The metadata") + 3)]
    named = set(re.findall(r"^\| `(\w+)`", said, re.MULTILINE))
    assert named
    assert named <= set(Metadata.__dataclass_fields__)
    # What they look at is what the document says they look at.
    for path in (READERS / "read.sh", SOURCES / "VerifiedReader.java", SOURCES / "Partitions.java"):
        looked_at = {name for name in Metadata.__dataclass_fields__ if re.search(rf"\b{name}\b", path.read_text())}
        assert looked_at <= named, path.name
    commands = re.findall(r"^\$ .*(pull\.py|read\.sh|matchedids\.Main) (.*)$", text, re.MULTILINE)
    assert {program for program, _ in commands} == {"pull.py", "read.sh", "matchedids.Main"}
