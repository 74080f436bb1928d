"""What people are told: that a publish was refused, failed, came near a limit, or works again.

And what consumers are told: that another file is active.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from publisher import __version__
from publisher.addresses import without_paths
from publisher.moments import iso
from publisher.records.record import PUBLISHED, REFUSED
from publisher.redaction import shown, without_passwords
from publisher.store.keys import Destination
from publisher.telemetry.run import Run
from publisher.values import Metadata, StoredObject

RECOVERED, WARNING, PROMOTED = "recovered", "warning", "promoted"
_SUBJECT_LENGTH = 100  # of SNS, which takes ASCII


@dataclass(frozen=True)
class Notice:
    """A text for people, and the same for programs.

    Attributes:
        event: `refused`, `failed`, `interrupted`, `warning`, `recovered` or `promoted`.
        subject: One line of ASCII.
        text: Lines.
        fields: What a program reads; the text is in it, under the name that chats look for.
    """

    event: str
    subject: str
    text: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Promoted:
    """A file that became active, by a publish or a rollback.

    Attributes:
        destination: Where.
        etag: Active's.
        bytes: Its size.
        metadata: Its metadata.
        previous: What was active before; None where nothing was, or it is not known.
        run_id: The publish's, as in its records; None of a rollback.
    """

    destination: Destination
    etag: str
    bytes: int
    metadata: Metadata
    previous: StoredObject | None
    run_id: str | None = None


def of_promotion(promoted: Promoted, now: datetime) -> Notice:
    """Returns what consumers are told of a promotion: what is active, and by which record.

    Args:
        promoted: What became active.
        now: The clock.
    """
    said, active = promoted.metadata, promoted.destination.url(promoted.destination.active_key)
    name = promoted.destination.url(promoted.destination.prefix).rstrip("/")
    before = promoted.previous.metadata if promoted.previous else Metadata()
    title = f"{PROMOTED}: {name}"
    lines = [
        f"publisher: {title}",
        f"Active: {_file_text(said)}, {promoted.bytes:,} bytes: {active}",
        *([f"Set back from: partition {said.set_back_from}"] if said.set_back_from else []),
        f"SHA-256: {said.sha256}",
        f"Record: {said.record}",
    ]
    text = "\n".join(map(_safe, lines))
    fields = {
        "destination": name,
        "active": active,
        "record": said.record,
        "run_id": promoted.run_id,
        "promoted_by": said.promoted_by,
        "promoted_at": iso(now),
        "source_partition": said.source_partition,
        "set_back_from": said.set_back_from,
        "overruled": list(said.overruled_guards),
        "etag": promoted.etag,
        "bytes": promoted.bytes,
        "sha256": said.sha256,
        "md5_checksum": said.md5_checksum,
        "content_bytes": said.content_bytes,
        **_ids_beside_those_before(said, before),
    }
    return _notice(PROMOTED, title, text, fields)


def of_run(run: Run) -> Notice | None:
    """Returns what is to be told of a run; None where it is as every day."""
    event = _event(run)
    if event is None:
        return None
    destination = run.destination or "a destination that is not known"
    by = f" by {run.guard}" if run.guard else ""
    title = f"{event}{by}: {destination}"
    lines = [f"{name}: {text}" for name, text in _lines(run).items() if text]
    text = "\n".join(map(_safe, [f"publisher: {title}", *lines]))
    return _notice(event, title, text, _fields(run))


def _notice(event: str, title: str, text: str, fields: Mapping[str, Any]) -> Notice:
    subject = _safe(f"publisher: {title}").encode("ascii", "replace").decode()[:_SUBJECT_LENGTH]
    safe = {name: _safe_value(value) for name, value in fields.items()}
    return Notice(event, subject, text, {"text": text, "event": event, **safe})


def _event(run: Run) -> str | None:
    if run.outcome != PUBLISHED:
        return run.outcome
    if _stopped(run):
        return RECOVERED
    return WARNING if _warnings(run) else None


def _lines(run: Run) -> dict[str, str | None]:
    done = run.published
    lines: dict[str, str | None] = {}
    if done is None:
        lines["What happened"] = without_paths(run.message or "")
        lines["What to do"] = without_paths(run.hint or "")
    else:
        again = f"publishing again after {_stopped(run)}; " if _stopped(run) else ""
        lines["What happened"] = f"{again}{_file_text(done.metadata)} is active."
        lines["Worth knowing"] = "; ".join(_warnings(run))
        lines["What to do"] = (
            "Look at what drifts, before it is refused: docs/guards.md." if _warnings(run) else "Nothing."
        )
    active = run.memory.active if run.memory else None
    if active is not None:
        at = f"{active.last_modified:%Y-%m-%d %H:%M} UTC"
        lines["Active before this run"] = f"{_file_text(active.metadata)}, promoted {at}"
    if run.guard is not None:
        lines["Guard"] = f"{run.guard} (docs/runbook.md)"
    lines["Run"] = run.run_id
    lines["dbt invocation"] = run.dbt_invocation_id
    lines["Log"] = run.ci_run
    return lines


def _fields(run: Run) -> dict[str, Any]:
    said = run.published.metadata if run.published else Metadata()
    before = run.memory.active.metadata if run.memory and run.memory.active else Metadata()
    return {
        "destination": run.destination,
        "outcome": run.outcome,
        "ended_at": iso(run.ended_at),
        "seconds": round(run.seconds, 3),
        "exit_code": run.exit_code,
        "error": run.error,
        "guard": run.guard,
        "message": without_paths(run.message or "") or None,
        "hint": without_paths(run.hint or "") or None,
        "warnings": list(_warnings(run)),
        "stopped_before": len(run.memory.stopped) if run.memory else None,
        "step": run.step,
        "run_id": run.run_id,
        "dbt_invocation_id": run.dbt_invocation_id,
        "ci_run": run.ci_run,
        "source_partition": run.source.partition if run.source else None,
        **_ids_beside_those_before(said, before),
    }


def _ids_beside_those_before(said: Metadata, before: Metadata) -> dict[str, Any]:
    return {
        "total_ids": said.total_ids,
        "ids_added": said.ids_added,
        "ids_removed": said.ids_removed,
        "previous_partition": before.source_partition,
        "previous_total_ids": before.total_ids,
        "publisher_version": __version__,
    }


def _warnings(run: Run) -> tuple[str, ...]:
    return tuple(map(without_paths, run.published.warnings)) if run.published else ()


def _stopped(run: Run) -> str:
    """Returns how often nothing was published since the last time, in words; empty where that is never."""
    outcomes = [key.outcome for key in run.memory.stopped] if run.memory else []
    refusals = outcomes.count(REFUSED)
    counts = ((refusals, "refusal"), (len(outcomes) - refusals, "failure"))
    return " and ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in counts if count)


def _file_text(said: Metadata) -> str:
    ids = "an unknown number of ids" if said.total_ids is None else f"{said.total_ids:,} ids"
    changes = ""
    if said.ids_added is not None and said.ids_removed is not None:
        changes = f" (+{said.ids_added:,} added, -{said.ids_removed:,} removed)"
    return f"{ids} of partition {said.source_partition or 'unknown'}{changes}"


def _safe(text: str) -> str:
    """Returns a text as it may leave: one line, and without passwords."""
    return shown(without_passwords(text))


def _safe_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_safe(text) for text in value]
    return _safe(value) if isinstance(value, str) else value
