"""A bucket in which something happened for some weeks, by its records."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import datetime, timedelta, timezone
from typing import Any

from publisher.moments import iso
from publisher.records.keys import RecordKey
from publisher.records.record import Record
from publisher.store.hold import set_hold
from publisher.store.keys import Destination
from publisher.store.protocol import Store
from tests.memory_store import MemoryStore

DESTINATION = Destination("a-bucket", "ids/")
TODAY = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
# As somebody types who does not think of where it will be read; with a CPF that is valid.
FORGED = '<script>document.title = "taken over"</script><img src=x onerror=alert(1)> "529.982.247-25"'


def write(store: Store, key: str, content: bytes, texts: dict[str, str] | None = None) -> None:
    store.create(key, io.BytesIO(content), hashlib.sha256(content).hexdigest(), texts or {})


def record(store: Store, at: datetime, number: int, outcome: str, **told: Any) -> Record:
    """Writes the record of one run."""
    key = RecordKey.make(DESTINATION, at, f"{number:012x}", outcome)
    command = {"rolled_back": "rollback", "held": "hold", "released": "release"}.get(outcome, "publish")
    said = {"run_id": key.run_id, "recorded_at": iso(at), "command": command, "outcome": outcome, **told}
    write(store, key.key, json.dumps({"user_name": "ana", "host_name": "etl-1", **said}).encode())
    return Record(**said)


def published(store: Store, at: datetime, number: int, **told: Any) -> Record:
    """Writes the record of a file that became active."""
    said = {
        "source_partition": f"{at - timedelta(days=1):%Y%m%d}",
        "total_ids": 97_000 + number * 37 % 900,
        "ids_added": 300 + number * 11 % 90,
        "ids_removed": 250 + number * 7 % 80,
        "bytes": 454_000 + number * 41 % 900,
        "content_bytes": 1_077_000 + number * 47 % 900,
        "md5_checksum": f"{number:032x}",
        "sha256": f"{number:064x}",
        "staged_key": DESTINATION.stage_key(f"{at:%Y%m%d_%H%M%S}"),
        "ci_run": f"https://ci.example/runs/{number}",
        **{f"seconds_{step}": 1.5 for step in ("prepare", "encode", "compare", "stage", "read_back", "promote")},
    }
    return record(store, at, number, told.pop("outcome", "published"), **{**said, **told})


def weeks(days: int = 25) -> MemoryStore:
    """Returns a bucket with a file a day, a refusal, a failure, an overrule, a rollback and a hold."""
    store = MemoryStore()
    last = None
    for number in range(days):
        at = TODAY.replace(hour=4) - timedelta(days=days - 1 - number)
        if number % 20 == 17:
            record(
                store, at, 10_000 + number, "refused", guard="too_many_removed", error="GuardRefusal", exit_code=3,
                message="41 % of active's ids are gone.", guard_saw="41 %", guard_limit="30 %",
                source_partition=f"{at - timedelta(days=1):%Y%m%d}",
            )  # fmt: skip
            at += timedelta(hours=3)
            last = published(store, at, number, overruled="too_many_removed", reason="INC-7: half of A was closed")
            continue
        last = published(store, at, number)
    record(store, TODAY - timedelta(days=8), 20_000, "failed", error="StoreFailed", step="stage", message="Timed out.")
    record(store, TODAY - timedelta(days=3), 20_001, "held", reason=FORGED, is_held=True)
    record(store, TODAY - timedelta(days=2), 20_002, "released", reason=FORGED, is_held=False)
    published(
        store, TODAY - timedelta(days=5, hours=2), 20_003, outcome="rolled_back", reason="INC-8", is_held=True,
        source_partition="20261120",
    )  # fmt: skip
    assert last is not None
    write(store, DESTINATION.active_key, b"a file", last.promoted_metadata().to_texts())
    set_hold(store, DESTINATION, "INC-9: the consumer asks for a day", "bia", TODAY)
    return store
