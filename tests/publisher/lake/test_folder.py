"""Which files belong to a raw table that is a folder, here and in S3: one rule, or a refusal that names the place."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from publisher.errors import SourceNotReady
from publisher.lake.files import FileMissing, Files, LocalFiles, is_hidden
from publisher.lake.folder import FolderTable
from publisher.lake.partition_names import Chosen
from publisher.lake.s3_files import S3Files
from publisher.lake.scan import Column, Role
from tests.conftest import Bucket

ID, DOCUMENT = Column("id", Role.ID), Column("documento", Role.DOCUMENT)
WANTED = [ID, DOCUMENT]


def day(value: str, column: str = "dt") -> Chosen:
    return Chosen(value, {column: value})


@dataclass
class Tree:
    """A raw table on this machine, or the same in a bucket."""

    local: Path
    bucket: Bucket | None

    def put(self, path: str, **columns: object) -> None:
        table = pa.table(columns or {"id": ["a"], "documento": ["x"]})
        file = self.local / path
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, file)
        self._upload(path)

    def put_bytes(self, path: str, content: bytes) -> None:
        file = self.local / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self._upload(path)

    def _upload(self, path: str) -> None:
        if self.bucket:
            self.bucket.client.upload_file(str(self.local / path), self.bucket.name, f"lake/{path}")

    @property
    def files(self) -> Files:
        return S3Files(self.bucket.client) if self.bucket else LocalFiles()

    def table(self, folder: str = "records") -> FolderTable:
        root = f"s3://{self.bucket.name}/lake" if self.bucket else str(self.local)
        return FolderTable(f"{root}/{folder}", self.files)

    def read(self, chosen: Chosen | None, folder: str = "records") -> list[str]:
        """The files that are read, from the table's folder."""
        table = self.table(folder)
        scan = table.scan(chosen, WANTED)
        return [file.file.path.removeprefix(f"{table.location}/") for file in scan.files]

    def refusal(self, chosen: Chosen | None, folder: str = "records") -> str:
        with pytest.raises(SourceNotReady) as raised:
            self.read(chosen, folder)
        assert "\n" not in raised.value.message + raised.value.hint
        assert raised.value.hint
        return raised.value.message


@pytest.fixture(params=["here", "in S3"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    return Tree(tmp_path, request.getfixturevalue("bucket") if request.param == "in S3" else None)


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("part-0.parquet", False), ("000000_0", False), ("_SUCCESS", True), ("_uf=SP", False), (".x", True),
        (".uf=SP", True), ("x._COPYING_", True), ("_metadata", True), ("uf=_x", False),
    ],
)  # fmt: skip
def test_what_is_hidden(name: str, hidden: bool) -> None:
    assert is_hidden(name) is hidden


def test_what_holds_no_data_is_no_file_of_the_table(tree: Tree) -> None:
    tree.put("records/dt=1/a")
    tree.put("records/dt=1/b.parquet", id=pa.array([], pa.null()), documento=pa.array([], pa.null()))
    for path in ("_SUCCESS", "_temporary/0/x.parquet", ".a.crc", "empty.parquet", "c.parquet._COPYING_"):
        tree.put_bytes(f"records/dt=1/{path}", b"" if path == "empty.parquet" else b"whoever opens this fails")
    assert tree.read(day("1")) == ["dt=1/a"]


def test_folders_of_keys_are_read_also_when_a_key_begins_with_an_underscore(tree: Tree) -> None:
    for level in ("_uf=SP", "_uf=RJ"):
        tree.put(f"records/dt=1/{level}/a.parquet")
    assert tree.read(day("1")) == ["dt=1/_uf=RJ/a.parquet", "dt=1/_uf=SP/a.parquet"]


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (
            ["a.parquet", "HIVE_UNION_SUBDIR_1/000000_0"],
            "dt=1/HIVE_UNION_SUBDIR_1 is a folder with data among the files",
        ),
        (["lote2/uf=SP/a.parquet"], "dt=1/lote2 is a folder with data"),
        (["uf=SP/lote/a.parquet"], "dt=1/uf=SP/lote is a folder with data"),
        ([".uf=SP/a.parquet", "b.parquet"], "dt=1/.uf=SP is a folder with data"),
        (["a.parquet", "uf=SP/b.parquet"], "do not stand at one depth"),
        (["uf=SP/b.parquet", "cidade=x/b.parquet"], "do not stand at one depth, in folders of the same keys"),
        (["documento=x/a.parquet"], "names the column documento, which is read from the files"),
        (["ID=7/a.parquet"], "names the column id, which is read from the files"),
        (["dt=2/a.parquet"], "names the column dt"),
        (["base_0000001/bucket_00000"], "base_0000001 is a folder with data"),  # a transactional table of Hive
    ],
)
def test_what_engines_do_not_agree_on_is_refused_by_name(paths: list[str], words: str, tree: Tree) -> None:
    for path in paths:
        tree.put(f"records/dt=1/{path}")
    assert words in tree.refusal(day("1"))
    for path in paths:  # and of a table without partitions
        tree.put(f"cpfs/{path}")
    if "dt=2" not in paths[0]:
        assert words.removeprefix("dt=1/") in tree.refusal(None, "cpfs")


