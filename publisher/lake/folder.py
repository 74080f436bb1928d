"""A raw table that is a folder of Parquet files, here or in S3: its partitions by their folders."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from publisher.errors import SourceNotReady
from publisher.lake.data_files import data_files, footers, require_no_partition_column
from publisher.lake.files import Child, FileMissing, Files, is_hidden
from publisher.lake.other_formats import require_plain
from publisher.lake.partition_names import Chosen, levels_of, require_partitioned_by
from publisher.lake.scan import Column, Scan, scan_of

_NAMES_SHOWN = 3


class FolderTable:
    """A folder. What was listed once is not listed again: a table is looked at once in a run."""

    def __init__(self, location: str, files: Files) -> None:
        """Looks at nothing yet.

        Args:
            location: An absolute path, or `s3://bucket/folder`, as `normal_location` gives it.
            files: Reads the files there.
        """
        self.location = location
        self._files = files
        self._levels: dict[str, list[Child]] = {}
        self._is_plain = False

    def __str__(self) -> str:
        return self.location

    def partition_names(self, columns: Sequence[str]) -> list[str]:
        """Returns the names of its partitions down to the last of some columns.

        Args:
            columns: Partition columns, in lower case.

        Raises:
            SourceNotReady: The folder is missing, is another kind of table, has no partitions, or is not partitioned by
                one of the columns; some partitions have more or fewer levels than others.
            StoreFailed: The store failed.
        """
        self._require_plain()
        folders, keys = [""], tuple[str, ...]()
        while not set(columns) <= set(keys):
            below = self._next_level(folders)
            if not below:
                break
            folders, keys = below, self._require_equal_keys(below)
        if not keys and not self._children(""):
            raise SourceNotReady(
                f"{self} is missing or empty.", "Check that the load ran, and the setting that names the folder."
            )
        if not keys:
            raise SourceNotReady(
                f"{self} has no partitions: no folder in it is named as {columns[0]}=….",
                "Check the setting that names the folder, and that the load ran.",
            )
        require_partitioned_by(columns, keys, str(self))
        self._require_different_values(folders)
        return folders

    def partitions(self) -> list[str]:
        """Returns the names of its partitions with all their levels, as a metastore registers them.

        Raises:
            SourceNotReady: Likewise.
            StoreFailed: The store failed.
        """
        self._require_plain()
        folders = [""]
        while below := self._next_level(folders):
            folders = below
            self._require_equal_keys(folders)
        self._require_different_values(folders)
        return [folder for folder in folders if folder]

    def has_file(self, chosen: Chosen, name: str) -> bool:
        """Whether each folder of a partition directly holds a file of this name, whatever is in it.

        Raises:
            SourceNotReady: As `partition_names`.
            StoreFailed: The store failed.
        """
        folders = self._folders(chosen)
        return bool(folders) and all(
            any(child.name == name and not child.is_folder for child in self._children(folder)) for folder in folders
        )

    def scan(self, chosen: Chosen | None, wanted: Sequence[Column]) -> Scan:
        """Looks at the footers of one partition's files, or of all files of a table without partitions.

        Raises:
            SourceNotReady: There are none, one cannot be read, or one is not what the others are.
            StoreFailed: The store failed.
        """
        self._require_plain()
        columns = chosen.columns if chosen else ()
        require_no_partition_column(columns, wanted, str(self))
        folders = [""] if chosen is None else self._folders(chosen)
        if chosen is not None and not folders:
            raise SourceNotReady(
                f"There is no partition {chosen.name} in {self}.",
                "Pin one that is there with the setting pinned_partition, or unset it.",
            )
        found = []
        for folder in folders:
            with suppress(FileMissing):
                found += data_files(self._files, self._path(folder), [*columns, *(column.name for column in wanted)])
        if not found:
            raise SourceNotReady(
                f"There is no data in {', '.join(map(self._path, folders[:_NAMES_SHOWN]))}: all files are empty or "
                "hidden (a name that begins with _ or a dot), or there is none.",
                "Check that the load ran to its end, and the path.",
            )
        files = footers(self._files, found, wanted)
        return scan_of(str(self), files, chosen.values if chosen else {}, wanted)

    def _folders(self, chosen: Chosen) -> list[str]:
        return [
            name for name in self.partition_names(chosen.columns) if chosen.values.items() <= levels_of(name).items()
        ]

    def _path(self, folder: str) -> str:
        return f"{self.location.rstrip('/')}/{folder}" if folder else self.location

    def _children(self, folder: str) -> list[Child]:
        if folder not in self._levels:
            try:
                self._levels[folder] = self._files.children(self._path(folder))
            except FileMissing:
                self._levels[folder] = []
        return self._levels[folder]

    def _require_plain(self) -> None:
        if not self._is_plain:
            # A location that is a file has no children either; reading it tells whether there is one.
            require_plain(self._files, self.location, self._children(""))
            self._is_plain = True

    def _next_level(self, folders: Sequence[str]) -> list[str]:
        """Returns the folders `key=value` in folders, when either all that hold something have some, or none has.

        Files directly in the table's folder are in no partition: they may describe the table, and no engine reads them.
        """
        below, shallow = [], []
        for folder in folders:
            names = []
            is_stray = False
            for child in self._children(folder):
                if "=" in child.name and child.name[0] != "." and (child.is_folder or child.is_broken):
                    if child.is_broken:
                        raise SourceNotReady(
                            f"The partition {self._path(folder)}/{child.name} is a link that leads nowhere.",
                            "Mount or restore what it names, or remove the link.",
                        )
                    names.append(f"{folder}/{child.name}" if folder else child.name)
                elif not is_hidden(child.name) and (child.bytes or child.is_folder):
                    is_stray = True
            below += names
            if folder and is_stray:
                shallow.append(folder)
        if below and shallow:
            raise SourceNotReady(
                f"The partitions of {self} are not of one depth: {shallow[0]} holds data itself, {below[0]} is a level "
                "more.",
                "Move the data to where that of the others is: which of them is the newest cannot be told.",
            )
        return below

    def _require_equal_keys(self, folders: Sequence[str]) -> tuple[str, ...]:
        keys: dict[tuple[str, ...], str] = {}
        for folder in folders:
            keys.setdefault(tuple(levels_of(folder)), folder)
        if len(keys) > 1:
            one, other = list(keys.values())[:2]
            raise SourceNotReady(
                f"The partitions of {self} do not have the same columns: {one} and {other}.",
                "Move one kind out of the folder: which of them is the newest cannot be told.",
            )
        return next(iter(keys))

    def _require_different_values(self, folders: Sequence[str]) -> None:
        seen: dict[tuple[str, ...], str] = {}
        for folder in folders:
            other = seen.setdefault(tuple(levels_of(folder).values()), folder)
            if other != folder:
                raise SourceNotReady(
                    f"Two folders of {self} are the same partition: {other} and {folder}.",
                    "Join them into one: a catalog has one folder for a partition, and would read half of it.",
                )
