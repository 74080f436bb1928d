"""A consumer and what was set back: it goes back on demand, if that was meant, and comes forward again by itself."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from publisher.errors import GuardRefusal
from publisher.pull import pull
from publisher.store.protocol import Store
from tests.memory_store import MemoryStore
from tests.publisher.publishing import ACTIVE, DESTINATION


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "latest.txt.gz"


def active(partition: str | None, **said: str) -> Store:
    """Returns a store in which one partition is active."""
    content = (partition or "unknown").encode()
    compressed = gzip.compress(content)
    texts = {
        "total_ids": "1",
        "md5_checksum": hashlib.md5(content).hexdigest(),
        "sha256": hashlib.sha256(compressed).hexdigest(),
        "content_bytes": str(len(content)),
        **({"source_partition": partition} if partition else {}),
        **said,
    }
    store = MemoryStore()
    store.create(ACTIVE, io.BytesIO(compressed), hashlib.sha256(compressed).hexdigest(), texts)
    return store


def accepted(target: Path) -> tuple[str, Any]:
    """Returns what is in the target, and what the state file says of it."""
    state = json.loads(target.with_name(f"{target.name}.state.json").read_text())
    return gzip.decompress(target.read_bytes()).decode(), state["source_partition"]


def refusal(store: Store, target: Path, *, accept_rollback: bool) -> str:
    before = accepted(target)
    with pytest.raises(GuardRefusal, match="older than the last accepted one") as raised:
        pull(store, DESTINATION, target, accept_rollback=accept_rollback)
    assert raised.value.guard == "older_partition"
    assert accepted(target) == before
    return raised.value.hint


def test_a_consumer_comes_forward_after_a_rollback_and_a_fresh_publish(target: Path) -> None:
    pull(active("20251023"), DESTINATION, target)
    # 23 was set back to 21, and 22 was published since, which is no rollback itself.
    forward = active("20251022", set_back_from="20251023")
    assert refusal(forward, target, accept_rollback=False).startswith("It was set back on purpose: use --accept-roll")
    assert pull(forward, DESTINATION, target, accept_rollback=True).status == "updated"
    assert accepted(target) == ("20251022", "20251022")
    # From here on nothing needs to be accepted.
    assert pull(forward, DESTINATION, target).status == "unchanged"
    assert pull(active("20251023"), DESTINATION, target).status == "updated"


LEVELS = "ano=2025/mes=10/dia="
MEANT: dict[str, tuple[str, str | None, dict[str, str]]] = {
    "a rollback": ("20251023", "20251021", {"overruled": "older_partition"}),
    "among others": ("20251023", "20251021", {"overruled": "too_few_ids,older_partition"}),
    "a rollback that says both": (
        "20251023",
        "20251021",
        {"overruled": "older_partition", "set_back_from": "20251023"},
    ),
    "set back from what was accepted": ("20251023", "20251022", {"set_back_from": "20251023"}),
    "set back from a newer one": ("20251023", "20251022", {"set_back_from": "20251024"}),
    "by number": ("9", "8", {"set_back_from": "10"}),
    "in levels": (f"{LEVELS}9", f"{LEVELS}8", {"set_back_from": f"{LEVELS}10"}),
    "to an unknown one": ("20251023", None, {"set_back_from": "20251023"}),
}


@pytest.mark.parametrize("name", MEANT)
def test_what_was_meant_is_followed_on_demand(name: str, target: Path) -> None:
    last, partition, said = MEANT[name]
    pull(active(last), DESTINATION, target)
    store = active(partition, **said)
    assert "use --accept-rollback" in refusal(store, target, accept_rollback=False)
    assert pull(store, DESTINATION, target, accept_rollback=True).status == "updated"
    assert accepted(target) == (partition or "unknown", partition)


NOT_MEANT: dict[str, tuple[str, str, dict[str, str]]] = {
    "nothing is said, as by an older publisher": ("20251023", "20251022", {}),
    "another guard was overruled": ("20251023", "20251022", {"overruled": "too_few_ids"}),
    "a guard of a longer name": ("20251023", "20251022", {"overruled": "not_older_partition"}),
    "set back from an older one than was accepted": ("20251024", "20251022", {"set_back_from": "20251023"}),
    "by number": ("10", "8", {"set_back_from": "9"}),
    "in levels": (f"{LEVELS}10", f"{LEVELS}8", {"set_back_from": f"{LEVELS}9"}),
    "set back from what cannot be compared": ("20251023", "20251022", {"set_back_from": "dia=20251024"}),
}


@pytest.mark.parametrize("name", NOT_MEANT)
@pytest.mark.parametrize("accept_rollback", [True, False])
def test_what_nobody_meant_is_refused_and_nothing_that_would_not_help_is_recommended(
    name: str, accept_rollback: bool, target: Path
) -> None:
    last, partition, said = NOT_MEANT[name]
    pull(active(last), DESTINATION, target)
    hint = refusal(active(partition, **said), target, accept_rollback=accept_rollback)
    state = target.with_name(f"{target.name}.state.json")
    assert "--accept-rollback" not in hint
    assert f"delete {state}." in hint
    state.unlink()  # what the hint says helps
    assert pull(active(partition, **said), DESTINATION, target).status == "updated"


@pytest.mark.parametrize("partition", ["20251023", "20251024"])
def test_what_is_not_older_needs_no_word(partition: str, target: Path) -> None:
    pull(active("20251023"), DESTINATION, target)
    store = active(partition, set_back_from="20251025")
    assert pull(store, DESTINATION, target).metadata.source_partition == partition