def test_empty_folders_are_nobodys_concern(tmp_path: Path) -> None:
    tree = Tree(tmp_path, None)
    tree.put("records/dt=1/a.parquet")
    (tmp_path / "records/dt=1/lote").mkdir()
    (tmp_path / "records/dt=1/_temporary/0").mkdir(parents=True)
    assert tree.read(day("1")) == ["dt=1/a.parquet"]


# Links.


def test_links_to_files_and_to_folders_of_keys_are_followed(tmp_path: Path) -> None:
    tree = Tree(tmp_path, None)
    tree.put("store/b.parquet")
    tree.put("records/dt=1/a.parquet")
    (tmp_path / "records/dt=1/l.parquet").symlink_to(tmp_path / "store/b.parquet")
    (tmp_path / "records/dt=2").symlink_to(tmp_path / "store")
    assert tree.read(day("1")) == ["dt=1/a.parquet", "dt=1/l.parquet"]
    assert tree.read(day("2")) == ["dt=2/b.parquet"]
    (tmp_path / "linked").symlink_to(tmp_path / "records")
    assert tree.read(day("2"), "linked") == ["dt=2/b.parquet"]


def link_to_a_missing_file(folder: Path) -> str:
    (folder / "dt=1/x.parquet").symlink_to(folder / "nowhere")
    return "dt=1/x.parquet is a link that leads nowhere"


def link_to_a_missing_partition(folder: Path) -> str:
    (folder / "dt=2").symlink_to(folder / "nowhere")
    return "dt=2 is a link that leads nowhere"


def link_to_a_folder(folder: Path) -> str:
    (folder / "store").mkdir()
    pq.write_table(pa.table({"id": ["b"], "documento": ["x"]}), folder / "store/b.parquet")
    (folder / "dt=1/more").symlink_to(folder / "store")
    return "dt=1/more is a folder with data"


def link_that_never_ends(folder: Path) -> str:
    (folder / "dt=1/uf=SP").symlink_to(folder / "dt=1")
    return "is a link to a folder that it is in"


def a_pipe(folder: Path) -> str:
    os.mkfifo(folder / "dt=1/p.parquet")
    return "dt=1/p.parquet is neither a file nor a folder"


@pytest.mark.parametrize(
    "spoil",
    [link_to_a_missing_file, link_to_a_missing_partition, link_to_a_folder, link_that_never_ends, a_pipe],
)
def test_a_link_that_hides_data_is_refused_by_name(spoil: Callable[[Path], str], tmp_path: Path) -> None:
    tree = Tree(tmp_path, None)
    tree.put("records/dt=1/a.parquet")
    words = spoil(tmp_path / "records")
    assert words in tree.refusal(day("1"))


def test_a_hidden_link_that_leads_nowhere_is_hidden(tmp_path: Path) -> None:
    tree = Tree(tmp_path, None)
    tree.put("records/dt=1/a.parquet")
    (tmp_path / "records/dt=1/.#a.parquet").symlink_to("editor@machine.1234")
    assert tree.read(day("1")) == ["dt=1/a.parquet"]


