"""The values that cross module borders: frozen, without behaviour beyond reading and writing themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

# What is longer is no id: no file with it is published, and no reader of one keeps more of a line in memory.
LONGEST_ID_BYTES = 256 * 1024


@dataclass(frozen=True)
class TableRef:
    """Where a table's data is.

    Attributes:
        kind: The part of `--table` before the colon: `parquet`, `iceberg` or `glue`.
        location: Parquet: a folder or a file. Iceberg: a metadata file, or the folder of a file-system table. Both an
            absolute path or `s3://…`. Glue: `database.table`.
        id_column: The column to publish.
    """

    kind: str
    location: str
    id_column: str = "id"

    def __str__(self) -> str:
        return f"{self.kind}:{self.location}"


@dataclass(frozen=True)
class Summary:
    """The one row of `int_matched_ids_summary`: what the engine says it wrote.

    Attributes:
        total_id_bytes: Sum of the ids' lengths in UTF-8 bytes, without line breaks.
        min_id: First id, None when there is none.
        max_id: Last id, None when there is none.
        built_at: When the engine began to write the row, by its own clock.
        document_prefix: What table B's documents begin with, as they were compared. This and the rest is None in a row
            that an older build wrote.
        total_cpfs: Documents of table A.
        usable_cpfs: Those of them that are as many digits as a document has.
        total_records: Records of the partition.
        sampled_records: How many of them were looked at for the prefix.
        sampled_with_prefix: How many of those begin with it.
        suppression_entries: Rows of the suppression list; None where there is none, like the next two.
        suppressed_ids: Ids that must not be published.
        withheld_ids: Those of them that would have been published.
    """

    source_partition: str | None
    total_ids: int
    min_id: str | None
    max_id: str | None
    total_id_bytes: int
    dbt_invocation_id: str
    built_at: datetime | None = None
    document_prefix: str | None = None
    total_cpfs: int | None = None
    usable_cpfs: int | None = None
    total_records: int | None = None
    sampled_records: int | None = None
    sampled_with_prefix: int | None = None
    suppression_entries: int | None = None
    suppressed_ids: int | None = None
    withheld_ids: int | None = None


@dataclass(frozen=True)
class Lookalikes:
    """How many ids of one shape look like documents.

    Attributes:
        shape: The shape in words, such as "the prefix and 11 digits".
        ids: Ids of that shape that were looked at.
        documents: Those of them that have the check digits of a document.
    """

    shape: str
    ids: int
    documents: int


@dataclass(frozen=True)
class Build:
    """What one dbt invocation left for the publisher, from its artifacts.

    Attributes:
        invocation_id: The invocation that wrote run_results.json.
        command: dbt's command of that invocation, such as `build`.
        started_at: When it began, by dbt's clock; None where it does not say.
        table: The table of ids.
        summary: The one-row table beside it.
        failures: The nodes that failed, data tests included, each with dbt's status. Names only: dbt's messages may
            quote data.
        skipped: How many nodes dbt skipped, which it does behind a failure.
        suppressed: The table of ids that must not be published; None where the project has no suppression list.
        untested: Names of the models that these tables are built from, and of data tests on the tables, that this
            invocation did not run.
    """

    invocation_id: str
    command: str
    table: TableRef
    summary: TableRef
    failures: tuple[str, ...] = ()
    skipped: int = 0
    untested: tuple[str, ...] = ()
    started_at: datetime | None = None
    suppressed: TableRef | None = None


@dataclass(frozen=True)
class Encoded:
    """A whole published file, as it was encoded.

    Attributes:
        total_ids: Lines.
        total_id_bytes: The ids' bytes, line breaks not counted.
        content_bytes: Size of the uncompressed content.
        md5: MD5 of the uncompressed content, 32 hex characters (the seed's `md5_checksum`).
        bytes: Size of the gzip file.
        sha256: SHA-256 of the gzip file, 64 hex characters.
        min_id: First id, None when there is none.
        max_id: Last id, None when there is none.
    """

    total_ids: int
    total_id_bytes: int
    content_bytes: int
    md5: str
    bytes: int
    sha256: str
    min_id: str | None
    max_id: str | None


@dataclass(frozen=True)
class Metadata:
    """The metadata of a staged or active object; S3 stores it as short ASCII texts.

    What another program wrote may lack anything, or hold nonsense: every field can be None.

    Attributes:
        overruled: Names of the guards that a person overruled, separated by commas.
        replaces: The staged key of what was active before; these links are the history of what was promoted.
        promoted_by: The command that made the file active, `publish` or `rollback`; a staged file has none.
        set_back_from: The newest partition that somebody knowingly replaced by an older one (a rollback, or
            `older_partition` overruled), as long as nothing as new has been promoted since. By it a consumer that
            accepted that partition comes forward again.
        record: The key of the record that announced this promotion; a staged file has none.
        snapshot_id: The Iceberg snapshot that was read; None for other tables.
        tagged_table: The Iceberg table whose tag `published` follows this destination, as `--table` writes it; None for
            none.
        suppression_entries: Rows of the suppression list that the file was held to; None where there was none.
        withheld_ids: Ids that the list kept out of the file.
    """

    total_ids: int | None = None
    md5_checksum: str | None = None
    created_at: str | None = None
    source_partition: str | None = None
    sha256: str | None = None
    content_bytes: int | None = None
    staged_key: str | None = None
    dbt_invocation_id: str | None = None
    ids_added: int | None = None
    ids_removed: int | None = None
    overruled: str | None = None
    replaces: str | None = None
    promoted_by: str | None = None
    set_back_from: str | None = None
    record: str | None = None
    snapshot_id: str | None = None
    tagged_table: str | None = None
    suppression_entries: int | None = None
    withheld_ids: int | None = None
    publisher_version: str | None = None

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> Metadata:
        """Reads an object's metadata; what is missing, blank or not a number becomes None."""
        values: dict[str, str | int | None] = {}
        for name in cls.__dataclass_fields__:
            text = texts.get(name, "").strip()
            if name in _NUMBERS:
                values[name] = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
            else:
                values[name] = text or None
        return cls(**values)  # type: ignore[arg-type]  # the loop above gives each field its type

    def lacks(self, names: Iterable[str]) -> list[str]:
        """Returns which of these fields are missing, or could not be read."""
        return [name for name in names if getattr(self, name) is None]

    @property
    def overruled_guards(self) -> tuple[str, ...]:
        """The guards that were overruled."""
        return tuple(name for name in (self.overruled or "").split(",") if name)

    def to_texts(self) -> dict[str, str]:
        """Returns what S3 is given: every known field as text."""
        return {name: str(value) for name, value in vars(self).items() if value is not None}


_NUMBERS = frozenset({"total_ids", "content_bytes", "ids_added", "ids_removed", "suppression_entries", "withheld_ids"})


def is_metadata_text(text: str) -> bool:
    """Whether a text survives as an object's metadata: S3 keeps it in an HTTP header, so ASCII, trimmed, one line."""
    return text != "" and text == text.strip() and text.isascii() and text.isprintable()


@dataclass(frozen=True)
class StoredObject:
    """An object as a HEAD shows it.

    Attributes:
        etag: Without quotes.
        bytes: Its size.
        texts: Its metadata as stored.
    """

    key: str
    etag: str
    bytes: int
    last_modified: datetime
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def metadata(self) -> Metadata:
        """The metadata, as far as it can be read."""
        return Metadata.from_texts(self.texts)


def is_same(one: StoredObject | None, other: StoredObject | None) -> bool:
    """Whether two looks at a key saw the same: nothing, or one version with the same metadata."""
    return (one and (one.etag, one.texts)) == (other and (other.etag, other.texts))


@dataclass(frozen=True)
class Inspection:
    """What a gzip file turned out to hold, recomputed from its bytes.

    Attributes:
        bytes: Size of the gzip file.
        sha256: SHA-256 of the gzip file.
        is_whole_gzip: Whether it is one whole gzip member with nothing after it. The fields below describe what
            could be decompressed.
        content_bytes: Size of the content.
        md5: MD5 of the content.
        lines: Lines of the content.
        has_blank_line: Whether a line is empty.
        has_more_bytes: Whether the file is longer than was announced. It was read so far, and no further: then, and
            with more content, the fields above describe a part of the file.
        has_more_content: Whether it unpacks to more than was announced.
    """

    bytes: int
    sha256: str
    is_whole_gzip: bool
    content_bytes: int
    md5: str
    lines: int
    has_blank_line: bool
    has_more_bytes: bool = False
    has_more_content: bool = False


@dataclass(frozen=True)
class Changes:
    """What a new file changes against the active one.

    Attributes:
        ids_added: Ids that active lacks.
        ids_removed: Ids that only active has.
        active_ids: Ids in the active file, as counted.
    """

    ids_added: int
    ids_removed: int
    active_ids: int


@dataclass(frozen=True)
class Hold:
    """A person's word that nothing is to be published.

    Attributes:
        since: UTC, YYYYMMDD_HHMMSS; None where the object does not tell.
    """

    reason: str
    since: str | None
    by: str | None


@dataclass(frozen=True)
class FileState:
    """A file of a table as a listing shows it; a file that was written again differs.

    Attributes:
        path: An absolute path, or `s3://bucket/key`.
        version: Differs when the file was written again: an ETag with its quotes, or a time of modification. Of an
            Iceberg table, which stands in a listing as one entry: the id of its current snapshot.
    """

    path: str
    bytes: int
    version: str
