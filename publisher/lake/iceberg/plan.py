"""The plan of an Iceberg read: a snapshot's data files, and the files that say which of their rows are deleted."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow.parquet as pq
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestEntry, ManifestFile
from pyiceberg.table import ManifestGroupPlanner
from pyiceberg.table.delete_file_index import PATH_FIELD_ID
from pyiceberg.table.deletion_vector import deletion_vectors_from_puffin_file
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.puffin import PuffinFile

from publisher.errors import PublisherError, SourceNotReady, UsageError
from publisher.lake.files import FileMissing, Files, normal_location
from publisher.lake.footers import side_by_side
from publisher.lake.iceberg.metadata import Snapshot, static_table
from publisher.values import FileState


@dataclass(frozen=True)
class Reader:
    """Who reads a table, for messages.

    Attributes:
        name: As in "which the publisher does not apply".
        table: How the table is called.
        gone: What to do when files are gone, or cannot be read.
        rewrite: What to do about files that are not read.
    """

    name: str
    table: str
    gone: str
    rewrite: str


@dataclass(frozen=True)
class PlannedFile:
    """A data file, all of it Parquet.

    Attributes:
        named: As the metadata names it.
        deletes: The files with positions of rows that do not count.
    """

    named: str
    state: FileState
    deletes: tuple[DataFile, ...]


def plan(
    files: Files,
    snapshot: Snapshot,
    reader: Reader,
    row_filter: BooleanExpression | None = None,
    is_wanted: Callable[[DataFile], bool] = lambda _file: True,
) -> list[PlannedFile]:
    """Lists the data files of a snapshot.

    Args:
        files: Reads the table's files.
        snapshot: The snapshot; one that was never written to has no files.
        reader: Who reads.
        row_filter: What partitions are chosen by; files that match in part are listed.
        is_wanted: Which of the files are.

    Raises:
        SourceNotReady: A file of the metadata, or a data file, is missing or damaged.
        UsageError: A file is no Parquet, or has rows that are deleted by equality.
        StoreFailed: The store failed.
    """
    if snapshot.snapshot_id is None:
        return []
    io = static_table(files, snapshot).io
    with told(reader):
        current = snapshot.metadata.snapshot_by_id(snapshot.snapshot_id)
        manifests = current.manifests(io) if current else []
        planner = _ByPartition(snapshot.metadata, io, row_filter or AlwaysTrue())
        tasks = [task for task in planner.plan_files(manifests) if is_wanted(task.file)]
    for task in tasks:
        if task.file.file_format != FileFormat.PARQUET:
            raise UsageError(
                f"{_begin(reader.table)} has data files of the format {task.file.file_format.value}, not Parquet.",
                reader.rewrite,
            )
        if any(file.content != DataFileContent.POSITION_DELETES for file in task.delete_files):
            _refuse_equality_deletes(reader)

    def stat(named: str) -> FileState:
        try:
            return files.stat(normal_location(named))
        except FileMissing:
            raise SourceNotReady(f"The file {normal_location(named)} of {reader.table} is gone.", reader.gone) from None

    states = side_by_side(stat, [task.file.file_path for task in tasks])
    return [
        PlannedFile(task.file.file_path, state, tuple(sorted(task.delete_files, key=lambda file: file.file_path)))
        for task, state in zip(tasks, states, strict=True)
    ]


def deleted_rows(files: Files, snapshot: Snapshot, reader: Reader, planned: Sequence[PlannedFile]) -> list[array[int]]:
    """Returns for each data file the positions of the rows that do not count, ascending.

    Raises:
        SourceNotReady: A file of deletes is missing or damaged.
        UsageError: One is of a format that is not read.
        StoreFailed: The store failed.
    """
    io = static_table(files, snapshot).io
    read: dict[str, dict[str, list[int]]] = {}
    gathered = []
    with told(reader):
        for file in planned:
            positions: set[int] = set()
            for delete_file in file.deletes:
                if delete_file.file_path not in read:
                    read[delete_file.file_path] = _positions(io, delete_file, reader)
                positions.update(read[delete_file.file_path].get(file.named, ()))
            gathered.append(array("q", sorted(positions)))
    return gathered


class _ByPartition(ManifestGroupPlanner):
    """Chooses files by their partitions, and by no bounds that may be cut.

    The bounds of a file's columns are cut, by default after 16 characters. An upper one should be raised then; where a
    writer did not, rows would be left out, or deleted ones be there again, and nothing would tell.
    """

    def __init__(self, metadata: TableMetadata, io: FileIO, condition: BooleanExpression) -> None:
        super().__init__(metadata, io)  # without a row filter, with which it would compare the bounds of columns
        self.partition_filters = ManifestGroupPlanner(metadata, io, condition).partition_filters

    def plan_manifest_entries(self, manifests: Iterable[ManifestFile]) -> Iterator[list[ManifestEntry]]:
        """Reads manifests, and forgets to which paths deletes are said to be limited where one may go on."""
        read = list(super().plan_manifest_entries(manifests))
        files = [entry.data_file for entries in read for entry in entries]
        paths = sorted(file.file_path.encode() for file in files if file.content == DataFileContent.DATA)
        for file in files:
            last = (file.upper_bounds or {}).get(PATH_FIELD_ID)
            if file.content == DataFileContent.POSITION_DELETES and last is not None:
                behind = bisect_right(paths, last)
                if behind < len(paths) and paths[behind].startswith(last):
                    del file.upper_bounds[PATH_FIELD_ID]
        return iter(read)


@contextmanager
def told(reader: Reader) -> Iterator[None]:
    """Turns what pyiceberg raises over a table's metadata into an error that names the table.

    Raises:
        SourceNotReady: It is missing or damaged.
        UsageError: It has equality deletes, which pyiceberg does not plan.
    """
    try:
        yield
    except PublisherError:
        raise
    except FileMissing as missing:
        raise SourceNotReady(f"The file {missing} of {reader.table} is gone.", reader.gone) from None
    except Exception as error:  # damaged Avro raises what its bytes happen to be read as, SystemError among it
        if "equality deletes" in str(error):
            _refuse_equality_deletes(reader, error)
        raise SourceNotReady(
            f"The metadata of {reader.table} cannot be read ({type(error).__name__}).", reader.gone
        ) from error


def _refuse_equality_deletes(reader: Reader, cause: Exception | None = None) -> None:
    raise UsageError(
        f"{_begin(reader.table)} has equality deletes, which {reader.name} does not apply.", reader.rewrite
    ) from cause


def _begin(text: str) -> str:
    return text[0].upper() + text[1:]


def _positions(io: FileIO, delete_file: DataFile, reader: Reader) -> dict[str, list[int]]:
    with io.new_input(delete_file.file_path).open() as opened:
        if delete_file.file_format == FileFormat.PUFFIN:
            vectors = deletion_vectors_from_puffin_file(PuffinFile(opened.read()))
            return {vector.referenced_data_file: vector.to_vector().to_pylist() for vector in vectors}
        if delete_file.file_format != FileFormat.PARQUET:
            raise UsageError(
                f"{_begin(reader.table)} has delete files of the format {delete_file.file_format.value}, not Parquet.",
                reader.rewrite,
            )
        with pq.ParquetFile(opened) as parquet:
            rows = parquet.read(columns=["file_path", "pos"], use_threads=False).to_pydict()
    found: dict[str, list[int]] = {}
    for path, position in zip(rows["file_path"], rows["pos"], strict=True):
        found.setdefault(path, []).append(position)
    return found