# Tables of other formats.


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("_delta_log/00000000000000000000.json", "is a Delta table (_delta_log stands in it)"),
        (".hoodie/hoodie.properties", "is a Hudi table"),
        ("metadata/v1.metadata.json", "is an Iceberg table"),
        ("metadata/version-hint.text", "is an Iceberg table"),
    ],
)
def test_a_table_of_another_format_is_no_plain_folder(marker: str, words: str, tree: Tree) -> None:
    for folder in ("records", "cpfs", "table/data"):
        tree.put(f"{folder}/dt=1/a.parquet" if folder != "cpfs" else "cpfs/a.parquet")
        tree.put_bytes(f"{folder.removesuffix('/data')}/{marker}", b"{}")
    assert words in tree.refusal(day("1"))
    with pytest.raises(SourceNotReady, match="and no plain folder of Parquet"):
        tree.table().partition_names(["dt"])
    assert words in tree.refusal(None, "cpfs")
    assert f"data is a part of {words.removeprefix('is ').partition(' table')[0]}" in tree.refusal(
        day("1"), "table/data"
    )


def test_a_partition_of_a_hudi_table_is_recognized_by_itself(tree: Tree) -> None:
    tree.put("records/dt=1/a.parquet")
    tree.put_bytes("records/dt=1/.hoodie_partition_metadata", b"commitTime=1")
    assert "is a partition of a Hudi table" in tree.refusal(day("1"))


def test_a_folder_of_metadata_that_is_none_of_iceberg_is_beside_the_partitions(tree: Tree) -> None:
    tree.put("records/dt=1/a.parquet")
    tree.put_bytes("records/metadata/readme.txt", b"of the load")
    tree.put_bytes("records/readme.txt", b"of the load")
    assert tree.read(day("1")) == ["dt=1/a.parquet"]


# Partitions.


def test_partitions_are_named_by_their_folders(tree: Tree) -> None:
    for name in ("ANO=2025/mes=9/uf=SP", "ano=2025/mes=10/uf=SP", "_backup/ano=2026/mes=1", ".ano=2026/mes=1/uf=x"):
        tree.put(f"records/{name}/a.parquet")
    assert tree.table().partition_names(["mes"]) == ["ANO=2025/mes=9", "ano=2025/mes=10"]
    assert tree.table().partitions() == ["ANO=2025/mes=9/uf=SP", "ano=2025/mes=10/uf=SP"]
    assert tree.read(Chosen("x", {"ano": "2025", "mes": "9"})) == ["ANO=2025/mes=9/uf=SP/a.parquet"]


def test_a_name_is_decoded_once(tree: Tree) -> None:
    tree.put("records/dt=10%3A00/a.parquet")
    tree.put("records/dt=10%253A00/b.parquet")
    assert tree.read(day("10:00")) == ["dt=10%3A00/a.parquet"]
    assert tree.read(day("10%3A00")) == ["dt=10%253A00/b.parquet"]


@pytest.mark.parametrize(
    ("paths", "columns", "words"),
    [
        (
            ["dt=1/hora=1/a", "dt=2/a"],
            ["dt", "hora"],
            "not of one depth: dt=2 holds data itself, dt=1/hora=1 is a level",
        ),
        (["dt=1/a", "dt=2/hora=1/a"], ["hora"], "not of one depth: dt=1 holds data itself"),
        (["dt=1/hora=1/a", "dt=2/lote/a"], ["dt", "hora"], "not of one depth: dt=2 holds data itself"),
        (
            ["dt=1/hora=1/a", "dt=2/minuto=1/a"],
            ["dt", "hora"],
            "do not have the same columns: dt=1/hora=1 and dt=2/min",
        ),
        (["dt=1/a", "data=2/a"], ["dt"], "do not have the same columns: data=2 and dt=1"),
        (["dt=7/a", "dt=%37/a"], ["dt"], "are the same partition: dt=%37 and dt=7"),
        (["dt=7/a", "DT=7/a"], ["dt"], "are the same partition: DT=7 and dt=7"),
        (["dt=1/a"], ["mes"], "is not partitioned by mes; its partition columns are dt."),
        (["a"], ["dt"], "records has no partitions: no folder in it is named as dt=…"),
        ([], ["dt"], "records is missing or empty."),
    ],
)
def test_partitions_that_cannot_be_told_apart_are_refused(
    paths: list[str], columns: list[str], words: str, tree: Tree
) -> None:
    for path in paths:
        tree.put(f"records/{path}")
    with pytest.raises(SourceNotReady) as raised:
        tree.table().partition_names(columns)
    assert words in raised.value.message


