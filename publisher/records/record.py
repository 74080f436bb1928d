"""The record of a run: one flat JSON object, which Athena or DuckDB reads as the row of a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_args, get_type_hints

from publisher.moments import parse_iso
from publisher.redaction import without_passwords
from publisher.values import Metadata

INTENDED = "intended"
PUBLISHED = "published"
ROLLED_BACK = "rolled_back"
REFUSED = "refused"
FAILED = "failed"
INTERRUPTED = "interrupted"
HELD = "held"
RELEASED = "released"
PRUNING = "pruning"
PRUNED = "pruned"

# The outcomes that changed what is active.
PROMOTED = (PUBLISHED, ROLLED_BACK)
# Those of a run that was to do something, and did not.
STOPPED = (REFUSED, FAILED, INTERRUPTED)
OUTCOMES = (INTENDED, *PROMOTED, *STOPPED, HELD, RELEASED, PRUNING, PRUNED)

_LONGEST_TEXT = 2000


@dataclass(frozen=True)
class Record:
    """What one run did, or is about to do. Never an id, a document or a credential.

    Attributes:
        run_id: Of the run: a promotion has one record when it is announced and one when it is done.
        recorded_at: When it was written, UTC, ISO 8601 with microseconds.
        command: The command that ran: `publish`, `rollback`, `hold`, `release`, `prune`.
        outcome: One of `OUTCOMES`; `intended` is written before active is replaced, `pruning` before what holds
            an id is removed.
        error: The class of the error that ended it.
        exit_code: What the process ended with; None where it was not known yet.
        guard: The guard that refused.
        guard_saw: What the guard looked at, and `guard_limit` what it allows, where those are values.
        step: The step that was under way when it ended; None when it came to its end.
        completed_by: The run that wrote this record in the place of one that could not.
        user_name: Who ran it, by the operating system; `host_name` on which machine.
        ci_run: The run of the CI system or scheduler that it was part of, as that one names it.
        source_partition: The partition of the file. This and what follows describes the file that was promoted, or was
            to be.
        tagged_table: The Iceberg table in which the tag `published` was to follow.
        suppression_entries: How many entries the suppression list had, and `withheld_ids` how many ids it kept out.
        active_etag: The ETag of active afterwards.
        previous_staged_key: The staged key of what was active before, as far as it was known; likewise the others.
        reason: Why, in a person's words: of a hold, a rollback, an overrule.
        forced: Whether a rollback went to a file that a guard had refused.
        warnings: What was worth knowing, separated by semicolons.
        seconds_prepare: Wall time of each step.
        table_read: The table, as `--table` writes it.
        removed_staged: How many staged files a prune removed; `removed_records` how many records.
        wanted_ids: How many ids were looked for by `prune --holding`. Which, no record tells, nor a digest of them: of
            what has ten digits, that is found out by trying.
        searched_versions: In how many versions of staged files and of active; and `removed_versions`, how many of them
            held one, and were removed, or were about to be.
        removed_sha256: The SHA-256 of the removed gzip files, each once, the first 500 of them, separated by blanks.
        removed_list_sha256: The SHA-256 of the list of all that was removed, as the command prints it.
    """

    run_id: str
    recorded_at: str
    command: str
    outcome: str
    record_version: int = 1
    publisher_version: str | None = None
    exit_code: int | None = None
    error: str | None = None
    guard: str | None = None
    guard_saw: str | None = None
    guard_limit: str | None = None
    message: str | None = None
    step: str | None = None
    completed_by: str | None = None
    user_name: str | None = None
    host_name: str | None = None
    ci_run: str | None = None
    source_partition: str | None = None
    total_ids: int | None = None
    ids_added: int | None = None
    ids_removed: int | None = None
    md5_checksum: str | None = None
    sha256: str | None = None
    content_bytes: int | None = None
    bytes: int | None = None
    created_at: str | None = None
    staged_key: str | None = None
    dbt_invocation_id: str | None = None
    snapshot_id: str | None = None
    tagged_table: str | None = None
    suppression_entries: int | None = None
    withheld_ids: int | None = None
    set_back_from: str | None = None
    active_etag: str | None = None
    previous_staged_key: str | None = None
    previous_partition: str | None = None
    previous_total_ids: int | None = None
    previous_sha256: str | None = None
    previous_etag: str | None = None
    overruled: str | None = None
    reason: str | None = None
    forced: bool | None = None
    is_held: bool | None = None
    warnings: str | None = None
    seconds_prepare: float | None = None
    seconds_encode: float | None = None
    seconds_compare: float | None = None
    seconds_stage: float | None = None
    seconds_read_back: float | None = None
    seconds_promote: float | None = None
    table_read: str | None = None
    model: str | None = None
    max_ids: int | None = None
    max_id_bytes: int | None = None
    min_percent_of_active: float | None = None
    max_percent_removed: float | None = None
    max_deviation: float | None = None
    final_newline: bool | None = None
    keep_days: int | None = None
    removed_staged: int | None = None
    removed_records: int | None = None
    wanted_ids: int | None = None
    searched_versions: int | None = None
    removed_versions: int | None = None
    removed_sha256: str | None = None
    removed_list_sha256: str | None = None

    @property
    def is_promotion(self) -> bool:
        """Whether active was another file afterwards."""
        return self.outcome in PROMOTED

    def completed(self, active_etag: str | None, outcome: str | None = None) -> Record:
        """Returns the record of an announced promotion as it ended.

        Args:
            active_etag: What active is since.
            outcome: How it ended; None where it did what it announced.
        """
        done = ROLLED_BACK if self.command == "rollback" else PUBLISHED
        return replace(self, outcome=outcome or done, active_etag=active_etag)

    @property
    def moment(self) -> datetime | None:
        """When it was written; None where a record that somebody else wrote does not tell."""
        return parse_iso(self.recorded_at)

    def to_line(self) -> str:
        """Returns the record as it is stored: one line of JSON; what is not known is left out."""
        said = {name: _clean(name, value) for name, value in vars(self).items() if value is not None}
        return f"{json.dumps(said, ensure_ascii=False)}\n"

    def promoted_metadata(self) -> Metadata:
        """Returns what active said of the file that this record is about."""
        values: dict[str, Any] = {name: getattr(self, name) for name in OF_METADATA}
        return Metadata(**{**values, "replaces": self.previous_staged_key, "promoted_by": self.command})


# The fields that tell the same as those of a file's metadata.
OF_METADATA = frozenset(Metadata.__dataclass_fields__) & frozenset(Record.__dataclass_fields__)


def parse_record(content: bytes) -> Record | None:
    """Reads a record; None where it is not one. Of a newer version, the fields that are known here are read."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    values = {name: said[name] for name, kinds in _KINDS.items() if type(said.get(name)) in kinds}
    if not {"run_id", "recorded_at", "command", "outcome"} <= values.keys():
        return None
    return Record(**values)


def _kinds() -> Mapping[str, tuple[type, ...]]:
    found = {}
    for name, hint in get_type_hints(Record).items():
        kinds = tuple(kind for kind in get_args(hint) or (hint,) if kind is not type(None))
        found[name] = (*kinds, int) if float in kinds else kinds
    return found


_KINDS = _kinds()


def _clean(name: str, value: object) -> object:
    if not isinstance(value, str) or name == "removed_sha256":
        return value
    one_line = "".join(sign if sign.isprintable() else " " for sign in without_passwords(value))
    # What cannot be encoded came from a file name or a variable in another encoding.
    return one_line.encode("utf-8", "replace").decode()[:_LONGEST_TEXT]