def test_a_metastore_registers_no_partitions_of_several_depths(tree: Tree) -> None:
    tree.put("records/dt=1/a")
    tree.put("records/dt=2/hora=1/a")
    with pytest.raises(SourceNotReady, match="not of one depth: dt=1 holds data itself"):
        tree.table().partitions()


def test_a_folder_in_which_a_load_has_just_begun_is_no_partition(tmp_path: Path) -> None:
    tree = Tree(tmp_path, None)
    tree.put("records/dt=1/hora=1/a")
    (tmp_path / "records/dt=2/_temporary").mkdir(parents=True)
    assert tree.table().partition_names(["dt", "hora"]) == ["dt=1/hora=1"]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (day("3"), "There is no partition 3 in"),
        (day("2"), "There is no data in"),
        (day("1", "id"), "The column id of"),
    ],
)
def test_a_partition_that_cannot_be_read(chosen: Chosen, words: str, tree: Tree) -> None:
    tree.put("records/dt=1/a.parquet")
    tree.put_bytes("records/dt=2/_SUCCESS", b"")
    tree.put_bytes("records/dt=2/a.parquet", b"")
    assert words in tree.refusal(chosen)


def test_a_partition_is_ready_when_each_of_its_folders_holds_the_file(tree: Tree) -> None:
    for place in ("dt=1", "dt=2/uf=SP", "dt=2/uf=RJ"):
        tree.put(f"records/{place}/a.parquet")
        tree.put_bytes(f"records/{place}/_SUCCESS", b"")
    table = tree.table()
    assert table.has_file(day("1"), "_SUCCESS")
    assert not table.has_file(day("1"), "_DONE")
    assert not table.has_file(day("2"), "_SUCCESS")  # it is not in dt=2 itself
    assert not table.has_file(day("3"), "_SUCCESS")


def test_what_was_looked_at_once_is_not_looked_at_again(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.put("records/dt=1/a.parquet")
    table = tree.table()
    assert table.partition_names(["dt"]) == ["dt=1"]
    kind = S3Files if tree.bucket else LocalFiles
    monkeypatch.setattr(kind, "children", lambda _self, folder: pytest.fail(f"{folder} is listed again"))
    assert table.partition_names(["dt"]) == ["dt=1"]


def test_a_single_file_is_a_table_of_its_own(tree: Tree) -> None:
    tree.put("records/a.parquet")
    table = tree.table("records/a.parquet")
    assert [file.file.path for file in table.scan(None, WANTED).files] == [table.location]
    with pytest.raises(FileMissing):
        tree.files.walk(f"{table.location}x")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    opened: list[str] = []
    method = LocalFiles.open

    def watched(files: LocalFiles, file: object) -> object:
        opened.append(Path(file.path).parent.name)  # type: ignore[attr-defined]  # a FileState
        return method(files, file)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalFiles, "open", watched)
    return opened


def test_only_the_footers_of_the_chosen_partition_are_read(tmp_path: Path, counted: list[str]) -> None:
    tree = Tree(tmp_path, None)
    for number in range(50):
        tree.put(f"records/dt={number % 5}/{number}.parquet")
    assert len(tree.read(day("3"))) == 10
    assert counted == ["dt=3"] * 10


def test_how_many_values_are_missing_is_told_by_the_footers_or_not_at_all(tmp_path: Path) -> None:
    tree = Tree(tmp_path, None)
    tree.put("records/dt=1/a.parquet", id=["a", "b"], documento=["x", None])
    pq.write_table(
        pa.table({"other": [1, 2, 3], "id": ["c", "d", "e"], "DOCUMENTO": [None, None, "y"]}),
        tmp_path / "records/dt=1/b.parquet", row_group_size=1,
    )  # fmt: skip
    scan = tree.table().scan(day("1"), WANTED)
    assert (scan.nulls("documento"), scan.nulls("id"), scan.rows) == (3, 0, 5)
    without = pa.table({"id": ["f"], "documento": pa.array([None], pa.string())})
    pq.write_table(without, tmp_path / "records/dt=1/c.parquet", write_statistics=["id"])
    scan = tree.table().scan(day("1"), WANTED)
    assert (scan.nulls("documento"), scan.nulls("id"), scan.rows) == (None, 0, 6)
